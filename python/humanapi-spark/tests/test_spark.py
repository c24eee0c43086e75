"""On Spark: what is read and landed is what the service has, and every reader reads it."""

from __future__ import annotations

import itertools
import json
import math
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pytest
from conftest import Service, Truth, canonical, is_number
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

import humanapi_spark
from humanapi_spark import LandingInUseError, LandingNotWholeError, Settings, SpeculationError, claim

READ = ["test_results", "medications"]
LANDED = ["immunizations", "activities"]


@pytest.fixture(scope="session")
def truth(service: Service) -> Truth:
    return service.truth([route.resource for route in service.routes])


def load(spark: SparkSession, settings: Settings) -> DataFrame:
    return spark.read.format("humanapi").options(**settings.options()).load()


def numbers(service: Service, resource: str) -> list[str]:
    return next(route.numbers for route in service.routes if route.resource == resource)


@pytest.mark.parametrize("resource", READ)
def test_a_read_has_every_record_once_with_its_types_and_sums(
    spark: SparkSession, service: Service, truth: Truth, resource: str
) -> None:
    frame = load(spark, service.settings(resource)).cache()
    assert Counter(row["_user"] for row in frame.select("_user").collect()) == truth.users(resource)
    for name in numbers(service, resource):
        assert sums(frame, name) == pytest.approx(truth.total(resource, name))
    assert {field.name: field.dataType.simpleString() for field in frame.schema}["_read_at"] == "timestamp"
    assert frame.select("bucket").distinct().count() > 1


def sums(frame: DataFrame, name: str) -> tuple[int, float]:
    row = frame.agg(f.count(f.col(f"`{name}`")).alias("n"), f.sum(f.col(f"`{name}`")).alias("sum")).collect()[0]
    return row["n"], row["sum"] or 0.0


def test_a_task_that_fails_for_good_fails_the_job_by_what_the_command_said(spark: SparkSession, service: Service) -> None:
    wrong = replace(service.settings("activities", buckets=1), provisioning="nonsense")
    with pytest.raises(Exception, match="humanapi ended with code 2"):
        load(spark, wrong).count()


def test_a_session_that_speculates_is_refused() -> None:
    class Speculating:
        """A session that would run tasks twice."""

        class conf:  # noqa: N801 -- as a session has it
            """Its settings."""

            @staticmethod
            def get(_name: str, _default: str) -> str:
                """Say that it speculates."""
                return "TRUE"

    with pytest.raises(SpeculationError, match="speculation is on"):
        humanapi_spark.register(Speculating())  # type: ignore[arg-type]


def test_a_landing_is_whole_goes_on_and_becomes_delta_in_place(
    spark: SparkSession, service: Service, truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Which line of the manifest is the last is told by no clock, such as one that is set back.
    later = itertools.count(2_000_000_000, -1)
    monkeypatch.setattr(time, "time", lambda: float(next(later)))
    monkeypatch.setattr(time, "time_ns", lambda: next(later) * 1_000_000_000)
    out, settings = tmp_path / "lake", service.settings()
    landed = humanapi_spark.land(spark, str(out), settings, resources=LANDED, wave=2)
    for one in landed:
        assert (one.buckets, one.skipped) == (4, 0)
        assert one.records == len(truth.records[one.resource])
    assert records(out, "immunizations") == truth.each("immunizations")
    # The same again asks the service nothing.
    service.forget_requests()
    again = humanapi_spark.land(spark, str(out), settings, resources=LANDED)
    assert [(one.records, one.skipped) for one in again] == [(0, 4)] * 2
    assert service.requests() == []
    # A run that ended between two commits goes on with what is not whole.
    begun = out / "_manifest/landed"
    lines = [line for path in begun.glob("*.json") for line in path.read_text().splitlines() if '"whole":true' in line]
    last = [line for line in lines if '"immunizations"' in line and '"bucket":3' in line]
    (begun / "begun.json").write_text(re.sub(r'"landing":\d+', '"landing":1000', last[0].replace("true", "false")) + "\n")
    gone_on = humanapi_spark.land(spark, str(out), settings, resources=["immunizations"])
    assert (gone_on[0].buckets, gone_on[0].skipped) == (1, 3)
    assert records(out, "immunizations") == truth.each("immunizations")
    # Fewer buckets take the place of the former, and double nobody.
    humanapi_spark.land(spark, str(out), replace(settings, buckets=2), resources=["immunizations"])
    assert records(out, "immunizations") == truth.each("immunizations")
    # Fewer users are another landing, which leaves nothing behind of who is gone.
    fewer = tmp_path / "fewer.txt"
    fewer.write_text("user-001\n")
    humanapi_spark.land(spark, str(out), replace(settings, users=str(fewer)), resources=["immunizations"])
    of_one = Counter({key: count for key, count in truth.each("immunizations").items() if key[0] == "user-001"})
    assert records(out, "immunizations") == of_one
    delta(out, "activities", len(truth.records["activities"]))


def test_a_bucket_that_cannot_be_read_keeps_nothing_else_from_landing(
    spark: SparkSession, service: Service, truth: Truth, tmp_path: Path
) -> None:
    out, broken = tmp_path / "lake", tmp_path / "broken.json"
    # As the command ends where one list of one user is refused with 503 for good.
    command = in_place_of(
        service,
        tmp_path,
        "import json, pathlib\n"
        f"broken = json.loads(pathlib.Path({str(broken)!r}).read_text())\n"
        "if 'export' in sys.argv:\n"
        "    kind, shard = (sys.argv[sys.argv.index(name) + 1] for name in ('--resources', '--shard'))\n"
        "    if shard in broken.get(kind, []):\n"
        "        sys.stderr.write('error: 1 lists or documents could not be read: unavailable')\n"
        "        sys.exit(6)\n",
    )
    settings = replace(service.settings(buckets=8), command=command)

    def left(**buckets: list[int]) -> LandingNotWholeError:
        broken.write_text(json.dumps({kind: [f"{bucket + 1}/8" for bucket in those] for kind, those in buckets.items()}))
        with pytest.raises(LandingNotWholeError) as ended:
            humanapi_spark.land(spark, str(out), settings, resources=LANDED)
        assert ended.value.left == {kind: tuple(those) for kind, those in buckets.items()}
        return ended.value

    told = left(immunizations=[2])
    assert "immunizations: 2." in str(told)
    assert "humanapi ended with code 6: error: 1 lists" in str(told)
    assert [(one.buckets, one.skipped) for one in told.landed] == [(7, 0), (8, 0)]
    assert records(out, "activities") == truth.each("activities")
    # Nothing of it is read again but what is left.
    assert [(one.buckets, one.skipped) for one in left(immunizations=[2]).landed] == [(0, 7), (0, 8)]
    broken.write_text("{}")
    mended = humanapi_spark.land(spark, str(out), settings, resources=LANDED)
    assert [(one.buckets, one.skipped, one.left) for one in mended] == [(1, 7, ()), (0, 8, ())]
    assert records(out, "immunizations") == truth.each("immunizations")


def in_place_of(service: Service, folder: Path, first: str) -> str:
    """Make a command that does this before it is the command."""
    command = folder / "humanapi"
    command.write_text(f"#!{sys.executable}\nimport os, sys\n{first}os.execv({service.command!r}, sys.argv)\n")
    command.chmod(0o700)
    return str(command)


def test_a_second_driver_is_refused_while_the_first_one_lands(
    spark: SparkSession, service: Service, truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "BEAT", 0.2)
    out, settings = tmp_path / "lake", service.settings()
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    command = in_place_of(
        service,
        tmp_path,
        "import pathlib, time\n"
        "if 'export' in sys.argv:\n"
        f"    pathlib.Path({str(begun)!r}).touch()\n"
        f"    while not pathlib.Path({str(go_on)!r}).exists():\n"
        "        time.sleep(0.05)\n",
    )
    landed: list[humanapi_spark.Landed] = []
    held = replace(settings, command=command)
    first = threading.Thread(target=lambda: landed.extend(humanapi_spark.land(spark, str(out), held, resources=LANDED, wave=1)))
    first.start()
    try:
        while first.is_alive() and not begun.exists():
            time.sleep(0.05)
        with pytest.raises(LandingInUseError, match="wait until it is over"):
            humanapi_spark.land(spark, str(out), replace(settings, buckets=2), resources=LANDED)
    finally:
        go_on.touch()
        first.join()
    assert [one.records for one in landed] == [len(truth.records[resource]) for resource in LANDED]
    assert records(out, "immunizations") == truth.each("immunizations")
    # What is over is in nobody's way.
    assert humanapi_spark.land(spark, str(out), settings, resources=LANDED)[0].skipped == 4


def test_values_come_in_the_unit_of_their_kind(spark: SparkSession, service: Service, truth: Truth) -> None:
    kilograms = {"kg": 1.0, "lb": 0.45359237, "lbs": 0.45359237}
    sent = [json.loads(record) for _, record in truth.records["weight"]]
    sent = [weight for weight in sent if is_number(weight["value"]) and weight.get("unit") in kilograms]
    expected = [float(weight["value"]) * kilograms[weight["unit"]] for weight in sent]
    assert expected
    frame = load(spark, service.settings("weight", values=True)).where("canonical_value is not null")
    seen = frame.agg(f.count("*"), f.sum("canonical_value"), f.min("canonical_unit"), f.max("canonical_unit")).collect()[0]
    assert tuple(seen) == (len(expected), pytest.approx(sum(expected)), "kg", "kg")


def test_a_landing_that_is_deidentified_tells_whose_nothing_is(
    spark: SparkSession, service: Service, truth: Truth, tmp_path: Path
) -> None:
    out, settings = tmp_path / "safe", service.settings(deidentify="safe-harbor", values=True)
    landed = humanapi_spark.land(spark, str(out), settings, resources=LANDED)
    assert [one.records for one in landed] == [len(truth.records[resource]) for resource in LANDED]
    users = Path(service.users).read_text().split()
    for resource in LANDED:
        table = pa.dataset.dataset(out / f"resource={resource}", partitioning="hive").to_table()
        assert "_record" not in table.column_names
        assert sorted(Counter(table.column("_user").to_pylist()).values()) == sorted(truth.users(resource).values())
        told = json.dumps(table.to_pylist(), default=str)
        assert not any(user in told for user in users)
    service.forget_requests()
    assert humanapi_spark.land(spark, str(out), settings, resources=LANDED)[0].skipped == 4
    assert service.requests() == []
    # By another policy it is another landing.
    policy = tmp_path / "own.toml"
    text = (Path(__file__).parents[3] / "crates/humanapi-export/src/deidentify/safe-harbor.toml").read_text()
    policy.write_text(text)
    by_file = replace(settings, deidentify=str(policy))
    assert humanapi_spark.land(spark, str(out), by_file, resources=["immunizations"])[0].skipped == 0
    assert humanapi_spark.land(spark, str(out), by_file, resources=["immunizations"])[0].skipped == 4
    policy.write_text(text + "\n# Read again.\n")
    assert humanapi_spark.land(spark, str(out), by_file, resources=["immunizations"])[0].skipped == 0


def records(out: Path, resource: str) -> Counter[tuple[str, str]]:
    table = pa.dataset.dataset(out / f"resource={resource}", partitioning="hive").to_table(columns=["_user", "_record"])
    return Counter((row["_user"], canonical(row["_record"])) for row in table.to_pylist())


def delta(out: Path, resource: str, count: int) -> None:
    """Does what the page says, and reads what comes of it."""
    lines: dict[str, object] = {}
    exec(recipe("convert_to_deltalake"), {"lake": str(out), "resource": resource}, lines)  # noqa: S102 -- it is our page
    table = lines["table"]
    assert table.to_pyarrow_dataset().count_rows() == count  # type: ignore[attr-defined]


def recipe(word: str) -> str:
    """The block of the page that has this word."""
    page = Path(__file__).parents[3] / "docs/on-a-cluster.md"
    blocks: list[str] = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    return next(block for block in blocks if word in block)


def test_every_reader_reads_every_file_of_the_command(
    spark: SparkSession, service: Service, truth: Truth, tmp_path: Path
) -> None:
    """Spark, DuckDB and pyarrow agree with what there is. Some records of a year hold other types than are documented."""
    out = tmp_path / "exported"
    words = [service.command, "data", "export", "--users", service.users, "--base-url", service.base_url, "--buckets", "3"]
    subprocess.run([*words, "--format", "parquet", "--out", str(out)], check=True, capture_output=True)
    for route in service.routes:
        told, folder = truth.users(route.resource), f"{out}/resource={route.resource}"
        frame = spark.read.parquet(folder)
        table = pa.dataset.dataset(folder, partitioning="hive").to_table()
        duck = duckdb.read_parquet(f"{folder}/*/*.parquet", hive_partitioning=True)
        columns = ["count(*) as n"] + [f"sum(`{name}`) as `{name}`" for name in route.numbers]
        by_spark = frame.selectExpr(*columns).collect()[0]
        by_duck = duck.aggregate(", ".join(columns).replace("`", '"')).fetchall()[0]
        assert by_spark["n"] == by_duck[0] == table.num_rows == sum(told.values()), route.resource
        for name, duck_sum in zip(route.numbers, by_duck[1:], strict=True):
            count, total = truth.total(route.resource, name)
            assert table.num_rows - table.column(name).null_count == count, (route.resource, name)
            for seen in (by_spark[name], duck_sum):
                assert math.isclose(seen or 0.0, total, rel_tol=1e-9, abs_tol=1e-9), (route.resource, name)
        check_types(frame, table.schema, duck)
    for resource in ("activities", "test_results"):
        delta(out, resource, len(truth.records[resource]))


SAME = {
    "string": ("string", "VARCHAR"),
    "double": ("double", "DOUBLE"),
    "int64": ("bigint", "BIGINT"),
    "bool": ("boolean", "BOOLEAN"),
    "date32[day]": ("date", "DATE"),
    "timestamp[us, tz=UTC]": ("timestamp", "TIMESTAMP WITH TIME ZONE"),
}


def check_types(frame: DataFrame, schema: pa.Schema, duck: duckdb.DuckDBPyRelation) -> None:
    spark = {field.name: field.dataType.simpleString() for field in frame.schema}
    duckdb_types = dict(zip(duck.columns, map(str, duck.types), strict=True))
    for column in schema:
        if column.name == "bucket":
            continue
        if pa.types.is_list(column.type):
            assert spark[column.name].startswith("array<")
            assert duckdb_types[column.name].endswith("[]")
        else:
            assert (spark[column.name], duckdb_types[column.name]) == SAME[str(column.type)], column.name
