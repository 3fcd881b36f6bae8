"""Compiling functions by numba, the results kept on disk for later processes where there is a place for them."""

import warnings
from collections.abc import Callable
from functools import cache
from pickle import UnpicklingError
from typing import Any, TypeVar, cast

from percept.errors import PerceptWarning

Function = TypeVar("Function", bound=Callable[..., Any])

UNREADABLE = (OSError, EOFError, UnpicklingError, ValueError, LookupError, TypeError, AttributeError)
"""What reading a file that was cut off, or written by another version, may raise."""


def compiled_and_kept(function: Function, **options: Any) -> Function:
    """Return a function that is compiled on its first call, and then read from disk by later processes.

    Without a folder that can be written to, or room in it, each process compiles anew. What lies there and cannot be
    read is replaced.

    Args:
        function: what numba can compile.
        options: of `numba.njit`.
    """
    import numba

    try:
        jit: Any = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder can be written to
        return cast(Function, numba.njit(**options)(function))
    kept = jit._cache  # numba offers no public way to go on where it cannot read or write
    load, save = kept.load_overload, kept.save_overload

    def load_if_possible(*wanted: Any) -> Any:
        try:
            return load(*wanted)
        except UNREADABLE:
            kept._cache_file.flush()
            return None

    def save_if_possible(*compiled: Any) -> None:
        try:
            save(*compiled)
        except OSError as error:
            _warn(str(error.strerror))

    kept.load_overload, kept.save_overload = load_if_possible, save_if_possible
    return cast(Function, jit)


@cache
def _warn(reason: str) -> None:
    """Tell once why nothing can be kept."""
    warnings.warn(
        f"the compiled training loop cannot be kept on disk ({reason}), so every process will compile it anew; make"
        " room, or name another folder in NUMBA_CACHE_DIR",
        PerceptWarning,
        stacklevel=2,
    )
