"""Every choice that training takes, with its range checked once."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from percept.errors import OptionError
from percept.training.optimizers import OPTIMIZERS, make_optimizer
from percept.training.schedules import SCHEDULES


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Attributes:
        epochs: passes over the training samples, at most.
        batch_size: samples a step; the last steps of an epoch are evened out, so that no batch is a single sample.
        optimizer: a name in `OPTIMIZERS`.
        learning_rate: step size at the top of the schedule.
        weight_decay: decay of weight matrices and kernels, never of biases and norms.
        momentum: momentum of SGD.
        schedule: a name in `SCHEDULES`.
        metric: the validation figure that stopping and the choice of weights go by.
        patience: epochs without a better metric before training stops; 0 never stops early.
        clip_norm: largest norm of a step's gradient; 0 clips nothing.
        seed: number that every random choice derives from.
    """

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    momentum: float
    schedule: str
    metric: str
    patience: int
    clip_norm: float
    seed: int

    def __post_init__(self) -> None:
        _check(self.epochs >= 1, "epochs", self.epochs, "a whole number of at least 1")
        _check(self.batch_size >= 1, "batch size", self.batch_size, "a whole number of at least 1")
        _check(self.optimizer in OPTIMIZERS, "optimizer", self.optimizer, f"one of {', '.join(OPTIMIZERS)}")
        _check(self.schedule in SCHEDULES, "schedule", self.schedule, f"one of {', '.join(SCHEDULES)}")
        _check(0 < self.learning_rate < float("inf"), "learning rate", self.learning_rate, "a positive number")
        _check(0 <= self.weight_decay < float("inf"), "weight decay", self.weight_decay, "0 or a positive number")
        _check(0 <= self.momentum < 1, "momentum", self.momentum, "a number from 0 up to, not including, 1")
        _check(self.patience >= 0, "patience", self.patience, "0 (never stop early) or a number of epochs")
        _check(0 <= self.clip_norm < float("inf"), "clip norm", self.clip_norm, "0 (off) or a positive number")
        _check(0 <= self.seed < 2**32, "seed", self.seed, "a whole number from 0 to 4294967295")

    def begin(
        self, network: nn.Module, steps: int, *, factors: Mapping[str, float] | None = None
    ) -> tuple[Optimizer, LRScheduler]:
        """Return an optimizer of a network and its schedule over all epochs, both at their start.

        Args:
            network: whose parameters learn.
            steps: of an epoch.
            factors: as `make_optimizer` takes them.
        """
        optimizer = make_optimizer(
            network,
            self.optimizer,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            factors=factors,
        )
        return optimizer, SCHEDULES[self.schedule](optimizer, steps, self.epochs)


def _check(holds: bool, name: str, got: object, expected: str) -> None:
    if not holds:
        raise OptionError(f"{name} is {got}; expected {expected}")
