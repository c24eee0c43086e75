"""The `humanapi` command: what it is told, and what comes back from it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa
import pyarrow.ipc

MOST_BUCKETS = 1_000
"""So many buckets the command takes."""

SAFE_HARBOR = "safe-harbor"
"""The policy that the command has; any other is a file."""
_KEY_DIGITS = 64
_TOLD = 4_096
"""So many bytes of what the command said on standard error are repeated."""


class CommandFailedError(RuntimeError):
    """The command ended before all was read; what it wrote until then is not to be used.

    The message is the command's own, which holds no secret, no user's id and nothing of a record.
    """

    def __init__(self, code: int, told: str) -> None:
        super().__init__(code, told)
        self.code = code
        """Its exit code; below zero, the signal that ended it."""
        self.told = told
        """What it said, with what to do about it."""

    def __str__(self) -> str:
        """Tell the exit code and what the command said."""
        return f"humanapi ended with code {self.code}: {self.told or 'it said nothing'}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is read, from where and how fast: the options of `spark.read.format("humanapi")`."""

    users: str
    """A file with a user's id on each line, by a path at which every executor can read it."""
    resource: str = ""
    """The kind of record, such as `activities`; `humanapi data schema` names them all. `land` sets it by itself."""
    buckets: int = 16
    """Users are put into so many buckets by a keyed hash; each is a task."""
    key_file: str | None = None
    """On the driver: 64 hexadecimal digits by which users are put into buckets. One is drawn for each read otherwise."""
    only_buckets: tuple[int, ...] | None = None
    """Read these buckets alone, counted from 0."""
    since: str | None = None
    """Only what changed since this moment."""
    values: bool = False
    """Add columns with each value in the unit of its kind."""
    deidentify: str | None = None
    """Take out what tells whose the data are: by `safe-harbor`, or by a file with a policy, by a path at which driver and
    executors can read it. Codes are made by the key of `key_file`, which is needed."""
    rate: float | None = None
    """How many requests all tasks together may begin each second; it needs a store that they share."""
    store: str | None = None
    """Where tasks share tokens and the rate: `postgres` or `redis`, whose address is in `HUMANAPI_STORE_URL`."""
    store_keys: str | None = None
    """The file of the store's keys on every executor, unless `HUMANAPI_STORE_KEYS` holds them."""
    at_once: int | None = None
    """So many lists are read at once by each task."""
    provisioning: str | None = None
    """`connect` or `hip`, as the vendor set the application up."""
    profile: str | None = None
    """The profile of `humanapi config` that every executor has."""
    base_url: str | None = None
    """Where to ask instead of production, such as a sandbox."""
    timeout: str | None = None
    """How long one call may take, such as `30s`."""
    command: str = "humanapi"
    """The command on driver and executors, if it is not on their path."""

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Settings:
        """Read the options of a data source.

        Raises `ValueError` where one is missing, unknown or no such value.
        """
        given = {key.lower(): value for key, value in options.items()}
        unknown = sorted(given.keys() - cls.__dataclass_fields__.keys())
        if unknown:
            raise ValueError(
                f"there is no option {', '.join(unknown)}: take one of {', '.join(cls.__dataclass_fields__)}. "
                "Credentials are no options, because Spark shows those: set HUMANAPI_CLIENT_ID and "
                "HUMANAPI_CLIENT_SECRET where executors run"
            )
        for needed in ("resource", "users"):
            if not given.get(needed):
                raise ValueError(f"the option {needed} is missing")
        read: dict[str, Any] = dict(given)
        for name, kind in (("buckets", int), ("at_once", int), ("rate", float)):
            if name in read:
                read[name] = _number(name, read[name], kind)
        if "values" in read:
            read["values"] = _flag("values", read["values"])
        if "only_buckets" in read:
            numbers = [part for part in read["only_buckets"].split(",") if part.strip()]
            read["only_buckets"] = tuple(int(_number("only_buckets", part, int)) for part in numbers)
        settings = cls(**read)
        settings._check()
        return settings

    def options(self) -> dict[str, str]:
        """The same as options of a data source."""
        given = ((name, getattr(self, name)) for name in self.__dataclass_fields__)
        texts = (
            (name, ",".join(map(str, value)) if isinstance(value, tuple) else str(value))
            for name, value in given
            if value is not None
        )
        return dict(texts)

    def _check(self) -> None:
        if not 1 <= self.buckets <= MOST_BUCKETS:
            raise ValueError(f"the option buckets is a number from 1 to {MOST_BUCKETS}")
        if any(not 0 <= bucket < self.buckets for bucket in self.only_buckets or ()):
            raise ValueError("the option only_buckets names a bucket that there is not")
        if self.deidentify is not None and self.key_file is None:
            raise ValueError(
                "the option deidentify needs a key_file, by which codes are made in the place of ids: "
                "make one, such as by `openssl rand -hex 32`, and keep it as a secret"
            )
        if self.rate is not None and self.store is None:
            raise ValueError(
                "the option rate is one for all tasks together, which they can only keep by a store that they share: "
                "set the option store to postgres or redis"
            )

    def key(self) -> str:
        """The key by which users are put into buckets, read on the driver or drawn."""
        if self.key_file is None:
            return os.urandom(_KEY_DIGITS // 2).hex()
        with open(self.key_file, encoding="ascii", errors="replace") as file:
            key = file.read().strip()
        if len(key) != _KEY_DIGITS or not all(digit in "0123456789abcdefABCDEF" for digit in key):
            raise ValueError(f"the file of the option key_file holds no key: a key is {_KEY_DIGITS} hexadecimal digits")
        return key

    def words(self, bucket: int, key_file: str) -> list[str]:
        """The command that writes one bucket's records to its standard output."""
        words = [self.command, "data", "export", "--resources", self.resource, "--users", self.users]
        words += ["--format", "arrow", "--buckets", str(self.buckets), "--key-file", key_file]
        # As many shards as buckets: each takes one.
        words += ["--shard", f"{bucket + 1}/{self.buckets}"]
        given = {
            "--since": self.since,
            "--deidentify": self.deidentify,
            "--shared-rate": self.rate,
            "--store": self.store,
            "--store-keys": self.store_keys,
            "--at-once": self.at_once,
            "--provisioning": self.provisioning,
            "--profile": self.profile,
            "--base-url": self.base_url,
            "--timeout": self.timeout,
        }
        for option, value in given.items():
            if value is not None:
                words += [option, str(value)]
        if self.values:
            words.append("--values")
        return words


def _number(name: str, text: str, kind: type[int] | type[float]) -> float:
    try:
        number = kind(text)
    except ValueError:
        raise ValueError(f"the option {name} is no number") from None
    if number < 0:
        raise ValueError(f"the option {name} is below zero")
    return number


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"the option {name} is true or false")
    return text.lower() == "true"


def schema(settings: Settings) -> pa.Schema:
    """The schema of one kind of record, which needs neither credentials nor the service."""
    words = [settings.command, "data", "schema", settings.resource, "--format", "arrow"]
    if settings.values:
        words.append("--values")
    if settings.deidentify is not None:
        words.append("--deidentified")
    return pa.ipc.open_stream(_run(words)).schema


def version(command: str) -> str:
    """Which version of the command it is."""
    return _run([command, "--version"]).decode().strip()


def resources(command: str) -> list[str]:
    """All kinds of records that the command exports."""
    return _run([command, "data", "schema"]).decode().split()


def read(settings: Settings, key: str, bucket: int) -> Generator[pa.RecordBatch, None, None]:
    """The records of one bucket as they come.

    Raises `CommandFailedError` at the end where not all of them came, so that nobody takes a part for the whole.
    """
    with tempfile.TemporaryFile() as said, _key_in_a_pipe(key) as key_end:
        words = settings.words(bucket, f"/dev/fd/{key_end}")
        process = _start(words, stdout=subprocess.PIPE, stderr=said, pass_fds=[key_end])
        assert process.stdout is not None  # noqa: S101 -- it is a pipe, as was asked for
        try:
            with process.stdout as output:
                try:
                    yield from pa.ipc.open_stream(output)
                except (pa.ArrowInvalid, OSError):
                    # A stream that breaks off is the command's failure, which says why. If it is none, this is.
                    if process.wait() == 0:
                        raise
            _check(process.wait(), said)
        finally:
            # Nobody wants the rest, or it is over already.
            process.terminate()
            process.wait()


def _run(words: Sequence[str]) -> bytes:
    with tempfile.TemporaryFile() as said, _start(words, stdout=subprocess.PIPE, stderr=said) as process:
        told, _ = process.communicate()
        _check(process.returncode, said)
        return bytes(told)


def _check(code: int, said: IO[bytes]) -> None:
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - _TOLD))
    told = said.read().decode(errors="replace").strip()
    if code != 0:
        raise CommandFailedError(code, told)
    if told:
        # Such as how many users the service refuses: it goes to the log of this worker.
        print(told, file=sys.stderr)


def _start(words: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 -- as subprocess has it
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 -- a worker has one thread
            **how,
        )
    except FileNotFoundError:
        raise CommandFailedError(
            127, f"there is no command {words[0]}: install humanapi where this runs, or set the option command"
        ) from None


def _end_with_parent() -> None:
    """An executor that is killed must not leave a command behind that goes on asking the service."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


@contextmanager
def _key_in_a_pipe(key: str) -> Iterator[int]:
    """A file that is on no disk and that nobody else can open."""
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "w") as pipe:
            pipe.write(key)
        yield reading
    finally:
        os.close(reading)
