"""One landing at a time to a place, wherever that is: by a file there that its driver keeps fresh.

Storage of objects knows no locks, and drivers have clocks of their own. So who wants a place writes a file of its own
first and looks for those of others then: of two that begin at once, the later one to look sees the other, and never do
both begin. A driver that died leaves its file behind. Who finds one watches whether its time moves, for as long as its own
clock says, and compares that time with no clock.
"""

from __future__ import annotations

import secrets
import threading
import time
from types import TracebackType
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

BEAT = 5.0
"""So many seconds apart a driver makes its file anew."""
STALE = 30.0
"""After so many seconds without that, it is taken for dead."""
_LOOK = 0.2
"""So many of these make the time until others are looked at again."""


class LandingInUseError(RuntimeError):
    """Another driver is at work at this place, or took it over from this one."""


class Claim:
    """A place that one driver writes to, while it is entered."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        jvm = spark.sparkContext._jvm
        java = spark.sparkContext._jsc
        if jvm is None or java is None:
            raise RuntimeError("the session is over: make one, and land by that")
        self._path = jvm.org.apache.hadoop.fs.Path
        self._folder = self._path(folder)
        self._files: Any = self._folder.getFileSystem(java.hadoopConfiguration())
        self._name = secrets.token_hex(16)
        self._fresh = time.monotonic()
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Claim:
        """Take the place.

        Raises `LandingInUseError` where another driver has it. One that died has it for as long as `STALE` says.
        """
        self._write(self._name)
        self._beating.start()
        try:
            self._wait_for_others()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the place to others."""
        self._leave()

    def check(self) -> None:
        """Raise `LandingInUseError` unless this driver has the place still, and will for a while."""
        if time.monotonic() - self._fresh > STALE / 2 or self._name not in self._claims():
            raise LandingInUseError(
                "this driver could not keep its place, such as while it stood still, and another may have taken it: "
                "see that no other landing to this place is at work, and start the same again"
            )

    def _wait_for_others(self) -> None:
        begun = time.monotonic()
        seen: dict[str, tuple[int, float]] = {}
        while others := {name: at for name, at in self._claims().items() if name != self._name}:
            now = time.monotonic()
            for name, at in others.items():
                before, since = seen.setdefault(name, (at, now))
                if at != before and (name < self._name or now - begun > STALE):
                    raise LandingInUseError(
                        "another landing writes to this place: wait until it is over, and start the same again"
                    )
                if at != before:
                    # Of two that wait for each other, one gives way; this one may come in once it did.
                    seen[name] = (at, now)
                elif now - since > STALE:
                    self._remove(name)
            time.sleep(min(BEAT, STALE) * _LOOK)

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            begun = time.monotonic()
            try:
                # Whoever removed it took this driver for dead. It must not come back.
                if self._name not in self._claims():
                    return
                self._write(self._name)
            except Py4JError:
                # It may pass; if it does not, the landing ends at its next check.
                continue
            self._fresh = begun

    def _leave(self) -> None:
        self._over.set()
        self._beating.join()
        self._remove(self._name)

    def _claims(self) -> dict[str, int]:
        """Each claim, and when its file was written, by the clock of the storage."""
        try:
            found = list(self._files.listStatus(self._folder))
        except Py4JError as error:
            if "FileNotFoundException" in str(error):
                return {}
            raise
        return {file.getPath().getName(): int(file.getModificationTime()) for file in found}

    def _write(self, name: str) -> None:
        self._files.create(self._of(name), True).close()

    def _remove(self, name: str) -> None:
        self._files.delete(self._of(name), False)

    def _of(self, name: str) -> Any:  # noqa: ANN401 -- a path of Hadoop's
        return self._path(self._folder, name)
