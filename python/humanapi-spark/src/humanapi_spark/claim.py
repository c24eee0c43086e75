"""One landing at a time to a place, wherever that is: by a file there that its driver keeps fresh.

Storage of objects knows no locks, and drivers have clocks of their own. So who wants a place writes a file of its own
first and looks for those of others then: of two that begin at once, the later one to look sees the other, and never do
both begin. A driver that died leaves its file behind. Who finds one watches whether its time moves, for as long as its own
clock says, and compares that time with no clock.

Who could not keep its file fresh has lost the place for good, and long before another may take it: a write that was stuck
brings its file back, but not its place.
"""

from __future__ import annotations

import logging
import secrets
import sys
import threading
import time
from contextlib import suppress
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
_NO_ANSWER = (Py4JError, OSError)
"""What is raised where storage, or the process that asks it, does not do what it is asked."""
_LOST = (
    "this driver could not keep its place, such as while it stood still, and another may have taken it: "
    "see that no other landing to this place is at work, and start the same again"
)
_log = logging.getLogger(__name__)


def _now() -> float:
    """The time by a clock that is never set, and that goes on while a machine sleeps where there is one that does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


class LandingInUseError(RuntimeError):
    """Another driver is at work at this place, or took it over from this one."""


class Claim:
    """A place that one driver writes to, while it is entered.

    Jobs that its thread runs in there are cancelled once the place is lost.
    """

    def __init__(self, spark: SparkSession, folder: str) -> None:
        jvm = spark.sparkContext._jvm
        java = spark.sparkContext._jsc
        if jvm is None or java is None:
            raise RuntimeError("the session is over: make one, and land by that")
        self._path = jvm.org.apache.hadoop.fs.Path
        self._folder = self._path(folder)
        self._files: Any = self._folder.getFileSystem(java.hadoopConfiguration())
        self._context = spark.sparkContext
        self._name = secrets.token_hex(16)
        # A tag and no group: that one may be the caller's, who cancels by it.
        self._tag = f"humanapi-landing-{self._name}"
        self._fresh = _now()
        self._lost = threading.Event()
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        # Of its own, because what asks storage may wait for it.
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Claim:
        """Take the place.

        Raises `LandingInUseError` where another driver has it. One that died has it for as long as `STALE` says.
        """
        self._fresh = _now()
        self._write()
        self._beating.start()
        self._watching.start()
        try:
            self._wait_for_others()
            self.check()
            self._context.addJobTag(self._tag)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the place to others.

        Raises `LandingInUseError` for whatever error comes of jobs that were cancelled because the place was lost.
        """
        self._leave()
        if self._lost.is_set() and isinstance(error, Exception) and not isinstance(error, LandingInUseError):
            raise LandingInUseError(_LOST) from error

    def check(self) -> None:
        """Raise `LandingInUseError` unless this driver has the place still, and will for a while."""
        if not self._is_lost() and self._name not in self._claims():
            self._lost.set()
        if self._is_lost():
            raise LandingInUseError(_LOST)

    def _is_lost(self) -> bool:
        """Tell whether the place is lost, which it stays."""
        if _now() - self._fresh > STALE / 2:
            self._lost.set()
        return self._lost.is_set()

    def _wait_for_others(self) -> None:
        begun = _now()
        seen: dict[str, tuple[int, float]] = {}
        while True:
            # An answer may be late: it tells of a moment after it was asked for, and before it came.
            asked = _now()
            others = {name: at for name, at in self._claims().items() if name != self._name}
            if not others:
                return
            now = _now()
            for name, at in others.items():
                before, since = seen.setdefault(name, (at, now))
                if at != before and (name < self._name or now - begun > STALE):
                    raise LandingInUseError(
                        "another landing writes to this place: wait until it is over, and start the same again"
                    )
                if at != before:
                    # Of two that wait for each other, one gives way; this one may come in once it did.
                    seen[name] = (at, now)
                elif asked - since > STALE:
                    self._remove(name)
            time.sleep(min(BEAT, STALE) * _LOOK)

    def _beat(self) -> None:
        while not self._over.wait(BEAT) and self._renew():
            pass
        # Not before all is over, so that others wait for as long as they can for a commit that is under way. It is removed
        # by the thread that writes it: nothing is under way then that would bring it back.
        self._over.wait()
        self._drop()

    def _renew(self) -> bool:
        """Make the file anew, and tell whether this driver has the place still."""
        begun = _now()
        try:
            # Whoever removed it took this driver for dead. It must not come back.
            if self._name not in self._claims():
                self._lost.set()
            elif not self._is_lost():
                self._write()
        except _NO_ANSWER:
            # It may pass; if it does not, the place is lost.
            return not self._is_lost()
        if self._is_lost():
            return False
        self._fresh = begun
        return True

    def _watch(self) -> None:
        """Cancel all jobs of a place that is lost, those too that begin late."""
        while not self._over.wait(BEAT * _LOOK):
            if self._is_lost():
                # If it fails, it is done again after the next wait.
                with suppress(*_NO_ANSWER):
                    self._context.cancelJobsWithTag(self._tag)

    def _leave(self) -> None:
        self._over.set()
        # If it fails, the process of the jobs is gone, and the tag with it.
        with suppress(*_NO_ANSWER):
            self._context.removeJobTag(self._tag)
        self._watching.join()
        self._beating.join(STALE)
        if self._beating.is_alive():
            self._stays()

    def _drop(self) -> None:
        """Remove this driver's file. Where that cannot be, it goes stale, which is no error of what was done here."""
        for _ in range(2):
            try:
                self._remove(self._name)
            except _NO_ANSWER:
                time.sleep(BEAT * _LOOK)
            else:
                return
        self._stays()

    def _stays(self) -> None:
        _log.warning("storage did not remove the claim of this landing: the next landing waits for %d seconds", STALE)

    def _claims(self) -> dict[str, int]:
        """Each claim, and when its file was written, by the clock of the storage."""
        try:
            found = list(self._files.listStatus(self._folder))
        except Py4JError as error:
            if "FileNotFoundException" in str(error):
                return {}
            raise
        return {file.getPath().getName(): int(file.getModificationTime()) for file in found}

    def _write(self) -> None:
        self._files.create(self._of(self._name), True).close()

    def _remove(self, name: str) -> None:
        self._files.delete(self._of(name), False)

    def _of(self, name: str) -> Any:  # noqa: ANN401 -- a path of Hadoop's
        return self._path(self._folder, name)
