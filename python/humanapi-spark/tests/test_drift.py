"""A year in which what the service sends becomes another thing: whatever was written of it reads as one table."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.dataset
import pyarrow.ipc
import pyarrow.json
import pyarrow.parquet
import pytest
from conftest import Service, Truth, canonical
from pyspark.sql import DataFrame, SparkSession

PATHS = {"activities": "activities", "test_results": "medical/test_results"}
MONTH = 30 * 86_400
FIRST_WITH_VALUES = 7
"""From this month on files have more columns."""

# What is new of each month: fields that nobody knows, and known ones of another type, in records within as well.
DRIFT: list[dict[str, dict[str, Any]]] = [
    {"activities": {}, "test_results": {}},
    {"activities": {"mood": "calm"}, "test_results": {"lab": {"name": "Example"}}},
    {"activities": {"steps": "4321"}, "test_results": {"components": [{"name": "a", "value": 5.5, "unit": "mg/dL"}]}},
    {"activities": {"distance": {"value": 5, "unit": "km"}}, "test_results": {"components": "none"}},
    {"activities": {"mood": {"level": 3}}, "test_results": {"components": {"value": 1}}},
    {"activities": {"calories": [120, 130]}, "test_results": {"components": [None, "b", 3, {"value": {"n": 1}}]}},
    {"activities": {"type": 7, "source": None}, "test_results": {"components": [{"name": 5, "added": True, "low": "<3"}]}},
    {"activities": {"startTime": 1_560_000_000}, "test_results": {"resultDateTime": ["2019-06-03"], "lab": "Example"}},
    {"activities": {"duration": True}, "test_results": {"codes": [{"code": 718, "inferred": "no"}]}},
    {"activities": {"steps": -0.5}, "test_results": {"codes": [["718-7"]], "organization": "Example"}},
    {"activities": {"timeSeries": "none", "sourceData": [1, "a", None]}, "test_results": {"name": {"en": "Sodium"}}},
    {"activities": {"tzOffset": -420, "mood": [1]}, "test_results": {"lab": 7, "components": [{"value": 'text\r\n"=1"'}]}},
]


@dataclass
class Year:
    """What was written of it, and what there was."""

    service: Service
    folder: Path
    each_month: Truth
    """Of each month's user, what there was at its end."""
    at_the_end: Truth


@pytest.fixture(scope="module")
def year(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Year:
    """Twelve months, of which each brings a user, and changes and deletes something of the others."""
    folder = tmp_path_factory.mktemp("year")
    users: list[str] = []
    each_month: dict[str, list[tuple[str, str]]] = {resource: [] for resource in PATHS}
    for month, drift in enumerate(DRIFT, start=1):
        control(service, "/sandbox/clock/advance", seconds=MONTH)
        user = f"drift-{month:02}"
        users.append(user)
        for source in ("strider", "sandbox_clinic"):
            control(service, "/sandbox/sources/connect", client_user_id=user, source=source, start=True)
        for resource, fields in drift.items():
            change(service, user, change="fill", resource=PATHS[resource], count=4)
            change(service, user, change="insert", resource=PATHS[resource], fields=fields)
            if month > 1:
                change(service, users[-2], change="update", resource=PATHS[resource], at=1, fields=fields)
                change(service, users[-2], change="delete", resource=PATHS[resource], at=2)
        of_month = replace(service, users=written(folder / f"{user}.txt", [user]))
        more = ["--values"] if month >= FIRST_WITH_VALUES else []
        run(of_month, "export", "--format", "parquet", *more, "--out", str(folder / f"year/month={month:02}"))
        for resource, records in of_month.truth(list(PATHS)).records.items():
            each_month[resource] += records
        of_all = replace(service, users=written(folder / "users.txt", users))
        run(of_all, "sync", "--full-every", "0", "--out", str(folder / "in-step"))
    for name in ("csv", "ndjson-envelope", "arrow"):
        run(of_all, "export", "--format", name, "--out", str(folder / name))
    return Year(service, folder, Truth(each_month), of_all.truth(list(PATHS)))


def written(path: Path, users: list[str]) -> str:
    path.write_text("\n".join(users) + "\n")
    return str(path)


def control(service: Service, path: str, **body: object) -> None:
    client = {} if "seconds" in body else {"client_id": os.environ["HUMANAPI_CLIENT_ID"]}
    status, said = service.call(path, client | body)
    assert status < 300, said


def change(service: Service, user: str, **what: object) -> None:
    control(service, "/sandbox/records", client_user_id=user, change=what)


def run(service: Service, verb: str, *words: str) -> None:
    given = ["--users", service.users, "--base-url", service.base_url, "--resources", ",".join(PATHS), "--buckets", "2"]
    done = subprocess.run([service.command, "data", verb, *given, *words], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def check_sums(seen: Iterator[tuple[str, int, float | None]], truth: Truth, resource: str) -> None:
    for name, count, total in seen:
        expected = truth.total(resource, name)
        assert count == expected[0], (resource, name)
        assert math.isclose(total or 0.0, expected[1], rel_tol=1e-9, abs_tol=1e-9), (resource, name)


def numbers(service: Service, resource: str) -> list[str]:
    return next(route.numbers for route in service.routes if route.resource == resource)


def sums(names: list[str], row: Any) -> Iterator[tuple[str, int, float | None]]:  # noqa: ANN401 -- a row of Spark or DuckDB
    """What a row of counts and sums says."""
    for at, name in enumerate(names):
        yield name, row[2 * at], row[2 * at + 1]


def of_numbers(names: list[str], quote: str) -> list[str]:
    columns = [f"{quote}{name}{quote}" for name in names]
    return [told for name in columns for told in (f"count(cast({name} as double))", f"sum(cast({name} as double))")]


@pytest.mark.parametrize("resource", PATHS)
def test_a_year_of_parquet_reads_as_one_table(spark: SparkSession, year: Year, resource: str) -> None:
    truth, names = year.each_month, numbers(year.service, resource)
    rows, users = len(truth.records[resource]), len(DRIFT)
    assert len(truth.users(resource)) == users
    folder = f"{year.folder}/year"

    frame = spark.read.options(basePath=folder, mergeSchema=True).parquet(f"{folder}/month=*/resource={resource}")
    assert (frame.count(), frame.select("_user").distinct().count()) == (rows, users)
    if names:
        check_sums(sums(names, frame.selectExpr(*of_numbers(names, "`")).collect()[0]), truth, resource)
    assert each(frame.select("_user", "_record").collect()) == truth.each(resource)

    duck = duckdb.read_parquet(f"{folder}/*/resource={resource}/*/*.parquet", hive_partitioning=True, union_by_name=True)
    assert duck.aggregate("count(*), count(distinct _user)").fetchall() == [(rows, users)]
    if names:
        check_sums(sums(names, duck.aggregate(", ".join(of_numbers(names, '"'))).fetchall()[0]), truth, resource)

    files = [str(path) for path in sorted(Path(folder).glob(f"*/resource={resource}/*/*.parquet"))]
    schema = pa.unify_schemas([pyarrow.parquet.read_schema(file) for file in files])
    table = pyarrow.dataset.dataset(files, schema=schema).to_table()
    assert (table.num_rows, len(table.column("_user").unique())) == (rows, users)
    for name in names:
        column = table.column(name)
        total = pyarrow.compute.sum(column).as_py()
        check_sums(iter([(name, len(column) - column.null_count, total)]), truth, resource)

    # Columns that came later are there for all.
    assert set(schema.names) == set(frame.columns) - {"bucket", "month", "resource"}
    if resource == "test_results":
        items = {field.name for field in schema.field("components").type.value_type}
        assert "canonical_value" in items


def each(rows: list[Any]) -> Counter[tuple[str, str]]:
    return Counter((row[0], canonical(row[1])) for row in rows)


@pytest.mark.parametrize("resource", PATHS)
def test_every_other_format_of_that_year_reads_as_one_table(spark: SparkSession, year: Year, resource: str) -> None:
    truth, names = year.at_the_end, numbers(year.service, resource)
    of = f"resource={resource}/*/*"

    frame = spark.read.csv(f"{year.folder}/csv/{of}.csv", header=True, multiLine=True, quote='"', escape='"')
    duck = duckdb.read_csv(f"{year.folder}/csv/{of}.csv", header=True, all_varchar=True, quotechar='"', escapechar='"')
    tables = []
    for file in sorted(year.folder.glob(f"csv/{of}.csv")):
        header = pyarrow.csv.open_csv(file, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)).schema.names
        tables.append(
            pyarrow.csv.read_csv(
                file,
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True, quoted_strings_can_be_null=False
                ),
            )
        )
    table = pa.concat_tables(tables)
    check_all(truth, resource, (names, frame, duck, table))

    # Rows of types: a stream has them, and Spark takes a table of Arrow as its own.
    read = [pyarrow.ipc.open_stream(file.read_bytes()).read_all() for file in sorted(year.folder.glob(f"arrow/{of}.arrow"))]
    table = pa.concat_tables(read)
    check_all(truth, resource, (names, spark.createDataFrame(table), duckdb.from_arrow(table), table))

    lines = f"{year.folder}/ndjson-envelope/{of}.ndjson"
    envelope = "_user string, _resource string, _read_at string, record string"
    frame = spark.read.schema(envelope).json(lines)
    assert each(frame.select("_user", "record").collect()) == truth.each(resource)
    found = duckdb.execute(recipe("docs/exporting.md", "read_json", lines)).fetchall()
    assert Counter(found) == Counter((json.loads(record)["id"], user) for user, record in truth.records[resource])
    only = pyarrow.json.ParseOptions(explicit_schema=pa.schema([("_user", pa.string())]), unexpected_field_behavior="ignore")
    by_arrow = [
        pyarrow.json.read_json(file, parse_options=only) for file in sorted(year.folder.glob(f"ndjson-envelope/{of}.ndjson"))
    ]
    assert Counter(pa.concat_tables(by_arrow).column("_user").to_pylist()) == truth.users(resource)


def check_all(truth: Truth, resource: str, seen: tuple[list[str], DataFrame, duckdb.DuckDBPyRelation, pa.Table]) -> None:
    """Three readers find the same users, as many rows and the same sums."""
    names, frame, duck, table = seen
    users = truth.users(resource)
    assert Counter(row[0] for row in frame.select("_user").collect()) == users
    assert dict(duck.aggregate("_user, count(*)").fetchall()) == users
    assert Counter(table.column("_user").to_pylist()) == users
    if names:
        check_sums(sums(names, frame.selectExpr(*of_numbers(names, "`")).collect()[0]), truth, resource)
        check_sums(sums(names, duck.aggregate(", ".join(of_numbers(names, '"'))).fetchall()[0]), truth, resource)
    for name in names:
        column = table.column(name).cast(pa.float64())
        check_sums(iter([(name, len(column) - column.null_count, pyarrow.compute.sum(column).as_py())]), truth, resource)


def recipe(page: str, word: str, lines: str = "") -> str:
    """The statement of a page that has this word, over these files."""
    blocks: list[str] = re.findall(r"```(?:sql|python)\n(.*?)```", (Path(__file__).parents[3] / page).read_text(), re.DOTALL)
    block = next(block for block in blocks if word in block)
    statement = next(part for part in block.split(";") if word in part)
    return re.sub(r"'[^']*\.ndjson'", f"'{lines}'", statement) if lines else block


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("resource", PATHS)
def test_a_folder_that_was_kept_in_step_for_that_year_tells_the_latest_of_each_record(
    spark: SparkSession, year: Year, resource: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = year.at_the_end
    ids = Counter((user, json.loads(record)["id"]) for user, record in truth.records[resource])
    page = "docs/keeping-in-step.md"
    monkeypatch.chdir(year.folder)

    duckdb.execute(recipe(page, "row_number()", f"in-step/resource={resource}/*/*.ndjson"))
    found = pd.DataFrame(duckdb.fetchall(), columns=[column[0] for column in duckdb.description() or ()])
    assert each(found[["_user", "record"]].to_numpy().tolist()) == truth.each(resource)

    for word in ("drop_duplicates", "Window.partitionBy"):
        names: dict[str, Any] = {"spark": spark}
        text = recipe(page, word).replace("resource=activities", f"resource={resource}")
        exec(text.replace('"in-step/', f'"{year.folder}/in-step/'), names)  # noqa: S102 -- it is our page
        latest = names["latest"]
        pairs = latest[["_user", "_id"]]
        told = pairs.itertuples(index=False, name=None) if isinstance(latest, pd.DataFrame) else map(tuple, pairs.collect())
        assert Counter(told) == ids, word
