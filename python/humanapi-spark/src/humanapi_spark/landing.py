"""Records into Parquet folders, by a job that can be run again."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from py4j.protocol import Py4JError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import BooleanType, IntegerType, LongType, StringType, StructField, StructType

from humanapi_spark import command
from humanapi_spark.claim import Claim
from humanapi_spark.command import SAFE_HARBOR, Settings
from humanapi_spark.source import BUCKET, register

_MANIFEST = "_manifest/landed"
_CLAIMS = "_manifest/landing"
_EMPTY = "none"
"""What a bucket holds that a landing into fewer buckets does not have."""
_SERVICE = ("HUMANAPI_CLIENT_ID", "HUMANAPI_BASE_URL", "HUMANAPI_AUTH_URL", "HUMANAPI_DATA_URL", "HUMANAPI_PROFILE")
_LINE = StructType(
    [
        StructField("resource", StringType(), nullable=False),
        StructField("bucket", IntegerType(), nullable=False),
        StructField("what", StringType(), nullable=False),
        StructField("whole", BooleanType(), nullable=False),
        StructField("records", LongType()),
        StructField("landing", LongType(), nullable=False),
        StructField("line", LongType(), nullable=False),
    ]
)


_WAVE = 8
"""So many buckets are committed at once unless something else is said."""
_IN_PARTS = 3
"""Until so many buckets in a row came to nothing, reads that do are done again in halves, and from then on without one."""
_MOST = 6
"""After so many buckets in a row, the rest of that kind is left for the next run."""
_MAY_PASS = re.compile(r"humanapi ended with code [56]: [^\n]*")
"""What a task says where some lists could not be read that may be another time, by the command's exit codes."""


@dataclass(frozen=True)
class Landed:
    """What came of one kind of record."""

    resource: str
    records: int
    """How many records this run wrote."""
    buckets: int
    """How many buckets this run wrote."""
    skipped: int
    """How many buckets were whole before and were not read."""
    left: tuple[int, ...] = ()
    """The buckets that are not whole, because some of their lists could not be read; the same call reads them again."""


class LandingNotWholeError(RuntimeError):
    """Some buckets could not be read. All others are whole, and the same call again reads those that are left."""

    def __init__(self, landed: Sequence[Landed], told: str) -> None:
        super().__init__(landed, told)
        self.landed = tuple(landed)
        """What came of each kind of record."""
        self.told = told
        """What the command said of the last one."""

    @property
    def left(self) -> dict[str, tuple[int, ...]]:
        """The buckets that are not whole, by the kind of record."""
        return {one.resource: one.left for one in self.landed if one.left}

    def __str__(self) -> str:
        """Tell which buckets are left, why, and what to do."""
        left = "; ".join(f"{resource}: {', '.join(map(str, buckets))}" for resource, buckets in self.left.items())
        return f"these buckets could not be read: {left}. All others are whole: start the same again. {self.told}"


def land(
    spark: SparkSession,
    out: str,
    settings: Settings,
    *,
    resources: Iterable[str] | None = None,
    wave: int | None = None,
) -> list[Landed]:
    """Write records to `out/resource=…/bucket=…`, as Parquet, and tell what was written.

    `out` is any place that Spark writes to. `settings.resource` does not count here: all kinds of records are written, or
    those in `resources`. `settings.key_file` is needed, so that users stay in their buckets.

    Whatever ended a run, the same call goes on: a bucket that is whole is not read again, for the same users, key, service
    and `since`. One job at a time writes to a place, and another is refused. After a driver that was killed, the next one
    waits until it is sure of that, which takes half a minute. A driver that could not keep its place for half of that, such as
    one that stood still, has lost it, and its jobs are cancelled. `wave` says how many buckets of one kind are read and
    committed at once, 8 unless it is given: as many as the cluster has cores keep it busy, and fewer lose less where a job
    is ended.

    A bucket of which a list cannot be read for a reason that may pass keeps no other from being whole: what was read with
    it is read again without it, and the run goes on with all others. Where nothing comes of several in a row, the rest of that
    kind of record is left.

    Raises `LandingNotWholeError` at the end where buckets are left, `ValueError` where the settings are not enough,
    `LandingInUseError` where another job writes to the place, and what Spark raises where a task failed for good by another
    reason; what was whole by then stays so.
    """
    if settings.key_file is None:
        raise ValueError("land needs a key_file: make one, such as by `openssl rand -hex 32`, and keep it with the folder")
    register(spark)
    place = out.rstrip("/")
    done = []
    trouble = _Trouble()
    with Claim(spark, f"{place}/{_CLAIMS}") as claim:
        manifest = _Manifest(spark, f"{place}/{_MANIFEST}", claim)
        for resource in command.resources(settings.command) if resources is None else resources:
            landing = _Landing(spark, place, replace(settings, resource=resource), manifest, trouble)
            done.append(landing.run(_WAVE if wave is None else wave))
    if any(one.left for one in done):
        raise LandingNotWholeError(done, trouble.told) from trouble.last
    return done


@dataclass
class _Trouble:
    """What could not be read, over all kinds of records."""

    row: int = 0
    """How many buckets in a row nothing came of."""
    told: str = ""
    """What the command said last."""
    last: Exception | None = None

    def may_pass(self, error: Exception) -> bool:
        """Tell whether lists could not be read for a reason that may pass, and note it."""
        told = _MAY_PASS.search(str(error))
        if told is not None:
            self.told, self.last = told.group(), error
        return told is not None


class _Landing:
    """One kind of record on its way."""

    def __init__(self, spark: SparkSession, out: str, settings: Settings, manifest: _Manifest, trouble: _Trouble) -> None:
        self.spark = spark
        self.settings = settings
        self.manifest = manifest
        self.trouble = trouble
        self.folder = f"{out}/resource={settings.resource}"
        self.what = _what(settings)
        self.before = manifest.of(settings.resource)

    def run(self, wave: int) -> Landed:
        buckets = self.settings.buckets
        left = self.left()
        # Of a landing into more buckets: their users are in those of this one now, and would be there twice.
        gone = [bucket for bucket in self.before if bucket >= buckets and self.before[bucket] != (_EMPTY, True)]
        if gone:
            self.manifest.add(self.settings.resource, _EMPTY, dict.fromkeys(gone), whole=False)
            self.empty(gone, self.read([0]))
            self.manifest.add(self.settings.resource, _EMPTY, dict.fromkeys(gone, 0), whole=True)
        counts: dict[int, int] = {}
        # Where nothing came of the kind before, one bucket tells whether anything comes of this one.
        first = 1 if self.trouble.row >= _MOST else wave
        waves = deque([*_waves(left[:first], wave), *_waves(left[first:], wave)])
        while waves:
            some = waves.popleft()
            try:
                counts |= self.write(some)
                self.trouble.row = 0
            except (PySparkException, Py4JError) as error:
                if not self.trouble.may_pass(error):
                    raise
                if len(some) > 1:
                    at = len(some) // 2 if self.trouble.row < _IN_PARTS else 1
                    waves.extendleft([some[at:], some[:at]])
                    continue
                self.trouble.row += 1
                if self.trouble.row >= _MOST:
                    break
        not_whole = tuple(sorted(set(left) - counts.keys()))
        return Landed(self.settings.resource, sum(counts.values()), len(counts), buckets - len(left), not_whole)

    def left(self) -> list[int]:
        """Give the buckets that are not whole: those that nothing came of before at the end, each time in another order.

        What cannot be read must keep nothing from being read for ever.
        """
        left = [bucket for bucket in range(self.settings.buckets) if self.before.get(bucket) != (self.what, True)]
        random.shuffle(left)
        return sorted(
            left, key=lambda bucket: bucket if self.before.get(bucket) != (self.what, False) else self.settings.buckets
        )

    def write(self, buckets: Sequence[int]) -> Mapping[int, int]:
        """Write these buckets, and tell how many records each has."""
        # From here on their folders are not what was whole before.
        self.manifest.add(self.settings.resource, self.what, dict.fromkeys(buckets), whole=False)
        frame = self.read(buckets)
        # Spark replaces the folders of buckets that have records now. One that had some and has none would stay.
        self.empty(sorted(set(buckets) & self.before.keys()), frame)
        self.manifest.claim.check()
        write = frame.write.mode("overwrite").option("partitionOverwriteMode", "dynamic")
        write.partitionBy(BUCKET).parquet(self.folder)
        landed = self.spark.read.schema(frame.schema).parquet(self.folder)
        counted = landed.where(f.col(BUCKET).isin(list(buckets))).groupBy(BUCKET).count().collect()
        counts = dict.fromkeys(buckets, 0) | {row[BUCKET]: row["count"] for row in counted}
        self.manifest.add(self.settings.resource, self.what, counts, whole=True)
        return counts

    def empty(self, buckets: Sequence[int], frame: DataFrame) -> None:
        """Leave no record in the folders of these buckets."""
        for bucket in buckets:
            self.manifest.claim.check()
            nothing = self.spark.createDataFrame([], frame.drop(BUCKET).schema)
            nothing.write.mode("overwrite").parquet(f"{self.folder}/{BUCKET}={bucket}")

    def read(self, buckets: Sequence[int]) -> DataFrame:
        only = replace(self.settings, only_buckets=tuple(buckets))
        return self.spark.read.format("humanapi").options(**only.options()).load()


def _waves(buckets: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for at in range(0, len(buckets), max(1, size)):
        yield buckets[at : at + max(1, size)]


def _what(settings: Settings) -> str:
    """Tell what is read, so that other users, another key, beginning or service is another landing. It names nobody."""
    users = hashlib.sha256()
    with open(settings.users, "rb") as file:
        while part := file.read(1 << 20):
            users.update(part)
    names = [f"{column.name} {column.type}" for column in command.schema(settings)]
    service = [settings.base_url, settings.profile, settings.provisioning, *map(os.environ.get, _SERVICE)]
    told = json.dumps([settings.resource, settings.buckets, settings.since, users.hexdigest(), names, service, _made(settings)])
    return hmac.new(bytes.fromhex(settings.key()), told.encode(), hashlib.sha256).hexdigest()[:32]


def _made(settings: Settings) -> list[str]:
    """What else records become than what was sent: another version may read units and carry out a policy otherwise."""
    if not settings.values and settings.deidentify is None:
        return []
    made = [command.version(settings.command), str(settings.values), settings.deidentify or ""]
    if settings.deidentify not in (None, SAFE_HARBOR):
        with open(settings.deidentify, "rb") as policy:
            made.append(hashlib.sha256(policy.read()).hexdigest())
    return made


class _Manifest:
    """What is whole: lines that are added and never changed, of which the last of each bucket counts.

    The last is the one with the highest number: landings are counted, and in each its lines. No clock says it.
    """

    def __init__(self, spark: SparkSession, path: str, claim: Claim) -> None:
        self.spark = spark
        self.path = path
        self.claim = claim
        lines = self.lines()
        last = None if lines is None else lines.agg(f.max("landing")).collect()[0][0]
        self.landing = 1 + (last or 0)
        self.line = 0

    def lines(self) -> DataFrame | None:
        """All that is said, unless nothing is."""
        try:
            return self.spark.read.schema(_LINE).json(self.path)
        except AnalysisException as error:
            if error.getCondition() != "PATH_NOT_FOUND":
                raise
            return None

    def of(self, resource: str) -> dict[int, tuple[str, bool]]:
        """What the last line of each bucket says."""
        lines = self.lines()
        if lines is None:
            return {}
        last = lines.where(f.col("resource") == resource).groupBy("bucket")
        rows = last.agg(f.max_by(f.struct("what", "whole"), f.struct("landing", "line")).alias("last")).collect()
        return {row["bucket"]: (row["last"]["what"], row["last"]["whole"]) for row in rows}

    def add(self, resource: str, what: str, records: Mapping[int, int | None], *, whole: bool) -> None:
        """Add a line for each of these buckets, unless this driver lost its place."""
        self.claim.check()
        self.line += 1
        number = (self.landing, self.line)
        lines = [(resource, bucket, what, whole, count, *number) for bucket, count in records.items()]
        self.spark.createDataFrame(lines, _LINE).coalesce(1).write.mode("append").json(self.path)
