"""Memory that is freed is there for the next request, by the operating system's count of what the process holds."""

import resource
import sys
from pathlib import Path

import numpy as np
import pytest

from percept.dense.workspace import _glibc, kept_memory

SIZE = 2**26  # bytes


def held() -> int:
    """Return the bytes of memory that the process holds, by the pages that are mapped and present."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not sys.platform.startswith("linux") or _glibc() is None, reason="the C library is not glibc")
def test_memory_of_one_tile_is_that_of_the_next_and_is_given_back_at_the_end() -> None:
    with kept_memory():
        tile = np.ones(SIZE, np.uint8)
        while_in_use = held()
        del tile
        assert while_in_use - held() < 0.1 * SIZE
    assert while_in_use - held() > 0.9 * SIZE
