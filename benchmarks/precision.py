"""Training steps in the precisions that percept has, beside the 10 bits that torch's convolutions keep on a GPU.

percept computes in bfloat16 where a network is large enough to gain, else in all 23 bits of float32. What torch does on
a GPU unless told otherwise, TensorFloat-32, stands beside: the ratio is what full float32 costs there. On the CPU the
two are the same. All run by turns in this process, on the same pictures; medians of steps by the clock.
"""

import argparse
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from clock import by_turns, machine
from percept.devices import full_float32
from percept.models import build

NETWORKS = {"small_resnet": (32, 64), "lenet": (28, 64), "resnet18": (224, 64), "resnet50": (224, 64), "unet": (252, 8)}
"""Side of the pictures in pixels, and pictures of a step."""
WAYS: dict[str, tuple[Callable[[], Any], torch.dtype]] = {
    "bfloat16": (full_float32, torch.bfloat16),
    "float32": (full_float32, torch.float32),
    "torch's float32": (nullcontext, torch.float32),
}


def steps_of(name: str, device: str) -> dict[str, Callable[[], None]]:
    """Return a training step of a network in each way of computing."""
    side, count = NETWORKS[name]
    torch.manual_seed(0)
    channels = 1 if name in ("lenet", "unet") else 3
    network: Any = build(name, classes=10, channels=channels)
    network = network.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    pictures = torch.rand(count, channels, side, side, device=device).contiguous(memory_format=torch.channels_last)
    targets = torch.arange(count, device=device) % 10

    def step(context: Callable[[], Any], dtype: torch.dtype) -> None:
        optimizer.zero_grad()
        with context():
            with torch.autocast(device, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
                scores = network(pictures)
            wanted = targets if scores.ndim == 2 else targets[:, None, None].expand(-1, *scores.shape[2:])
            functional.cross_entropy(scores.float(), wanted).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return {name: partial(step, *way) for name, way in WAYS.items()}


def main() -> None:
    """Print a table of pictures a second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=["small_resnet", "lenet"], help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    print(machine(given.device, torch.get_num_threads()))
    print(f"| network | pixels, batch | {' | '.join(f'{way}, pictures/s' for way in WAYS)} | full float32 costs |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in given.networks:
        side, count = NETWORKS[name]
        took = by_turns(
            steps_of(name, given.device), given.rounds, given.device, warm_up=3
        )  # a GPU's kernels are loaded
        medians = [each.wall for each in took.values()]
        rates = " | ".join(f"{count / each:.0f}" for each in medians)
        print(f"| {name} | {side}, {count} | {rates} | {medians[1] / medians[2]:.2f} times |", flush=True)


if __name__ == "__main__":
    main()
