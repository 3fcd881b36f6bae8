"""The training inside a run: network, optimizer and loss from the recipe, every epoch on disk as it ends."""

import hashlib
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from percept.data.dataset import Kind
from percept.data.mixup import Mixing
from percept.errors import OptionError
from percept.evaluation.metrics import metric_named
from percept.models.freezing import freeze
from percept.runs.folder import RunFolder
from percept.runs.recipe import Recipe
from percept.training.batches import LabeledPart, smallest_batch, steps_an_epoch
from percept.training.defaults import most_epochs, usual_epochs
from percept.training.loop import Epoch
from percept.training.settings import TrainingSettings
from percept.training.stopping import Best
from percept.workflow.augment import augmentation_layer, resampling_of
from percept.workflow.checks import Checked, check
from percept.workflow.course import Course, train_on_disk
from percept.workflow.events import Event
from percept.workflow.learning_rate import find_rate
from percept.workflow.machine import Machine, settings_of
from percept.workflow.objective import loss_of, scaled_targets, score_of, target_scale
from percept.workflow.prepare import Prepared
from percept.workflow.pretrained import Start, start
from percept.workflow.stretches import Lesson, features_serve, stretches_of
from percept.workflow.time_limit import Limited, within_minutes


@dataclass(frozen=True)
class Learned:
    """What training leaves.

    Attributes:
        network: the network with the best epoch's weights.
        best: that epoch.
        history: every epoch.
        target_scale: mean and standard deviation that regression targets were divided by; (0, 1) for classes.
        checked: how signals and gradients went through the network, before training and after it.
    """

    network: nn.Module
    best: Best
    history: tuple[Epoch, ...]
    target_scale: tuple[float, float]
    checked: Checked


def learn(
    prepared: Prepared, recipe: Recipe, folder: RunFolder, machine: Machine, begun: float | None = None
) -> Generator[Event, None, tuple[Learned, Recipe]]:
    """Train the recipe's network, going on from the folder's checkpoint if there is one.

    Args:
        prepared: samples, split and preprocessing.
        recipe: every choice, made but for what time or a range test decide.
        folder: where history and checkpoint go.
        machine: device, processes, precision.
        begun: when the command began, of `time.monotonic`; None for now.

    Yields:
        What happens, as it happens.

    Returns:
        The trained network, and the recipe with every choice made.
    """
    accelerator, target = machine.accelerator, prepared.loaded.dataset.target
    scale = target_scale(target, prepared.rows("train"))
    training, validation = (_part(prepared, part, scale) for part in ("train", "validation"))
    plain = settings_of(recipe.filled("training", epochs=1))
    _enough_for_each(smallest_batch(len(training), plain.batch_size), accelerator.num_processes, plain)
    started = start(recipe, max(1, len(target.classes)), accelerator.device)
    loss = loss_of(target, training, recipe, accelerator)
    plain_part, training = training, _softened(training, recipe, target.classes)
    metric = metric_named(plain.metric, target.task)
    lesson = Lesson(loss, training, validation, score_of(target, validation, metric, scale), machine)
    recipe = yield from find_rate(started, loss, training, recipe, folder, machine)
    recipe, deadline = _in_time(started, lesson, recipe, folder, time.monotonic() if begun is None else begun)
    settings = settings_of(recipe)
    checks = check(
        started.network, loss, plain_part, epochs=settings.epochs, seed=settings.seed, device=accelerator.device
    )
    lesson = replace(lesson, steps=recipe.training.steps)
    stretches = stretches_of(started, lesson, settings)
    course = Course(started.network, stretches, settings, metric.higher_is_better, _digest(prepared), deadline)
    history, best = yield from train_on_disk(course, folder, accelerator, checks.warnings)
    trained = accelerator.unwrap_model(started.network, keep_fp32_wrapper=False)
    if started.parts is not None:
        freeze(trained, started.parts, len(started.parts.stages))
    return Learned(trained, best, history, scale, checks.after(trained)), recipe


def _in_time(started: Start, lesson: Lesson, recipe: Recipe, folder: RunFolder, begun: float) -> Limited:
    """Return the recipe with the epochs that its minutes leave room for, and when to stop."""
    settings, samples = settings_of(recipe.filled("training", epochs=1)), len(lesson.training)
    kind: Kind = "image" if recipe.data.image_size else "table"
    if recipe.training.minutes is not None and not started.stages and features_serve(started, lesson):
        # an epoch over kept features takes next to nothing: the deadline is enough
        steps = steps_an_epoch(samples, settings.batch_size)
        recipe = recipe.filled("training", epochs=usual_epochs(kind, samples), steps=steps)
        recipe.write(folder.recipe)
    return within_minutes(
        recipe.filled("training", epochs=most_epochs(usual_epochs(kind, samples))),
        folder,
        started.network,
        lesson.loss,
        lesson.stream(lesson.training, settings)(1),
        partial(lesson.validate, lesson.validation),
        steps_an_epoch(samples, settings.batch_size),
        begun,
        lesson.machine.accelerator,
    )


def _enough_for_each(samples: int, processes: int, settings: TrainingSettings) -> None:
    if samples < processes:
        raise OptionError(
            f"--batch-size {settings.batch_size} makes a batch of {samples}, too few for {processes} processes;"
            " take a larger --batch-size, or fewer processes"
        )


def _digest(prepared: Prepared) -> str:
    """Return a digest of the samples and targets, by which changed data are told."""
    digest = hashlib.blake2b("\n".join(prepared.loaded.content).encode(), digest_size=16)
    digest.update(prepared.loaded.dataset.target.values.tobytes())
    return digest.hexdigest()


def _part(prepared: Prepared, part: str, scale: tuple[float, float]) -> LabeledPart:
    targets = scaled_targets(prepared.loaded.dataset.target, scale)
    return LabeledPart(prepared.inputs, targets, prepared.rows(part), prepared.preprocessing)


def _softened(training: LabeledPart, recipe: Recipe, classes: tuple[str, ...]) -> LabeledPart:
    """Return the training part with all that happens to its samples on their way into a batch."""
    chosen = recipe.training
    mixing = Mixing(len(classes), chosen.mixup, chosen.cutmix, chosen.label_smoothing)
    return replace(
        training,
        augmentation=augmentation_layer(chosen, classes) if recipe.data.image_size else None,
        mixing=mixing if mixing != Mixing(len(classes)) else None,
        resampling=resampling_of(chosen, training.targets[training.rows]),
    )
