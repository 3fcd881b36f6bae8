"""How many threads the engine may use: the caller's setting, one for BLAS, one for torch after a fork."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import current_process
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

_home = os.getpid()  # the process that imported percept's engine
_lock = Lock()
_before: list[int] = []  # threads of each library when the first of the present holders came
_holders = 0


def forked() -> bool:
    """Return whether this process was forked off another, of whose torch the threads did not come along."""
    return os.getpid() != _home or type(current_process()).__name__ == "ForkProcess"


def allowed_threads() -> int:
    """Return how many threads the caller allows: torch's setting where torch is loaded, else OMP_NUM_THREADS or all."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        return int(torch.get_num_threads())
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _libraries() -> list[Any]:
    import scipy.linalg.cython_blas  # noqa: F401 - the library that numba multiplies with

    return [each for each in ThreadpoolController().lib_controllers if each.user_api == "blas"]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread, for the whole process, until the last of several holders at once has left."""
    global _holders
    libraries = _libraries()
    with _lock:
        if _holders == 0:
            _before[:] = [library.get_num_threads() for library in libraries]
            _set(libraries, [1] * len(libraries))
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0:
                _set(libraries, _before)


def _set(libraries: list[Any], counts: list[int]) -> None:
    for library, before, count in zip(libraries, _before, counts, strict=True):
        if before != 1:
            library.set_num_threads(count)
