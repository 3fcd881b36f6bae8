"""Transfer learning as a course of phases: first the new head alone, then what is to learn of the body with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from percept.devices import Precision
from percept.models.freezing import freeze
from percept.models.parts import Parts
from percept.models.split import split
from percept.nn.losses import Loss
from percept.training.batches import LabeledPart, steps_an_epoch
from percept.training.features import FeatureStore, with_features
from percept.training.layer_rates import DECAY, rates_by_depth
from percept.training.loop import Epoch, Score, Steps, train
from percept.training.settings import TrainingSettings

HEAD_SHARE = 0.2
"""Share of the epochs that the head learns alone: long enough that it no longer asks the body for large changes."""
FINE = 0.1
"""What the learning rate is multiplied by once the body learns too, on top of the decay by depth."""


@dataclass(frozen=True)
class Phase:
    """Some epochs in which the same part of the network learns, by a schedule of their own.

    Attributes:
        first: number of its first epoch, from 1 in the whole course.
        last: number of its last epoch.
        stages: stages of the body that learn, counted from the head.
        learning_rate: of the head, at the top of the schedule.
        decay: what the rate is multiplied by from stage to stage, towards the picture.
    """

    first: int
    last: int
    stages: int
    learning_rate: float
    decay: float = DECAY


def plan(stages: int, settings: TrainingSettings, *, decay: float = DECAY) -> tuple[Phase, ...]:
    """Return the usual course: the head alone for a fifth of the epochs, then the body with it at a tenth of the rate.

    Args:
        stages: stages of the body that are to learn in the end; with 0, and in a single epoch, there is one phase.
        settings: epochs and learning rate.
        decay: what the rate is multiplied by from stage to stage, towards the picture.

    Source: notes §3.4.2; Howard & Ruder 2018, section 3.3 (the last layer first).
    """
    head = max(1, round(HEAD_SHARE * settings.epochs))
    if stages == 0 or settings.epochs == 1:
        return (Phase(1, settings.epochs, stages, settings.learning_rate, decay),)
    return (
        Phase(1, head, 0, settings.learning_rate, decay),
        Phase(head + 1, settings.epochs, stages, FINE * settings.learning_rate, decay),
    )


def begin(
    network: nn.Module,
    parts: Parts,
    phase: Phase,
    settings: TrainingSettings,
    samples: int,
    *,
    steps: int | None = None,
) -> tuple[Optimizer, LRScheduler]:
    """Let learn what a phase says, and return its optimizer and its schedule, both at their start.

    Args:
        network: changed in place: what of it learns.
        parts: its parts.
        phase: the phase.
        settings: how to train.
        samples: of the training part.
        steps: of an epoch, where it is shorter than a pass over the samples; None for such a pass.
    """
    freeze(network, parts, phase.stages)
    whole, epochs = steps_an_epoch(samples, settings.batch_size), phase.last - phase.first + 1
    own = replace(settings, learning_rate=phase.learning_rate, epochs=epochs)
    return own.begin(network, steps or whole, factors=rates_by_depth(parts, phase.decay))


def learner(
    network: nn.Module,
    parts: Parts,
    phase: Phase,
    training: LabeledPart,
    validation: LabeledPart,
    store: FeatureStore | None,
    *,
    device: torch.device,
    precision: Precision = "float32",
) -> tuple[nn.Module, LabeledPart, LabeledPart]:
    """Return what is to be trained in a phase and on which samples: the network as it is, or its head on features.

    While the head learns alone, the features of the body are the same in every epoch: they are computed once, and an
    epoch becomes as short as the head is small. The head shares its layers with the network, and so trains it.
    Pictures that are augmented differ from epoch to epoch, and are left to the whole network.

    Args:
        network: the network, on `device`.
        parts: its parts.
        phase: what learns.
        training: the samples to learn from.
        validation: the samples to score.
        store: where features are kept; None leaves everything to the whole network.
        device: where to compute.
        precision: what to compute in.

    Source: notes §3.4.2.
    """
    whole = network, training, validation
    if store is None or phase.stages > 0 or training.augmentation is not None:
        return whole
    halves = split(network, parts)
    if halves is None:
        return whole
    body, head = halves
    seen = with_features(training, body, store, device=device, precision=precision)
    unseen = with_features(validation, body, store, device=device, precision=precision)
    return whole if seen is None or unseen is None else (head, seen, unseen)


def train_in_phases(
    network: nn.Module,
    parts: Parts,
    phases: Sequence[Phase],
    loss: Loss,
    training: LabeledPart,
    validation: LabeledPart,
    score: Score,
    settings: TrainingSettings,
    accelerator: Accelerator,
    precision: Precision = "float32",
    *,
    store: FeatureStore | None = None,
) -> Iterator[Epoch | Steps]:
    """Train a network in phases, in place; each begins with the weights that the one before it ended with.

    Args:
        network: from `percept.models.transfer.transfer`, on the accelerator's device.
        parts: its parts.
        phases: from `plan`.
        loss: as in `percept.training.loop.train`, like all up to `precision`.
        training: the samples to learn from.
        validation: the samples that `score` sees.
        score: figures from the validation outputs.
        settings: how to train.
        accelerator: device and processes.
        precision: what to compute in.
        store: where the body's features are kept while the head learns alone; see `learner`.

    Source: notes §3.4.2.
    """
    for phase in phases:
        moved = begin(network, parts, phase, settings, len(training))
        taught, seen, unseen = learner(
            network, parts, phase, training, validation, store, device=accelerator.device, precision=precision
        )
        chosen = replace(settings, epochs=phase.last, learning_rate=phase.learning_rate)
        yield from train(taught, *moved, loss, seen, unseen, score, chosen, accelerator, precision, first=phase.first)
        accelerator.unwrap_model(taught, keep_fp32_wrapper=False)  # every phase wraps it for its precision anew
