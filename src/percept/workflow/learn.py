"""The training inside a run: network, optimizer and loss from the recipe, every epoch on disk as it ends."""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import nn

from percept.data.augment.layer import AugmentationLayer
from percept.data.augment.presets import Traits, parse_augmentation
from percept.data.dataset import Target
from percept.devices import Precision
from percept.errors import OptionError
from percept.evaluation.metrics import Metric, metric_named
from percept.evaluation.predict import probabilities, values
from percept.models import build
from percept.nn.losses import Loss, balanced_weights, cross_entropy, squared_error
from percept.runs.folder import RunFolder
from percept.runs.recipe import Recipe
from percept.training.batches import LabeledPart, smallest_batch, steps_an_epoch
from percept.training.loop import Epoch, Score, train
from percept.training.optimizers import make_optimizer
from percept.training.schedules import SCHEDULES
from percept.training.settings import TrainingSettings
from percept.training.stopping import Best
from percept.workflow.checks import Checked, check
from percept.workflow.course import Begun, Course, Stretch, train_on_disk
from percept.workflow.events import Event
from percept.workflow.prepare import Prepared


@dataclass(frozen=True)
class Machine:
    """Where a run trains.

    Attributes:
        accelerator: device and processes.
        precision: what to compute in.
    """

    accelerator: Accelerator
    precision: Precision


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


def settings_of(recipe: Recipe) -> TrainingSettings:
    """Return the training settings of a recipe whose choices are all made.

    Raises:
        OptionError: a value is out of its range.
    """
    training = recipe.training
    names = TrainingSettings.__dataclass_fields__
    return TrainingSettings(**{name: getattr(training, name) for name in names})


def learn(prepared: Prepared, recipe: Recipe, folder: RunFolder, machine: Machine) -> Generator[Event, None, Learned]:
    """Train the recipe's network, going on from the folder's checkpoint if there is one.

    Args:
        prepared: samples, split and preprocessing.
        recipe: every choice, made.
        folder: where history and checkpoint go.
        machine: device, processes, precision.

    Yields:
        What happens, as it happens.

    Returns:
        The trained network.
    """
    settings, accelerator = settings_of(recipe), machine.accelerator
    target = prepared.loaded.dataset.target
    scale = target_scale(target, prepared.rows("train"))
    training, validation = (_part(prepared, part, scale) for part in ("train", "validation"))
    _enough_for_each(smallest_batch(len(training), settings.batch_size), accelerator.num_processes, settings)
    training = replace(training, augmentation=_augmentation(training, recipe.training.augment or "none"))
    network = _build(recipe, accelerator.device)
    loss = _loss(target, training, recipe, accelerator)
    checks = check(network, loss, training, epochs=settings.epochs, seed=settings.seed, device=accelerator.device)
    metric = metric_named(settings.metric, target.task)
    score = _score(target, validation, metric, scale)

    def begin() -> Begun:
        optimizer = make_optimizer(
            network,
            settings.optimizer,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            momentum=settings.momentum,
        )
        schedule = SCHEDULES[settings.schedule](
            optimizer, steps_an_epoch(len(training), settings.batch_size), settings.epochs
        )
        rest = loss, training, validation, score, settings, accelerator, machine.precision
        return Begun(optimizer, schedule, lambda first: train(network, optimizer, schedule, *rest, first=first))

    stretches = (Stretch(settings.epochs, begin),)
    course = Course(network, stretches, settings, metric.higher_is_better, _digest(prepared))
    history, best = yield from train_on_disk(course, folder, accelerator, checks.warnings)
    trained = accelerator.unwrap_model(network, keep_fp32_wrapper=False)
    return Learned(trained, best, history, scale, checks.after(trained))


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
    target = prepared.loaded.dataset.target
    targets: NDArray[np.int64] | NDArray[np.float32] = target.values.astype(np.int64)
    if target.task == "regression":
        targets = ((target.values - scale[0]) / scale[1]).astype(np.float32)
    return LabeledPart(prepared.inputs, targets, prepared.rows(part), prepared.preprocessing)


def _augmentation(training: LabeledPart, asked: str) -> AugmentationLayer | None:
    if asked == "none":
        return None
    _, height, width, channels = training.inputs.shape
    return AugmentationLayer(parse_augmentation(asked, Traits((height, width), channels)))


def target_scale(target: Target, train: NDArray[np.int64]) -> tuple[float, float]:
    """Return the mean and standard deviation of the training targets; (0, 1) for classes."""
    if target.task == "classification":
        return 0.0, 1.0
    return float(target.values[train].mean()), float(target.values[train].std())


def _build(recipe: Recipe, device: torch.device) -> nn.Module:
    torch.manual_seed(recipe.training.seed)
    network = build(recipe.model.name or "", **recipe.model.arguments).to(device)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _loss(target: Target, training: LabeledPart, recipe: Recipe, accelerator: Accelerator) -> Loss:
    if target.task == "regression":
        return squared_error()
    if recipe.training.class_weights == "none":
        return cross_entropy()
    classes = torch.from_numpy(target.values[training.rows].astype(np.int64))
    return cross_entropy(balanced_weights(classes, len(target.classes)).to(accelerator.device))


def _score(target: Target, validation: LabeledPart, metric: Metric, scale: tuple[float, float]) -> Score:
    truth = target.values[validation.rows]
    shown = metric_named("accuracy" if target.task == "classification" else "rmse", target.task)
    loss = metric_named("loss", target.task)

    def score(outputs: NDArray[np.float32]) -> dict[str, float]:
        if target.task == "classification":
            chances = probabilities(outputs)
            return {each.name: each.measure(truth, chances) for each in (loss, shown, metric)}
        # the loss in the units that training sees, the other figures in the target's own
        predicted = values(outputs, scale)
        figures = {each.name: each.measure(truth, predicted) for each in (shown, metric)}
        return {
            "loss": loss.measure(truth, predicted) / scale[1] ** 2,
            **{k: v for k, v in figures.items() if k != "loss"},
        }

    return score
