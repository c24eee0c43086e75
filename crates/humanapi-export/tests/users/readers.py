"""Reads an export in every format by DuckDB and pyarrow, and compares it with what there is."""

import json
import math
import os
import re
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.dataset
import pyarrow.ipc

DUCKDB = {
    "text": "VARCHAR",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "bool": "BOOLEAN",
    "moment": "TIMESTAMP WITH TIME ZONE",
    "day": "DATE",
    "texts": "VARCHAR[]",
}
ARROW = {
    "text": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "bool": pa.bool_(),
    "moment": pa.timestamp("us", tz="UTC"),
    "day": pa.date32(),
}


def check(seen, expected, what):
    if seen != expected:
        sys.exit(f"{what}: {seen} instead of {expected}")


def quoted(name):
    return '"' + name + '"'


def check_arrow_type(kind, expected, what):
    if isinstance(expected, dict):
        check(pa.types.is_list(kind), True, f"{what} is a list")
        fields = {field.name: field.type for field in kind.value_type}
        check(sorted(fields), sorted(expected), what)
        for name, inner in expected.items():
            check_arrow_type(fields[name], inner, f"{what}.{name}")
    elif expected == "texts":
        check(kind.value_type, pa.string(), what)
    else:
        check(kind, ARROW[expected], what)


def check_sums(relation, told, what):
    for name, (count, total) in told["sums"].items():
        seen = duckdb.sql(f"select count({quoted(name)}), coalesce(sum({quoted(name)}), 0) from relation").fetchall()[0]
        check(seen[0], count, f"{what}: numbers of {name}")
        if not math.isclose(seen[1], total, rel_tol=1e-9, abs_tol=1e-9):
            sys.exit(f"{what}: {name} sums up to {seen[1]} instead of {total}")


def check_items(relation, told, what):
    for name, count in told["items"].items():
        seen = duckdb.sql(f"select count(*) from (select unnest({quoted(name)}) from relation)").fetchall()[0][0]
        check(seen, count, f"{what}: items of {name}")


def check_values(relation, told, what):
    """Of weights, the kilograms of all of them."""
    if not told["values"]:
        return
    count, total = told["values"]
    seen = duckdb.sql(
        "select count(canonical_value), sum(canonical_value), min(canonical_unit), max(canonical_unit) from relation"
    ).fetchall()[0]
    check((seen[0], seen[2], seen[3]), (count, "kg", "kg"), f"{what}: values in their unit")
    if not math.isclose(seen[1], total, rel_tol=1e-9):
        sys.exit(f"{what}: {seen[1]} kg instead of {total}")


def rows_and_users(relation):
    return duckdb.sql("select count(*), count(distinct _user) from relation").fetchall()[0]


def check_columns(relation, table, told, what):
    """What has types: the same for both readers, with the same numbers in them."""
    types = dict(zip(relation.columns, map(str, relation.types)))
    for name, kind in told["types"].items():
        if isinstance(kind, dict):
            check(types[name].startswith("STRUCT(") and types[name].endswith("[]"), True, f"{what}: {name}")
        else:
            check(types[name], DUCKDB[kind], f"{what}: {name}")
        check_arrow_type(table.schema.field(name).type, kind, f"{what}: {name} by pyarrow")
    check_sums(relation, told, what)
    check_items(relation, told, what)
    check_values(relation, told, what)
    check_arrow_numbers(table, told, what)
    for record in table.column("_record").to_pylist():
        json.loads(record)


def check_arrow_numbers(table, told, what):
    """Rows, users and sums by pyarrow alone."""
    what = f"{what} by pyarrow"
    users = table.column("_user")
    check((table.num_rows, len(users.unique())), (told["rows"], told["users"]), what)
    for name, (count, total) in told["sums"].items():
        numbers = table.column(name).cast(pa.float64())
        check(len(numbers) - numbers.null_count, count, f"{what}: numbers of {name}")
        seen = pa.compute.sum(numbers).as_py() or 0.0
        check(math.isclose(seen, total, rel_tol=1e-9, abs_tol=1e-9), True, f"{what}: {name} sums up to {seen}")


def parquet(folder, resource, told):
    what = f"parquet {resource}"
    relation = duckdb.sql(
        f"select * from read_parquet('{folder}/resource={resource}/*/*.parquet', hive_partitioning = true)"
    )
    check(rows_and_users(relation), (told["rows"], told["users"]), what)
    table = pa.dataset.dataset(f"{folder}/resource={resource}", partitioning="hive").to_table()
    check_columns(relation, table, told, what)


def arrow(folder, resource, told):
    what = f"arrow {resource}"
    tables = []
    for path in sorted(Path(folder).glob(f"resource={resource}/*/*.arrow")):
        with pa.OSFile(str(path)) as file:
            tables.append(pa.ipc.open_stream(file).read_all())
    # One table, whatever each file holds.
    relation = pa.concat_tables(tables)
    # DuckDB tells types of what it has taken as its own.
    table, relation = relation, duckdb.from_arrow(relation)
    check(rows_and_users(relation), (told["rows"], told["users"]), what)
    check_columns(relation, table, told, what)


def csv(folder, resource, told):
    what = f"csv {resource}"
    relation = duckdb.sql(
        f"select * from read_csv('{folder}/resource={resource}/*/*.csv', header = true, all_varchar = true, "
        "delim = ',', quote = '\"', escape = '\"', hive_partitioning = true, max_line_size = 16777216)"
    )
    check(rows_and_users(relation), (told["rows"], told["users"]), what)
    numbers = ", ".join(f"cast({quoted(name)} as double) as {quoted(name)}" for name in told["sums"])
    if numbers:
        check_sums(duckdb.sql(f"select {numbers} from relation"), told, what)
    if told["values"]:
        values = "cast(canonical_value as double) as canonical_value, canonical_unit"
        check_values(duckdb.sql(f"select {values} from relation"), told, what)
    check_arrow_numbers(pa.concat_tables(map(csv_table, sorted(Path(folder).glob(f"resource={resource}/*/*.csv")))), told, what)


def csv_table(path):
    """A file by pyarrow, all of it as text; a number that is not there is an empty field without quotes."""
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    read = pa.csv.ReadOptions(block_size=64 << 20)
    names = pa.csv.open_csv(path, read_options=read, parse_options=parse).schema.names
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    return pa.csv.read_csv(path, read_options=read, parse_options=parse, convert_options=convert)


def ndjson(folder, resource, told):
    what = f"ndjson {resource}"
    users, rows, refused = set(), 0, 0
    for path in Path(folder).glob(f"resource={resource}/*/*.ndjson"):
        # By lines of bytes: a text may hold what other readers take for the end of a line.
        for line in path.read_bytes().split(b"\n")[:-1]:
            record = json.loads(line)
            users.add(record["_user"])
            rows += 1
            refused += holds_half_a_letter(record)
    check((rows, len(users)), (told["rows"], told["users"]), what)
    if rows:
        # DuckDB takes no JSON with half a letter in it, and says so unless it is told to go on.
        seen = duckdb.sql(
            f"select count(json) from "
            f"read_ndjson_objects('{folder}/resource={resource}/*/*.ndjson', ignore_errors = true)"
        ).fetchall()[0][0]
        check(seen, told["rows"] - refused, f"{what} by DuckDB")


def holds_half_a_letter(record):
    """Whether a text in it has one half of a pair that stands for a letter beyond the first 65,536, and not the other."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
        return False
    except UnicodeEncodeError:
        return True


def follow_recipes(folder, page, with_values):
    """Does what the page says, in a folder with the exports that it speaks of."""
    (folder / "lake").symlink_to("parquet")
    (folder / "year").mkdir()
    (folder / "year/month=2026-01").symlink_to("../parquet")
    (folder / "exported").symlink_to("ndjson-envelope")
    os.chdir(folder)
    recipes = 0
    for language, text in re.findall(r"```(sql|python)\n(.*?)```", page, re.DOTALL):
        statements = [part for part in text.split(";") if part.strip()] if language == "sql" else [text]
        for statement in statements:
            if "canonical_value" in statement and not with_values:
                continue
            if language == "sql":
                check(len(duckdb.sql(statement).fetchall()) > 0, True, statement)
            elif "spark" not in text:
                exec(statement, {})
            recipes += "spark" not in text
    return recipes


def main():
    folder = Path(sys.argv[1])
    truth = json.loads((folder / "truth.json").read_text())
    if sys.argv[3]:
        check(truth["weight"]["values"][0] > 0, True, "there are weights")
    for resource, told in truth.items():
        for read, name in [(parquet, "parquet"), (arrow, "arrow"), (csv, "csv"), (ndjson, "ndjson-envelope")]:
            if (folder / name).is_dir():
                read(folder / name, resource, told)
    recipes = follow_recipes(folder, Path(sys.argv[2]).read_text(), bool(sys.argv[3]))
    print(f"{len(truth)} kinds of records, {recipes} recipes")


main()
