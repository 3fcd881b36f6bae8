"""From batches to weights: training as a generator of epochs."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from percept.devices import Precision
from percept.errors import TrainingError
from percept.evaluation.predict import outputs
from percept.nn.losses import Loss
from percept.training.batches import LabeledPart, batches, steps_an_epoch
from percept.training.processes import same_buffers, summed
from percept.training.schedules import after_epoch, after_step
from percept.training.settings import TrainingSettings

# Figures of the validation part, by name, from the network's outputs (samples, outputs).
Score = Callable[[NDArray[np.float32]], dict[str, float]]


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought.

    Attributes:
        number: the epoch, from 1.
        train_loss: mean loss over the epoch's batches, in training mode.
        figures: figures of the validation part by name, "loss" among them.
        learning_rate: step size of the last step.
        gradient_norm: mean norm of the steps' gradients before clipping.
        seconds: wall time of the epoch, validation included.
        compute_seconds: of these, in forward, backward and step; on a GPU only the time to hand the work over.
    """

    number: int
    train_loss: float
    figures: dict[str, float]
    learning_rate: float
    gradient_norm: float
    seconds: float
    compute_seconds: float


@dataclass(frozen=True)
class Steps:
    """How far an epoch has come; told at most a few times a second."""

    epoch: int
    done: int
    total: int


@dataclass
class _Tally:
    """Sums over the steps of an epoch."""

    loss: Tensor | float = 0.0
    samples: int = 0
    norm: Tensor | float = 0.0
    compute_seconds: float = 0.0
    told: float = field(default_factory=time.perf_counter)


def train(
    network: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler,
    loss: Loss,
    training: LabeledPart,
    validation: LabeledPart,
    score: Score,
    settings: TrainingSettings,
    accelerator: Accelerator,
    precision: Precision = "float32",
    first: int = 1,
) -> Iterator[Epoch | Steps]:
    """Train a network in place, yielding an `Epoch` after each pass and `Steps` in between.

    Args:
        network: the network, on the accelerator's device.
        optimizer: holds the network's parameters.
        schedule: moves the optimizer's learning rate.
        loss: what is minimized, from outputs and targets.
        training: the samples to learn from.
        validation: the samples that `score` sees.
        score: figures from the validation outputs, "loss" among them.
        settings: how to train.
        accelerator: device and processes.
        precision: what to compute in.
        first: number of the first epoch, above 1 when going on from a checkpoint.

    Raises:
        TrainingError: the loss is no longer finite.

    Source: notes §2.3.2 (gradient descent by mini-batches), §2.5.2 (validation beside training).
    """

    def stream(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        return batches(training, settings.batch_size, seed=settings.seed, epoch=epoch, accelerator=accelerator)

    def validate() -> dict[str, float]:
        return score(_validation_outputs(network, validation, accelerator, precision))

    steps = steps_an_epoch(len(training), settings.batch_size)
    yield from train_on(network, optimizer, schedule, loss, stream, steps, validate, settings, accelerator, first)


def train_on(
    network: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler,
    loss: Callable[[Any, Any], Tensor],
    stream: Callable[[int], Iterator[tuple[Tensor, Any]]],
    steps: int,
    validate: Callable[[], dict[str, float]],
    settings: TrainingSettings,
    accelerator: Accelerator,
    first: int = 1,
) -> Iterator[Epoch | Steps]:
    """Train a network in place on batches of any kind, yielding an `Epoch` after each pass and `Steps` in between.

    Every random choice of an epoch derives from the seed and the epoch's number, so that training which goes on from
    a checkpoint takes the very steps that an unbroken one takes.

    Args:
        network: the network, on the accelerator's device.
        optimizer: holds the network's parameters.
        schedule: moves the optimizer's learning rate.
        loss: what is minimized, from outputs and targets.
        stream: the batches of an epoch by its number: inputs (samples, ...) and what the loss takes for targets.
        steps: batches an epoch.
        validate: gives the figures of the validation part, "loss" among them.
        settings: how to train.
        accelerator: device and processes.
        first: number of the first epoch.

    Raises:
        TrainingError: the loss is no longer finite.

    Source: notes §2.3.2.
    """
    wrapped, stepper = accelerator.prepare(network, optimizer)
    for number in range(first, settings.epochs + 1):
        started = time.perf_counter()
        torch.manual_seed(int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0]))
        tally = _Tally()
        network.train()
        for done, (inputs, targets) in enumerate(stream(number), start=1):
            begun = time.perf_counter()
            batch_loss = loss(wrapped(inputs), targets)
            accelerator.backward(batch_loss)
            norm = accelerator.clip_grad_norm_(network.parameters(), settings.clip_norm or math.inf)
            stepper.step()
            stepper.zero_grad()
            after_step(schedule)
            now = time.perf_counter()
            tally.loss = tally.loss + batch_loss.detach() * len(inputs)
            tally.samples += len(inputs)
            tally.norm = tally.norm + norm
            tally.compute_seconds += now - begun
            if now - tally.told > 0.2:
                tally.told = now
                yield Steps(number, done, steps)
        same_buffers(network, accelerator)
        begun = time.perf_counter()
        figures = validate()
        tally.compute_seconds += time.perf_counter() - begun
        total, samples = summed([float(tally.loss), tally.samples], accelerator)
        train_loss = total / samples
        _must_be_finite(train_loss, number, settings)
        rate = float(schedule.get_last_lr()[0])
        after_epoch(schedule, figures["loss"])
        yield Epoch(
            number=number,
            train_loss=train_loss,
            figures=figures,
            learning_rate=rate,
            gradient_norm=float(tally.norm) / steps,
            seconds=time.perf_counter() - started,
            compute_seconds=tally.compute_seconds,
        )


def _validation_outputs(
    network: nn.Module, part: LabeledPart, accelerator: Accelerator, precision: Precision
) -> NDArray[np.float32]:
    return outputs(network, part.inputs, part.rows, part.preprocessing, device=accelerator.device, precision=precision)


def _must_be_finite(loss: float, epoch: int, settings: TrainingSettings) -> None:
    if not math.isfinite(loss):
        raise TrainingError(
            f"the training loss is {loss} in epoch {epoch}: the steps are too large for this network;"
            f" start again with a smaller --learning-rate than {settings.learning_rate:g}"
        )
