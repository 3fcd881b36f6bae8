"""How the learning rate moves over training: torch's schedulers, by name."""

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau


def cosine(step: float, *, steps: int, warmup: int) -> float:
    """Return the factor on the learning rate: a linear rise over `warmup` steps, then half a cosine down to 0.

    Args:
        step: steps taken so far, from 0.
        steps: steps in all.
        warmup: steps of the rise.

    Source: Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts; the rise as in Goyal et al. 2017.

    Example:
        >>> [round(cosine(step, steps=5, warmup=1), 2) for step in range(5)]
        [1.0, 1.0, 0.85, 0.5, 0.15]
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


class Cosine:
    """The factor by `cosine`, whose rest can be made shorter on the way; a checkpoint keeps where that stands."""

    def __init__(self, steps: int, warmup: int) -> None:
        self.steps, self.warmup = steps, warmup
        self.hurried = 0  # steps taken when the rest was last made shorter
        self.reached = 0.0  # place on the whole course, in steps, at that time
        self.pace = 1.0  # places a step since

    def __call__(self, step: int) -> float:
        """Return the factor after so many steps."""
        return cosine(self._place(step), steps=self.steps, warmup=self.warmup)

    def hurry(self, step: int, share: float) -> None:
        """Come to the end, from a step on, in a share of the steps that were to follow it."""
        if share < 1 or self.pace != 1:
            self.reached = self._place(step)
            self.hurried = step
            self.pace = (self.steps - self.reached) / max(share * (self.steps - step), 1)

    def _place(self, step: int) -> float:
        return min(self.reached + (step - self.hurried) * self.pace, self.steps)


def _cosine(optimizer: Optimizer, steps_an_epoch: int, epochs: int) -> LRScheduler:
    steps = steps_an_epoch * epochs
    return LambdaLR(optimizer, Cosine(steps, min(steps_an_epoch, steps // 10)))


def _plateau(optimizer: Optimizer, steps_an_epoch: int, epochs: int) -> LRScheduler:
    return ReduceLROnPlateau(optimizer, factor=0.2, patience=5)


def _constant(optimizer: Optimizer, steps_an_epoch: int, epochs: int) -> LRScheduler:
    return LambdaLR(optimizer, lambda step: 1.0)


SCHEDULES: dict[str, Callable[[Optimizer, int, int], LRScheduler]] = {
    "cosine": _cosine,
    "plateau": _plateau,
    "constant": _constant,
}


def hurry(schedule: LRScheduler, share: float) -> None:
    """Have a schedule that has an end come to it in a share of the steps left; with 1, in as many as were planned.

    Args:
        schedule: any of those above.
        share: above 0, at most 1.
    """
    if isinstance(schedule, LambdaLR):
        for each in {id(each): each for each in schedule.lr_lambdas}.values():
            if isinstance(each, Cosine):
                each.hurry(schedule.last_epoch, share)


def after_step(schedule: LRScheduler) -> None:
    """Move a schedule that goes by steps."""
    if not isinstance(schedule, ReduceLROnPlateau):
        schedule.step()


def after_epoch(schedule: LRScheduler, validation_loss: float) -> None:
    """Move a schedule that goes by epochs and what they brought."""
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(validation_loss)
