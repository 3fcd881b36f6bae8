"""Forward pass and training step of the architectures: percept against torchvision, or timm, with the same weights.

Claims, on the CPU: a forward pass and a training step take at most 1.05 times as long as torchvision's (or timm's, for
networks that torchvision lacks); a forward pass as `percept predict` runs it on many pictures is at least 1.3 times as
fast as torchvision's plain one. All run in this process by turns, with as many threads, on the same pictures; what is
reported is the median CPU time, and beside it how far the outputs differ. With --device cuda it is time by the clock,
both sides compute as torch does there unless told otherwise, and nothing is claimed.

torchvision's compiled part does not load beside every build of torch; the networks do without it, so where it is
missing its two operations are declared and never called.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._pytree import tree_leaves

from clock import Seconds, by_turns, declare_operations_of_torchvision, machine
from percept.evaluation.inference import prepared_for_inference
from percept.models import build, load_weights

PLAIN, PREPARED = 1.05, 1.3  # what the claims allow and ask for
SIDE = 224  # pixels of the pictures
OPTIONS: dict[str, dict[str, object]] = {"googlenet": {"largest": 3}}  # where the libraries' form is an argument here
OTHERS: dict[str, dict[str, object]] = {"googlenet": {"aux_logits": True, "init_weights": False}}
TIMM = {"mobilenet": "mobilenetv1_100"}  # networks that torchvision lacks
DEFAULT = ("resnet18", "resnet50", "googlenet", "densenet121", "mobilenet_v2", "efficientnet_b0", "vgg11", "alexnet")


@dataclass(frozen=True)
class Row:
    """Median seconds of one network.

    Attributes:
        name: of the network.
        plain: forward pass of the library.
        ours: forward pass of percept.
        prepared: forward pass of percept as `percept predict` runs it.
        step: training step of the library.
        our_step: training step of percept.
        difference: largest difference of the prepared scores from the library's, by the largest score.
    """

    name: str
    plain: float
    ours: float
    prepared: float
    step: float
    our_step: float
    difference: float


def main() -> None:
    """Time the networks and print a table of medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=DEFAULT, help="names of percept models")
    parser.add_argument("--batch", type=int, default=8, help="pictures of a batch")
    parser.add_argument("--rounds", type=int, default=5, help="turns, after one that is not counted")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{machine(options.device, options.threads)}, batch {options.batch}, {options.rounds} rounds")
    print(
        "| network | forward, theirs | percept / theirs | theirs / predict | step, theirs | percept / theirs | differ |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    rows = []
    for name in options.networks:
        rows.append(measured(name, options.batch, options.rounds, options.device))
        print(line(rows[-1]), flush=True)
    plain = statistics.median(row.ours / row.plain for row in rows)
    step = statistics.median(row.our_step / row.step for row in rows)
    prepared = statistics.median(row.plain / row.prepared for row in rows)
    print(f"\nmedian: forward {plain:.2f} and step {step:.2f} of theirs (claim: at most {PLAIN}); as predict runs it")
    print(f"{prepared:.2f} times as fast (claim: at least {PREPARED})")
    sys.exit(0 if max(plain, step) <= PLAIN and prepared >= PREPARED else 1)


def line(row: Row) -> str:
    """Return a row of the table."""
    cells = (
        row.name,
        f"{row.plain:.3f} s",
        f"{row.ours / row.plain:.2f}",
        f"{row.plain / row.prepared:.2f}",
        f"{row.step:.3f} s",
        f"{row.our_step / row.step:.2f}",
        f"{row.difference:.0e}",
    )
    return f"| {' | '.join(cells)} |"


def measured(name: str, batch: int, rounds: int, device: str) -> Row:
    """Return the times of one network, the library's and percept's by turns."""
    torch.manual_seed(0)
    theirs = library_network(name)
    ours = build(name, classes=1000, channels=3, **OPTIONS.get(name, {}))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        safetensors.torch.save_file({key: values.contiguous() for key, values in theirs.state_dict().items()}, file)
        load_weights(ours, file)
    pictures = torch.rand(batch, 3, SIDE, SIDE, device=device)
    theirs.to(device).eval(), ours.to(device).eval()
    lying = pictures.contiguous(memory_format=torch.channels_last)  # as percept's preprocessing gives them
    ready = prepared_for_inference(ours, lying[:1], batch=batch)
    with torch.inference_mode():
        expected = theirs(pictures)
        difference = float((ready(lying) - expected).abs().max() / expected.abs().max())
        forwards = {"theirs": lambda: theirs(pictures), "ours": lambda: ours(pictures), "ready": lambda: ready(lying)}
        plain, own, prepared = (counted(each, device) for each in by_turns(forwards, rounds, device).values())
    targets = torch.arange(batch, device=device) % 1000
    steps = {"theirs": stepping(theirs, pictures, targets), "ours": stepping(ours, pictures, targets)}
    step, our_step = (counted(each, device) for each in by_turns(steps, rounds, device).values())
    return Row(name, plain, own, prepared, step, our_step, difference)


def counted(took: Seconds, device: str) -> float:
    """Return the seconds that count: of the CPU, or with a GPU those of the clock."""
    return took.cpu if device == "cpu" else took.wall


def stepping(network: nn.Module, pictures: Tensor, targets: Tensor) -> Callable[[], None]:
    """Return a training step: forward, loss, backward, step."""
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        scores = [each for each in tree_leaves(network(pictures)) if isinstance(each, Tensor)]  # of auxiliary heads too
        loss = torch.stack([functional.cross_entropy(each, targets) for each in scores]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def library_network(name: str) -> nn.Module:
    """Return the network of torchvision, or of timm, with new weights."""
    if name in TIMM:
        return import_module("timm").create_model(TIMM[name])  # type: ignore[no-any-return]
    declare_operations_of_torchvision()
    return getattr(import_module("torchvision.models"), name)(**OTHERS.get(name, {}))  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
