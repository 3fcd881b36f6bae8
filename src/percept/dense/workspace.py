"""Memory that one tile frees is kept for the next: mapping it anew, page by page, takes up to a tenth of the time."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MAPPED, TRIMMED = -3, -1  # glibc's numbers for its thresholds, malloc.h
KEPT = 2**30  # bytes that freed memory may have before it is given back, while tiles are computed
LARGEST = 2**25  # bytes that glibc itself lets its threshold of mapping grow to; that of giving back is twice as much


@contextmanager
def kept_memory() -> Iterator[None]:
    """Let the C library keep what is freed for the next request, and give it back at the end.

    Where the C library is not glibc nothing is changed. Its thresholds cannot be read; afterwards they are those to
    which it raises them itself in a process that has freed large arrays.
    """
    library = _glibc()
    if library is None:
        yield
        return
    library.mallopt(MAPPED, KEPT)
    library.mallopt(TRIMMED, KEPT)
    try:
        yield
    finally:
        library.mallopt(MAPPED, LARGEST)
        library.mallopt(TRIMMED, 2 * LARGEST)
        library.malloc_trim(0)


def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
    except OSError:  # musl
        return None
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
