"""The data source: `spark.read.format("humanapi")`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import IntegerType, StructField, StructType

from humanapi_spark import command
from humanapi_spark.command import Settings

BUCKET = "bucket"
"""The column that tells which bucket a record's user is in, as folders of exports do."""


class SpeculationError(ValueError):
    """The session would run tasks twice at a time."""

    def __init__(self) -> None:
        super().__init__(
            "spark.speculation is on: a second copy of a slow task would ask the service for the same users again, "
            "and take its share of the one rate from the tasks that it waits for. Set it to false for this session"
        )


def register(spark: SparkSession) -> None:
    """Make `spark.read.format("humanapi")` known to a session.

    Raises `SpeculationError` where the session speculates.
    """
    refuse_speculation(spark)
    spark.dataSource.register(HumanApiDataSource)


def refuse_speculation(spark: SparkSession) -> None:
    """Raise `SpeculationError` where the session speculates."""
    if (spark.conf.get("spark.speculation", "false") or "false").lower() == "true":
        raise SpeculationError


@dataclass
class Bucket(InputPartition):
    """One bucket of users, which is one task."""

    number: int
    # It tells which bucket somebody is in, and is in no log.
    key: str = field(repr=False)

    def __init__(self, number: int, key: str) -> None:
        super().__init__(number)
        self.number = number
        self.key = key


class HumanApiDataSource(DataSource):
    """One kind of record of many users; its options are those of `Settings`."""

    @classmethod
    def name(cls) -> str:
        """What `format` takes."""
        return "humanapi"

    def schema(self) -> StructType:
        """The columns of Parquet exports, and the bucket, as when Spark reads a folder of them."""
        settings = Settings.of(self.options)
        columns = from_arrow_schema(command.schema(settings))
        return StructType([*columns.fields, StructField(BUCKET, IntegerType(), nullable=True)])

    def reader(self, schema: StructType) -> HumanApiReader:
        """Read by this schema."""
        return HumanApiReader(Settings.of(self.options), schema)


class HumanApiReader(DataSourceReader):
    """Reads each bucket by a command of its own."""

    def __init__(self, settings: Settings, schema: StructType) -> None:
        self.settings = settings
        self.schema = schema

    def partitions(self) -> Sequence[Bucket]:
        """A task for each bucket."""
        key = self.settings.key()
        numbers = self.settings.only_buckets
        if numbers is None:
            numbers = tuple(range(self.settings.buckets))
        return [Bucket(number, key) for number in numbers]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The records of one bucket. Where not all of them came the task fails, and Spark runs it anew."""
        assert isinstance(partition, Bucket)  # noqa: S101 -- they are what `partitions` gave
        schema = to_arrow_schema(self.schema, timezone="UTC")
        bucket = schema.field(BUCKET)
        for batch in command.read(self.settings, partition.key, partition.number):
            numbers = pa.repeat(pa.scalar(partition.number, bucket.type), batch.num_rows)
            # Lists within have items of another name in Spark's eyes.
            yield batch.append_column(bucket, numbers).cast(schema)
