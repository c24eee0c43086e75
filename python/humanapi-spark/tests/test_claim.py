"""Of drivers that want one place, one at a time has it, whatever becomes of the others and of storage."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Service
from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

import humanapi_spark
from humanapi_spark import LandingInUseError, claim
from humanapi_spark.claim import Claim

AT_MOST = 300.0
"""So many seconds are waited for what has to come."""


def wait_until(it_is_so: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not it_is_so():
        assert time.monotonic() - begun < AT_MOST
        time.sleep(0.02)


def take_away(place: Path) -> None:
    """Remove all claims, as another driver does that takes them for dead.

    A beat that had looked just before may write once more, in far less time than it takes to be dead.
    """
    for _ in range(5):
        for file in place.iterdir():
            file.unlink(missing_ok=True)
        time.sleep(3 * claim.BEAT)
        if not list(place.iterdir()):
            break


def test_of_many_that_want_a_place_one_at_a_time_has_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "BEAT", 0.1)
    inside, most, came = 0, 0, 0
    counts = threading.Lock()

    def enter() -> None:
        nonlocal inside, most, came
        try:
            with Claim(spark, str(tmp_path / "landing")) as own:
                with counts:
                    inside, came = inside + 1, came + 1
                    most = max(most, inside)
                time.sleep(1.0)
                own.check()
                with counts:
                    inside -= 1
        except LandingInUseError:
            pass

    drivers = [threading.Thread(target=enter) for _ in range(6)]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert most == 1
    assert came >= 1
    assert list((tmp_path / "landing").glob("[!.]*")) == []


def test_the_place_of_a_driver_that_died_is_taken_and_it_does_not_come_back(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "BEAT", 0.2)
    monkeypatch.setattr(claim, "STALE", 6.0)
    place = tmp_path / "landing"
    place.mkdir()
    (place / "0").touch()
    begun = time.monotonic()
    with Claim(spark, str(place)) as own:
        assert time.monotonic() - begun > claim.STALE
        assert not (place / "0").exists()
        own.check()
        # Such as while its machine stood still.
        take_away(place)
        assert list(place.iterdir()) == []
        with pytest.raises(LandingInUseError, match="could not keep its place"):
            own.check()


def test_a_write_that_was_stuck_brings_no_place_back(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "BEAT", 0.2)
    monkeypatch.setattr(claim, "STALE", 6.0)
    place = tmp_path / "landing"
    own, other = Claim(spark, str(place)), Claim(spark, str(place))
    write = own._write
    free, stuck = threading.Event(), threading.Event()

    def write_later() -> None:
        if not free.is_set():
            stuck.set()
            assert free.wait(AT_MOST)
        write()

    def names() -> set[str]:
        return {file.name for file in place.iterdir()}

    def lose() -> None:
        with own:
            own.check()
            monkeypatch.setattr(own, "_write", write_later)
            assert stuck.wait(AT_MOST)
            with other:
                assert own._name not in names()
                free.set()
                wait_until(lambda: own._name in names())
                for _ in range(5):
                    with pytest.raises(LandingInUseError, match="could not keep its place"):
                        own.check()
                    other.check()
                    time.sleep(claim.BEAT)
            # Whatever comes of it, it is told by the same error.
            raise RuntimeError("the job was cancelled")

    with pytest.raises(LandingInUseError, match="could not keep its place"):
        lose()
    assert names() == set()


def test_an_answer_that_comes_late_makes_no_driver_dead(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "BEAT", 1.0)
    monkeypatch.setattr(claim, "STALE", 6.0)
    place = str(tmp_path / "landing")
    with Claim(spark, place) as own:
        other = Claim(spark, place)
        claims = other._claims
        asked: list[dict[str, int]] = []

        def claims_late() -> dict[str, int]:
            found = claims()
            if threading.current_thread() is threading.main_thread():
                asked.append(found)
                if len(asked) == 2:
                    time.sleep(claim.STALE + 1.0)
            return found

        monkeypatch.setattr(other, "_claims", claims_late)
        with pytest.raises(LandingInUseError, match="wait until it is over"), other:
            pass
        own.check()


def test_jobs_of_a_place_that_was_lost_are_cancelled_and_commit_nothing(
    spark: SparkSession, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "BEAT", 0.2)
    begun, ended, command = tmp_path / "begun", tmp_path / "ended", tmp_path / "humanapi"
    command.write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib, sys, time\n"
        "if 'export' in sys.argv:\n"
        f"    pathlib.Path({str(begun)!r}).touch()\n"
        "    time.sleep(30)\n"
        f"    pathlib.Path({str(ended)!r}).touch()\n"
        f"os.execv({service.command!r}, sys.argv)\n"
    )
    command.chmod(0o700)
    out = tmp_path / "lake"

    def take() -> None:
        wait_until(begun.exists)
        take_away(out / "_manifest/landing")

    taker = threading.Thread(target=take)
    taker.start()
    settings = replace(service.settings(buckets=1), command=str(command))
    with pytest.raises(LandingInUseError, match="could not keep its place"):
        humanapi_spark.land(spark, str(out), settings, resources=["activities"])
    taker.join()
    assert not ended.exists()
    assert list(out.glob("resource=*/**/*.parquet")) == []
    # What the session does otherwise is cancelled by nobody.
    assert spark.range(3).count() == 3


@pytest.mark.parametrize("times", [1, 2])
def test_storage_that_is_gone_at_the_end_neither_fails_a_landing_nor_hides_why_it_failed(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    times: int,
) -> None:
    monkeypatch.setattr(claim, "BEAT", 0.2)
    for error in (None, ValueError("the real one")):
        own = Claim(spark, str(tmp_path / f"landing-{error}"))
        failed: list[str] = []

        def remove_later(name: str, remove: Callable[[str], None] = own._remove, failed: list[str] = failed) -> None:
            if len(failed) < times:
                failed.append(name)
                raise Py4JError("storage is gone")
            remove(name)

        monkeypatch.setattr(own, "_remove", remove_later)
        caplog.clear()
        seen = None
        try:
            with caplog.at_level(logging.WARNING), own:
                if error is not None:
                    raise error
        except ValueError as raised:
            seen = raised
        assert seen is error
        assert failed == [own._name] * times
        stays = times == 2
        assert len(list((tmp_path / f"landing-{error}").glob("[!.]*"))) == stays
        assert ("the next landing waits for 30 seconds" in caplog.text) == stays
