"""Can the network overfit? Before a long run, a copy of it learns two small batches by heart."""

import time
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.errors import OptionError
from percept.nn.losses import Loss
from percept.nn.passes import same_random_numbers
from percept.training.batches import LabeledPart
from percept.training.signals import mode

SAMPLES = 16
"""Samples of each of the two batches."""
STEPS = 300
"""Steps after which the network has failed."""
ENOUGH = 0.05
"""Share of its first value at which the loss is near zero, and the check ends."""
BY_HEART = 0.2
"""Share of its first value above which the loss shows that the samples were not learnt."""
WORTH = 20
"""How many times the work of the check a run must be to have it."""


@dataclass(frozen=True)
class Overfit:
    """What came of learning two batches by heart.

    Attributes:
        samples: how many samples they hold.
        steps: steps taken, at most `STEPS`.
        first: mean loss before the first step.
        last: mean loss after the last one.
        seconds: how long it took.
    """

    samples: int
    steps: int
    first: float
    last: float
    seconds: float

    @property
    def by_heart(self) -> bool:
        """Whether the loss came near zero."""
        return self.last <= BY_HEART * self.first

    @property
    def warning(self) -> str:
        """One sentence on what is wrong; "" where the samples were learnt."""
        if self.by_heart:
            return ""
        return (
            f"The network cannot learn {self.samples} training samples by heart: after {self.steps} steps on them alone"
            f" the loss is {self.last:.3g}, from {self.first:.3g} at the start. Either the inputs do not tell these"
            " samples apart, or the network is too small or does not pass its gradient on: look at percept.explain,"
            " then try a wider network or another activation."
        )


def overfit(
    network: nn.Module,
    loss: Loss,
    batches: list[tuple[Tensor, Tensor]],
    *,
    learning_rate: float = 3e-3,
    steps: int = STEPS,
) -> Overfit:
    """Train a copy of a network on a few batches alone, with Adam, until their loss is near zero.

    The network and torch's random numbers stay as they are; dropout, which works against learning by heart, is off.

    Args:
        network: the network, on the batches' device.
        loss: what is minimized, from outputs and targets; 0 at its best.
        batches: inputs and targets of each batch, all inputs different.
        learning_rate: Adam's step size.
        steps: how many steps to take at most.

    Raises:
        OptionError: there is nothing to train.

    Source: notes §2.5 (overfit first, then regularise).
    """
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise OptionError("the network has no weights to train; give it layers with weights, or unfreeze some")
    started = time.perf_counter()
    copy = deepcopy(network)
    optimizer = torch.optim.Adam(copy.parameters(), learning_rate)
    losses: list[float] = []
    taken = 0
    with same_random_numbers(batches[0][0].device), mode(copy, training=True):
        for taken in range(1, steps + 1):
            inputs, targets = batches[(taken - 1) % len(batches)]
            value = loss(copy(inputs), targets)
            losses.append(float(value.detach()))
            if not np.isfinite(losses[-1]) or _mean(losses, batches) <= ENOUGH * _first(losses, batches):
                break
            optimizer.zero_grad()
            torch.autograd.backward(value)
            optimizer.step()
    return Overfit(
        samples=sum(len(targets) for _, targets in batches),
        steps=taken,
        first=_first(losses, batches),
        last=_mean(losses, batches),
        seconds=time.perf_counter() - started,
    )


def _first(losses: list[float], batches: list[tuple[Tensor, Tensor]]) -> float:
    return sum(losses[: len(batches)]) / min(len(losses), len(batches))


def _mean(losses: list[float], batches: list[tuple[Tensor, Tensor]]) -> float:
    return sum(losses[-len(batches) :]) / min(len(losses), len(batches))


def worth_checking(network: nn.Module, samples: int, epochs: int) -> bool:
    """Return whether a run is long enough, and its network deep enough, to be checked first.

    Args:
        network: a network without hidden layers is not made to learn samples by heart.
        samples: training samples.
        epochs: passes over them.

    Example:
        >>> worth_checking(nn.Sequential(nn.Linear(2, 9), nn.ReLU(), nn.Linear(9, 2)), samples=150, epochs=100)
        False
    """
    weighted = sum(parameter.ndim >= 2 for parameter in network.parameters())
    return weighted > 1 and samples * epochs >= WORTH * STEPS * SAMPLES


def two_batches(
    part: LabeledPart, device: torch.device, *, seed: int, samples: int = SAMPLES
) -> list[tuple[Tensor, Tensor]]:
    """Return two small batches of the training part, no input twice: equal ones with two labels cannot be learnt.

    Args:
        part: the training part; its augmentation is left out.
        device: where to put the batches.
        seed: which samples.
        samples: of each batch, fewer where there are not enough.

    Raises:
        ValueError: the part is empty.
    """
    rows = _different(part, np.random.default_rng([seed, 1]).permutation(part.rows), 2 * samples)
    halves = [half for half in np.array_split(rows, 2) if len(half) > 1] or [rows]
    return [
        (part.preprocessing.tensor(part.inputs[half], device), torch.from_numpy(part.targets[half]).to(device))
        for half in halves
    ]


def _different(part: LabeledPart, rows: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
    seen: dict[bytes, int] = {}
    for row in rows:
        seen.setdefault(part.inputs[row].tobytes(), int(row))
        if len(seen) == wanted:
            break
    if not seen:
        raise ValueError("the training part is empty; expected at least one sample")
    return np.fromiter(seen.values(), np.int64)
