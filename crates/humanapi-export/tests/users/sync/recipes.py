"""Runs the recipes of a page over a folder that is kept in step, and prints which records each finds."""

import os
import re
import sys
from pathlib import Path

import duckdb

page, folder, resource = sys.argv[1:]
text = Path(page).read_text(encoding="utf-8").split("### The latest of each record")[1].split("\n### ")[0]
os.chdir(Path(folder).parent)
sql, pandas_recipe, spark = (
    block.replace("activities", resource) for _, block in re.findall(r"```(sql|python)\n(.*?)```", text, re.S)
)
assert "pyspark" in spark, "the third recipe is Spark's"


def told(name, rows):
    for user, record in sorted(rows):
        print(name, user, record)


found = duckdb.sql(sql)
told("duckdb", duckdb.sql("select _user, _id from found").fetchall())
names = {}
exec(pandas_recipe, names)
told("pandas", names["latest"][["_user", "_id"]].itertuples(index=False, name=None))
