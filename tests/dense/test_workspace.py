"""Memory that is freed is there for the next request, by the operating system's count of new pages."""

import resource
import sys

import numpy as np
import pytest

from percept.dense.workspace import _glibc, kept_memory

SIZE = 2**24  # bytes
PAGES = SIZE // resource.getpagesize()


def new_pages() -> int:
    """Return the pages that the system gives for an array that is written and freed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    array = np.empty(SIZE, np.uint8)
    array[:: resource.getpagesize()] = 1
    del array
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not sys.platform.startswith("linux") or _glibc() is None, reason="the C library is not glibc")
def test_memory_of_one_tile_is_that_of_the_next_and_is_given_back_at_the_end() -> None:
    with kept_memory():
        new_pages()
        assert new_pages() < PAGES / 10
    assert new_pages() > PAGES / 10
