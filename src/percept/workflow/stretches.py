"""The stretches of a training: one for weights drawn anew; for a pretrained body its head alone, then the rest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from percept.evaluation.predict import outputs
from percept.nn.losses import Loss
from percept.training.batches import LabeledPart, batches, steps_an_epoch
from percept.training.features import FeatureStore
from percept.training.loop import Epoch, Score, Steps, train_on
from percept.training.phases import Phase, begin, learner, plan
from percept.training.settings import TrainingSettings
from percept.workflow.course import Begun, Stretch
from percept.workflow.machine import Machine
from percept.workflow.pretrained import Start
from percept.workflow.time_limit import shortened


@dataclass(frozen=True)
class Lesson:
    """What a network is taught with.

    Attributes:
        loss: what is minimized.
        training: the samples to learn from.
        validation: the samples that are scored.
        score: their figures.
        machine: device, processes, precision.
        steps: of an epoch, where time makes it shorter than a pass over the samples; None for such a pass.
    """

    loss: Loss
    training: LabeledPart
    validation: LabeledPart
    score: Score
    machine: Machine
    steps: int | None = None

    def stream(self, part: LabeledPart, settings: TrainingSettings) -> Callable[[int], Iterator[tuple[Tensor, Any]]]:
        """Return what gives the batches of an epoch by its number.

        Args:
            part: the samples to learn from.
            settings: batch size and seed.
        """
        accelerator = self.machine.accelerator
        draw = partial(batches, part, settings.batch_size, seed=settings.seed, accelerator=accelerator)
        return lambda epoch: draw(epoch=epoch)

    def validate(self, part: LabeledPart, network: nn.Module) -> dict[str, float]:
        """Return the figures of the validation samples.

        Args:
            part: the samples, or their features.
            network: the network, or its head.
        """
        device, precision = self.machine.accelerator.device, self.machine.precision
        return self.score(
            outputs(network, part.inputs, part.rows, part.preprocessing, device=device, precision=precision)
        )


def stretches_of(start: Start, lesson: Lesson, settings: TrainingSettings) -> tuple[Stretch, ...]:
    """Return the stretches of a training, one behind the other.

    Args:
        start: the network.
        lesson: what it is taught with.
        settings: how to train.

    Source: notes §3.4.2; Howard & Ruder 2018, section 3.3.
    """
    if start.parts is None:
        return (Stretch(settings.epochs, partial(_whole, start.network, lesson, settings)),)
    phases = plan(start.stages, settings)
    return tuple(Stretch(phase.last, partial(_phase, start, lesson, settings, phase)) for phase in phases)


def features_serve(start: Start, lesson: Lesson) -> bool:
    """Tell whether the features of a frozen body are the same in every epoch: no picture is augmented or mixed.

    Args:
        start: the network.
        lesson: what it is taught with.
    """
    mixing = lesson.training.mixing
    mixed = mixing is not None and bool(mixing.mixup or mixing.cutmix)
    return start.parts is not None and lesson.training.augmentation is None and not mixed


def _whole(network: nn.Module, lesson: Lesson, settings: TrainingSettings) -> Begun:
    steps = lesson.steps or steps_an_epoch(len(lesson.training), settings.batch_size)
    optimizer, schedule = settings.begin(network, steps)
    parts = lesson.training, lesson.validation
    return Begun(optimizer, schedule, partial(_epochs, network, parts, (optimizer, schedule), lesson, settings))


def _phase(start: Start, lesson: Lesson, settings: TrainingSettings, phase: Phase) -> Begun:
    if start.parts is None:
        raise ValueError("a phase needs the network's parts")
    moved = begin(start.network, start.parts, phase, settings, len(lesson.training), steps=lesson.steps)
    chosen = replace(settings, epochs=phase.last, learning_rate=phase.learning_rate)
    return Begun(*moved, partial(_phase_epochs, start, moved, lesson, chosen, phase))


def _phase_epochs(
    start: Start,
    moved: tuple[Optimizer, LRScheduler],
    lesson: Lesson,
    settings: TrainingSettings,
    phase: Phase,
    first: int,
) -> Iterator[Epoch | Steps]:
    if start.parts is None:
        raise ValueError("a phase needs the network's parts")
    taught, seen, unseen = learner(
        start.network,
        start.parts,
        phase,
        lesson.training,
        lesson.validation,
        FeatureStore() if features_serve(start, lesson) else None,
        device=lesson.machine.accelerator.device,
        precision=lesson.machine.precision,
    )
    try:
        yield from _epochs(taught, (seen, unseen), moved, lesson, settings, first)
    finally:  # every phase wraps it for its precision anew
        lesson.machine.accelerator.unwrap_model(taught, keep_fp32_wrapper=False)


def _epochs(
    network: nn.Module,
    parts: tuple[LabeledPart, LabeledPart],
    moved: tuple[Optimizer, LRScheduler],
    lesson: Lesson,
    settings: TrainingSettings,
    first: int,
) -> Iterator[Epoch | Steps]:
    """Yield the epochs of one stretch from one of them on."""
    training, validation = parts
    steps = lesson.steps or steps_an_epoch(len(training), settings.batch_size)
    stream = shortened(lesson.stream(training, settings), steps)
    validate = partial(lesson.validate, validation, network)
    accelerator = lesson.machine.accelerator
    return train_on(network, *moved, lesson.loss, stream, steps, validate, settings, accelerator, first)
