"""Seconds of a piece of work on the CPU or on a GPU, which is waited for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
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


def wait(device: str) -> None:
    """Wait until a GPU has done everything that it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def machine(device: str, threads: int) -> str:
    """Return what computes, in words."""
    where = torch.cuda.get_device_name() if device.startswith("cuda") else f"{threads} threads"
    return f"torch {torch.__version__}, {where}"
