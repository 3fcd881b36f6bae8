"""Device, precision and processes: Accelerate, set up anew for each training."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list
from torch import nn

from percept.devices import Precision, full_float32, using_threads
from percept.errors import OptionError


def make_accelerator(device: torch.device, precision: Precision) -> Accelerator:
    """Return an accelerator for one training.

    Accelerate keeps its settings for a whole process; they are forgotten first, so that two trainings in one Python
    session may differ in device and precision. Under `torchrun` or `accelerate launch` the processes stay as they are.

    Args:
        device: where to train; with several processes each takes a device of this kind.
        precision: what to compute in.
    """
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    AcceleratorState._reset_state(reset_partial_state=not several)
    accelerator = Accelerator(
        cpu=device.type == "cpu",
        mixed_precision="bf16" if precision == "bfloat16" else "no",
        device_placement=False,
    )
    if accelerator.device.type != device.type:
        raise OptionError(f"device is {device}; this process was started on {accelerator.device}: use that instead")
    return accelerator


def share(rows: int, accelerator: Accelerator) -> slice:
    """Return which rows of a batch belong to this process: parts in order, equal within one row.

    Args:
        rows: rows of the whole batch.
        accelerator: the processes.
    """
    count, index = accelerator.num_processes, accelerator.process_index
    return slice(rows * index // count, rows * (index + 1) // count)


def agreed(value: str, accelerator: Accelerator) -> str:
    """Return the main process's value in every process."""
    values = [value]
    broadcast_object_list(values)
    return values[0] if accelerator.num_processes > 1 else value


def same_buffers(network: nn.Module, accelerator: Accelerator) -> None:
    """Give every process the main process's buffers: each has averaged batch norms over its own samples alone.

    Args:
        network: the network, whose parameters are the same everywhere already.
        accelerator: the processes.
    """
    if accelerator.num_processes > 1:
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, 0)


def summed(values: list[float], accelerator: Accelerator) -> list[float]:
    """Return the sums of values over all processes, the same in each."""
    if accelerator.num_processes == 1:
        return values
    sums = torch.tensor(values, dtype=torch.float32, device=accelerator.device)
    torch.distributed.all_reduce(sums)
    return sums.tolist()


def averaged(values: list[float], accelerator: Accelerator) -> list[float]:
    """Return the means of values over all processes, the same in each."""
    return [value / accelerator.num_processes for value in summed(values, accelerator)]


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Hold torch to algorithms that give the same bits each time, and to a number of threads; then let go again.

    Args:
        threads: threads of the CPU; another number may add in another order, and give other last bits.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with using_threads(threads), full_float32():
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark = benchmark
