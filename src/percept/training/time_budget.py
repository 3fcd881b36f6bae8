"""Training within minutes: how many epochs fit, and the end when the time is over."""

import copy
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from percept.errors import OptionError
from percept.training.loop import Epoch, Steps
from percept.training.schedules import hurry

FEWEST = 8  # epochs: with fewer the schedule falls in too few stairs, and the best weights are kept too seldom
TRAINING = 0.92  # of the time that is left; machines are not as fast at all times as while they were measured
MEASURING = 0.02  # of the time, at most, for measuring the pace of steps, and of validations
VALIDATIONS = 3
LATEST = 5  # epochs, whose median tells what the next will take


@dataclass(frozen=True)
class Pace:
    """How fast a network trains on this machine.

    Attributes:
        step: seconds of a training step.
        validation: seconds of a pass over the validation part.
    """

    step: float
    validation: float


@dataclass(frozen=True)
class Fitted:
    """A training that fits a time.

    Attributes:
        epochs: how many of them.
        steps: how many steps each has.
    """

    epochs: int
    steps: int


def fit_to(seconds: float, pace: Pace, steps: int, most: int | None = None) -> Fitted:
    """Return how many epochs fit a time; where a pass over all samples takes too much of it, an epoch is a part of one.

    Args:
        seconds: time for all epochs.
        pace: as measured.
        steps: of a pass over all training samples.
        most: epochs that are enough, or None.

    Example:
        >>> fit_to(100.0, Pace(step=0.1, validation=1.0), 40), fit_to(100.0, Pace(step=1.0, validation=2.5), 100)
        (Fitted(epochs=20, steps=40), Fitted(epochs=8, steps=10))
    """
    epochs = int(seconds / (steps * pace.step + pace.validation) + 1e-9)
    wanted = FEWEST if most is None else min(FEWEST, most)
    if epochs >= wanted:
        return Fitted(epochs if most is None else min(epochs, most), steps)
    fitting = int((seconds / wanted - pace.validation) / pace.step + 1e-9)
    return Fitted(wanted, min(max(fitting, 1), steps))


def measure_pace(
    network: nn.Module,
    loss: Callable[[Any, Any], Tensor],
    batches: Iterable[tuple[Tensor, Any]],
    validate: Callable[[nn.Module], object],
    *,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> Pace:
    """Return how long a training step and a validation take where nothing disturbs them, on a copy of the network.

    What the optimizer itself takes is left out: it is little beside forward and backward. A training for which the
    machine turns out slower can still be shortened on its way, see `until`, but not be made longer.

    Args:
        network: stays as it is.
        loss: from outputs and targets.
        batches: of an epoch; cutting and augmenting them counts too.
        validate: predicts the whole validation part.
        seconds: that the steps may take beyond three of them, and the validations beyond one.
        clock: of seconds.
    """
    copied = copy.deepcopy(network).train()
    begun = clock()
    taken: list[float] = []
    before = begun
    for inputs, targets in batches:
        loss(copied(inputs), targets).backward()  # type: ignore[no-untyped-call]
        copied.zero_grad()
        now = clock()
        taken.append(now - before)
        before = now
        if len(taken) >= 3 and now - begun > seconds:
            break
    validated: list[float] = []
    while len(validated) < VALIDATIONS and sum(validated) * (1 + 1 / max(len(validated), 1)) <= seconds:
        before = clock()
        validate(copied)
        validated.append(clock() - before)
    rest = sorted(taken[1:] or taken)  # the first builds what the others find ready
    return Pace(rest[len(rest) // 4], min(validated))


def until(
    epochs: Iterable[Epoch | Steps], left: Callable[[], float], schedule: LRScheduler | None = None, last: int = 0
) -> Iterator[Epoch | Steps]:
    """Yield what training yields, and stop after the epoch that leaves no time for another.

    Where the machine turns out slower than it was measured, the schedule is made to end when the time does: without its
    last, small steps a training is worth much less.

    Args:
        epochs: what `train` yields.
        left: tells how much time is left, seconds.
        schedule: of the learning rate, or None to leave it as it is.
        last: number of the epoch at whose end the schedule has come to its own.
    """
    taken: list[float] = []
    for each in epochs:
        if not isinstance(each, Epoch):
            yield each
            continue
        taken.append(each.seconds)
        usual = statistics.median(taken[-LATEST:])
        fitting = int(left() / usual)
        if schedule is not None and fitting > 0 and each.number < last:
            hurry(schedule, min(1.0, fitting / (last - each.number)))
        yield each
        if left() < usual:
            return


def seconds_of(minutes: float) -> float:
    """Return minutes in seconds.

    Raises:
        OptionError: they are not a positive number.
    """
    if not 0 < minutes < math.inf:
        raise OptionError(f"minutes is {minutes}; expected a positive number")
    return 60 * minutes
