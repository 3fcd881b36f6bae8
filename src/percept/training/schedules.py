"""How the learning rate moves over training: torch's schedulers, by name."""

import math
from collections.abc import Callable
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau


def cosine(step: int, *, steps: int, warmup: int) -> float:
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


def _cosine(optimizer: Optimizer, steps_an_epoch: int, epochs: int) -> LRScheduler:
    steps = steps_an_epoch * epochs
    return LambdaLR(optimizer, partial(cosine, steps=steps, warmup=min(steps_an_epoch, steps // 10)))


def _plateau(optimizer: Optimizer, steps_an_epoch: int, epochs: int) -> LRScheduler:
    return ReduceLROnPlateau(optimizer, factor=0.2, patience=5)


def _constant(optimizer: Optimizer, steps_an_epoch: int, epochs: int) -> LRScheduler:
    return LambdaLR(optimizer, lambda step: 1.0)


SCHEDULES: dict[str, Callable[[Optimizer, int, int], LRScheduler]] = {
    "cosine": _cosine,
    "plateau": _plateau,
    "constant": _constant,
}


def after_step(schedule: LRScheduler) -> None:
    """Move a schedule that goes by steps."""
    if not isinstance(schedule, ReduceLROnPlateau):
        schedule.step()


def after_epoch(schedule: LRScheduler, validation_loss: float) -> None:
    """Move a schedule that goes by epochs and what they brought."""
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(validation_loss)
