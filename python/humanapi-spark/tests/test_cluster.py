"""On a cluster of two executors, of which one is killed while it reads."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
from conftest import Service, canonical
from pyspark.sql import SparkSession

import humanapi_spark

RESOURCE = "immunizations"
RATE = 20.0
"""So many requests a second of all tasks together."""
JITTER = timedelta(seconds=1)
"""So much later than it was let out a request may come, where the machine is busy."""


def executors() -> list[int]:
    """The executors of this session."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and b"CoarseGrainedExecutorBackend" in words(process):
            parent = int(process.name)
            while parent > 1 and parent != os.getpid():
                parent = parent_of(parent)
            if parent == os.getpid():
                found.append(int(process.name))
    return found


def words(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def parent_of(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])


def test_every_record_is_there_once_and_the_service_is_never_asked_above_the_one_rate(
    spark: SparkSession, service: Service, tmp_path: Path
) -> None:
    truth = service.truth([RESOURCE]).each(RESOURCE)
    service.forget_requests()
    settings = service.settings(buckets=6, rate=RATE, store="redis", store_keys=service.store_keys)
    seed = time.time_ns()
    rest = random.Random(seed)  # noqa: S311 -- it chooses a moment
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        """Kill one executor once both are at work."""
        while not over.is_set() and len(service.requests()) < 10:
            time.sleep(0.1)
        over.wait(rest.uniform(0.0, 5.0))
        one = rest.choice(sorted(executors()))
        os.kill(one, signal.SIGKILL)
        killed.append(one)

    killer = threading.Thread(target=kill)
    killer.start()
    landed = humanapi_spark.land(spark, str(tmp_path / "lake"), settings, resources=[RESOURCE])
    was_killed_in_time = bool(killed)
    over.set()
    killer.join()
    log = service.requests()
    print(f"seed {seed}, {len(log)} requests, {landed}")
    assert was_killed_in_time
    table = pa.dataset.dataset(tmp_path / f"lake/resource={RESOURCE}", partitioning="hive").to_table()
    assert Counter((row["_user"], canonical(row["_record"])) for row in table.to_pylist()) == truth
    assert landed[0].records == sum(truth.values())
    # In no span of time is there more than the rate allows for it.
    times = sorted(datetime.fromisoformat(request["at"]) for request in log)
    for length in (1, 5, 20, len(times)):
        span = timedelta(seconds=length)
        most = RATE * (span + JITTER).total_seconds() + 1
        first = 0
        for last, at in enumerate(times):
            while at - times[first] > span:
                first += 1
            assert last - first + 1 <= most, (seed, length)
    whole = (times[-1] - times[0] + JITTER).total_seconds()
    assert len(times) <= RATE * whole + 1
    print(f"{len(times) / whole:.1f} requests a second, of {RATE}")
