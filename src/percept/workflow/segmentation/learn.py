"""The training inside a segmenter's run: network, loss and crops from the recipe, every epoch on disk as it ends."""

import hashlib
from collections.abc import Callable, Generator, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from percept.data.objects import IGNORE
from percept.devices import free_memory, parse_memory
from percept.errors import OptionError
from percept.evaluation.pixel_validation import validation_figures
from percept.models import build
from percept.nn.segmentation_losses import PixelLoss, pixel_loss
from percept.runs.folder import RunFolder
from percept.runs.recipe import Recipe
from percept.training.batches import steps_an_epoch
from percept.training.crop_sizes import crop_for_memory
from percept.training.loop import train_on
from percept.training.mask_loss import mask_loss, pixel_weights
from percept.training.pixel_batches import MaskedPart, PixelBatch, crops_an_epoch, pixel_batches
from percept.training.settings import TrainingSettings
from percept.workflow.checks import Checked
from percept.workflow.course import Begun, Course, Stretch, train_on_disk
from percept.workflow.events import Event
from percept.workflow.learn import Learned
from percept.workflow.machine import Machine, settings_of
from percept.workflow.segmentation.augmented import augmentation_of_crops
from percept.workflow.segmentation.lessons import Lessons
from percept.workflow.segmentation.patches import patch_lessons
from percept.workflow.segmentation.prepare import PreparedMasks
from percept.workflow.segmentation.pretrained import begin_as_classifier
from percept.workflow.time_limit import shortened, within_minutes

METRICS = ("mean_iou", "mean_dice", "pixel_accuracy", "loss")


def pixel_settings(recipe: Recipe) -> TrainingSettings:
    """Return the training settings of a segmenter's recipe whose choices are all made.

    Raises:
        OptionError: a value is out of its range, or the loss or metric is unknown.
    """
    training = recipe.training
    if training.metric not in METRICS:
        raise OptionError(f"metric is {training.metric!r}; expected one of {', '.join(METRICS)} for masks")
    pixel_loss(training.loss or "", masked=training.masking)
    return settings_of(recipe.filled("training", epochs=1))


def learn_masks(
    prepared: PreparedMasks, recipe: Recipe, folder: RunFolder, machine: Machine, begun: float
) -> Generator[Event, None, Learned]:
    """Train the recipe's segmenter, going on from the folder's checkpoint if there is one.

    Args:
        prepared: pictures, masks, split and preprocessing.
        recipe: every choice, made.
        folder: where history and checkpoint go.
        machine: device, processes, precision.
        begun: when the command began, of `time.monotonic`.

    Yields:
        What happens, as it happens.

    Returns:
        The trained network.

    Source: notes §3.6.3 and §3.6.6.
    """
    settings, accelerator, training = pixel_settings(recipe), machine.accelerator, recipe.training
    torch.manual_seed(settings.seed)
    network = build(recipe.model.name or "", **recipe.model.arguments)
    if recipe.model.pretrained is not None:
        begin_as_classifier(network, recipe, prepared.dataset.classes)
    network = network.to(accelerator.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    choose = picture_lessons if training.patches is None else patch_lessons
    lessons = choose(network, prepared, recipe, machine)
    recipe, deadline = within_minutes(
        *(recipe, folder, network, lessons.loss, lessons.stream(1), lessons.validate, lessons.steps, begun, accelerator)
    )
    settings = pixel_settings(recipe)
    steps = recipe.training.steps or lessons.steps
    shorter = shortened(lessons.stream, steps)

    def begin() -> Begun:
        optimizer, schedule = settings.begin(network, steps)
        rest = lessons.loss, shorter, steps, partial(lessons.validate, network), settings, accelerator
        return Begun(optimizer, schedule, lambda first: train_on(network, optimizer, schedule, *rest, first=first))

    stretches = (Stretch(settings.epochs, begin),)
    course = Course(network, stretches, settings, settings.metric != "loss", _digest(prepared), deadline)
    history, best = yield from train_on_disk(course, folder, accelerator)
    trained = accelerator.unwrap_model(network, keep_fp32_wrapper=False)
    return Learned(trained, best, history, (0.0, 1.0), Checked((), ""))


def picture_lessons(network: nn.Module, prepared: PreparedMasks, recipe: Recipe, machine: Machine) -> Lessons:
    """Return what a network learns from crops of pictures, as large as memory allows.

    Args:
        network: at its start.
        prepared: pictures, masks, split and preprocessing.
        recipe: every choice, made.
        machine: device, processes, precision.

    Raises:
        OptionError: not even the smallest crop fits into memory.
    """
    training, accelerator = recipe.training, machine.accelerator
    pictures, masks, classes = prepared.pictures, prepared.masks, prepared.dataset.classes
    rows, held_out, device = prepared.rows("train"), prepared.rows("validation"), accelerator.device
    side, batch_size = training.crop or 0, training.batch_size or 1
    loss = mask_loss(
        training.loss or "cross_entropy",
        masks,
        rows,
        len(classes),
        training.class_weights,
        masking=training.masking,
        device=device,
    )
    sizes = np.array([prepared.dataset.sizes[row] for row in prepared.rows("train")])
    height, width = np.minimum(sizes.max(axis=0), side).tolist()
    crop = crop_for_memory(
        network,
        parse_memory(training.memory) if training.memory else free_memory(accelerator.device) // 2,
        batch_size,
        channels=prepared.preprocessing.channels,
        largest=(height, width),
        loss=loss,
    )
    part = MaskedPart(
        pictures,
        masks,
        rows,
        IGNORE,
        prepared.preprocessing,
        pixel_weights(training.weight_map or "none", masks, prepared.objects, len(classes)),
        augmentation_of_crops(prepared, training),
    )

    def stream(epoch: int) -> Iterator[tuple[Tensor, PixelBatch]]:
        drawn = pixel_batches(part, crop, batch_size, seed=training.seed, epoch=epoch, accelerator=accelerator)
        return ((batch.inputs, batch) for batch in drawn)

    def validate(trained: nn.Module) -> dict[str, float]:
        form, precision = prepared.preprocessing, machine.precision
        return validation_figures(trained, pictures, masks, held_out, classes, form, device=device, precision=precision)

    steps = steps_an_epoch(len(crops_an_epoch(part, crop)), batch_size)
    return Lessons(_total(loss), stream, steps, validate)


def _total(loss: PixelLoss) -> Callable[[Tensor, PixelBatch], Tensor]:
    return lambda scores, batch: loss(scores, batch.targets, batch.weights)


def _digest(prepared: PreparedMasks) -> str:
    """Return a digest of pictures and masks, by which changed data are told."""
    digest = hashlib.blake2b("\n".join(prepared.content).encode(), digest_size=16)
    digest.update(prepared.dataset.pixels.tobytes())
    return digest.hexdigest()
