"""What benchmarks share: seconds of work on the CPU or on a GPU, which is waited for, and a torchvision that loads."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Seconds:
    """What a piece of work took: by the clock, and of all threads of the CPU."""

    wall: float
    cpu: float


def timed(work: Callable[[], Any], device: str = "cpu") -> tuple[Seconds, Any]:
    """Return what a piece of work took and what it made; what a GPU was given to do before is not counted."""
    wait(device)
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    wait(device)
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu), made


def by_turns(
    runs: Mapping[str, Callable[[], Any]], rounds: int, device: str = "cpu", *, warm_up: int = 1
) -> dict[str, Seconds]:
    """Return the median seconds of each run, one after the other in every round, another first each time.

    Args:
        runs: by name.
        rounds: that count.
        device: cpu or cuda.
        warm_up: rounds before, that do not; a GPU loads its kernels in the first few.
    """
    names, taken = list(runs), {name: list[Seconds]() for name in runs}
    for turn in range(warm_up + rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            took, _ = timed(runs[name], device)
            if turn >= warm_up:
                taken[name].append(took)
    return {
        name: Seconds(statistics.median(each.wall for each in all_), statistics.median(each.cpu for each in all_))
        for name, all_ in taken.items()
    }


def wait(device: str) -> None:
    """Wait until a GPU has done everything that it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def machine(device: str, threads: int) -> str:
    """Return what computes, in words."""
    where = torch.cuda.get_device_name() if device.startswith("cuda") else f"{threads} threads"
    return f"torch {torch.__version__}, {where}"


def declare_operations_of_torchvision() -> None:
    """Let torchvision be imported where its compiled part does not load, by two operations that are never called."""
    found = find_spec("torchvision")
    if found is None or found.origin is None or DECLARED:
        return
    try:
        for path in Path(found.origin).parent.glob("_C*.so"):
            torch.ops.load_library(path)  # type: ignore[no-untyped-call]
    except OSError:
        library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        DECLARED.append(library)
        for operation in ("nms", "qnms"):
            library.define(f"{operation}(Tensor boxes, Tensor scores, float threshold) -> Tensor")


DECLARED: list[Any] = []  # what a library declares lasts as long as it does
