"""The learning-rate range test: a short training at ever larger steps, which tells the rates that work."""

import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.errors import OptionError
from percept.nn.losses import Loss
from percept.nn.passes import same_random_numbers
from percept.training.batches import LabeledPart, batches
from percept.training.optimizers import make_optimizer
from percept.training.settings import TrainingSettings

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 100
SMOOTHING = 0.9
"""Share of the smoothed loss that stays from step to step: it averages over about ten batches."""
DIVERGED = 4.0
"""Times the least smoothed loss at which the test ends."""
BELOW = 10.0
"""Where the loss is least the steps are already about to be too large: the rate that is suggested lies so far below."""
FELL = 0.05
"""Share of the loss of the first ten batches by which it must fall, and more than these differ, to have fallen."""


@dataclass(frozen=True)
class RateCurve:
    """What a range test measured.

    Attributes:
        rates: (steps,) learning rate of each step, growing by one factor from step to step.
        losses: (steps,) of each step's batch, before the step.
        smoothed: (steps,) their running average.
        highest: the rate up to which it would have gone.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    highest: float

    @property
    def best(self) -> float:
        """Return the rate at which the smoothed loss was least."""
        return float(self.rates[int(np.argmin(self.smoothed))])

    @property
    def suggested(self) -> float:
        """Return a tenth of the rate at which the smoothed loss was least; nan where it never fell."""
        fall = self.first - self.smoothed.min()
        return self.best / BELOW if fall > max(FELL * self.first, self.losses[:10].std()) else math.nan

    @property
    def first(self) -> float:
        """Return the mean loss of the first ten batches, or of fewer where there are fewer."""
        return float(self.losses[:10].mean())

    @property
    def sentence(self) -> str:
        """What was found, in one sentence."""
        tried = f"from {self.rates[0]:.1g} to {self.rates[-1]:.2g}"
        if math.isnan(self.suggested):
            return (
                f"At no learning rate {tried} did the loss fall in {len(self.rates)} steps (first"
                f" {self.first:.3g}, least {self.smoothed.min():.3g}): take more, or look at percept.explain."
            )
        ended = "the test ended there without the loss having risen, so larger ones may work too"
        if self.rates[-1] < self.highest or self.smoothed[-1] > self.smoothed.min():
            ended = f"the loss rises from {self.best:.2g} on"
        return (
            f"Learning rate {self.suggested:.2g}: over rates {tried} the loss is least, {self.smoothed.min():.3g}, at"
            f" {self.best:.2g}, and a tenth of that leaves room; {ended}."
        )


def learning_rate_range(
    network: nn.Module,
    loss: Loss,
    training: LabeledPart,
    settings: TrainingSettings,
    accelerator: Accelerator,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    factors: Mapping[str, float] | None = None,
) -> RateCurve:
    """Train a copy of a network for a few steps at rates that grow from step to step, and return its losses.

    The network, its running averages and torch's random numbers stay as they are. The test ends early once the loss is
    four times its least, or no longer finite.

    Args:
        network: on the accelerator's device.
        loss: what is minimized, from outputs and targets.
        training: the samples to learn from.
        settings: optimizer, batch size, decay, momentum, norm of gradients and seed; the rest plays no part.
        accelerator: the device.
        lowest: the first rate, above 0.
        highest: the last rate, above `lowest`.
        steps: how many, 10 or more.
        factors: what the rate of a parameter is multiplied by, as in `make_optimizer`.

    Raises:
        OptionError: a rate or `steps` is out of range.

    Source: notes §2.3.1; Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3.
    """
    if not 0 < lowest < highest < math.inf:
        raise OptionError(f"rates are {lowest:g} to {highest:g}; expected two positive numbers, the larger one last")
    if steps < 10:
        raise OptionError(f"steps is {steps}; expected 10 or more, over which the rates can be told apart")
    copy = deepcopy(network)
    optimizer = make_optimizer(
        copy,
        settings.optimizer,
        learning_rate=1.0,
        weight_decay=settings.weight_decay,
        momentum=settings.momentum,
        factors=factors,
    )
    shares = [group["lr"] for group in optimizer.param_groups]
    rates = np.geomspace(lowest, highest, steps)
    losses: list[float] = []
    with same_random_numbers(accelerator.device):
        torch.manual_seed(settings.seed)
        copy.train()
        for rate, (inputs, targets) in zip(rates, _endless(training, settings, accelerator), strict=False):
            for group, share in zip(optimizer.param_groups, shares, strict=True):
                group["lr"] = rate * share
            with accelerator.autocast():
                value = loss(copy(inputs), targets)
            losses.append(float(value.detach()))
            if not math.isfinite(losses[-1]) or smoothed(losses)[-1] > DIVERGED * smoothed(losses).min():
                break
            optimizer.zero_grad()
            torch.autograd.backward(value)
            nn.utils.clip_grad_norm_(copy.parameters(), settings.clip_norm or math.inf)
            optimizer.step()
    kept = [value for value in losses if math.isfinite(value)]
    if not kept:
        raise OptionError("the loss of the first batch is not finite, before any step; look at percept.explain")
    return RateCurve(rates[: len(kept)], np.array(kept), smoothed(kept), highest)


def _endless(
    training: LabeledPart, settings: TrainingSettings, accelerator: Accelerator
) -> Iterator[tuple[Tensor, Tensor]]:
    for epoch in count(1):
        yield from batches(training, settings.batch_size, seed=settings.seed, epoch=epoch, accelerator=accelerator)


def smoothed(losses: list[float]) -> NDArray[np.float64]:
    """Return the running average of losses, each weighing a tenth less than the one after it.

    Args:
        losses: in the order of the steps.

    Example:
        >>> smoothed([1.0, 1.0, 3.0]).round(3).tolist()
        [1.0, 1.0, 1.738]
    """
    total = weight = 0.0
    averages = []
    for value in losses:
        total, weight = SMOOTHING * total + value, SMOOTHING * weight + 1
        averages.append(total / weight)
    return np.array(averages)
