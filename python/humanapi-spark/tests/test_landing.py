"""Which buckets are read with which, where some of them cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from pyspark.errors import PySparkException

from humanapi_spark import Settings
from humanapi_spark.landing import _MOST, _Landing, _Trouble


class Reads(_Landing):
    """A landing that writes nothing, and of which these buckets cannot be read."""

    def __init__(self, buckets: int, bad: set[int]) -> None:
        self.settings = Settings(users="users.txt", resource="activities", buckets=buckets)
        self.trouble = _Trouble()
        self.what = "this"
        self.before = {}
        self.bad = bad
        self.reads = 0

    def write(self, buckets: Sequence[int]) -> Mapping[int, int]:
        """Read them, unless one of them cannot be."""
        self.reads += 1
        if self.bad.intersection(buckets):
            raise PySparkException("humanapi ended with code 6: error: 1 lists or documents could not be read: unavailable")
        return dict.fromkeys(buckets, 1)


@pytest.mark.parametrize("bad", [{2}, {0, 1, 2, 3, 5}, {0, 1, 2, 3, 7}, {0, 1, 2, 8, 9, 10, 15}, set(range(0, 16, 2))])
def test_what_can_be_read_is_read_whatever_stands_beside_it(bad: set[int]) -> None:
    landing = Reads(16, bad)
    landed = landing.run(8)
    assert landed.left == tuple(sorted(bad))
    assert landed.buckets == 16 - len(bad)


def test_a_kind_of_which_nothing_comes_is_left_soon() -> None:
    landing = Reads(1_000, set(range(1_000)))
    assert landing.run(8).left == tuple(range(1_000))
    assert landing.trouble.row == _MOST
    assert landing.reads <= 2 * _MOST + 3
