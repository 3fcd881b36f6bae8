"""Training a segmenter on patches: a classifier that tells the class of the pixel in the middle of what it sees."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.special import log_softmax
from torch import Tensor, nn

from percept.data.class_weights import class_weights, count_classes
from percept.data.objects import IGNORE
from percept.data.patches import draw_centers
from percept.errors import OptionError
from percept.evaluation.patch_scores import center_scores
from percept.evaluation.pixel_validation import epoch_figures
from percept.evaluation.regions import pixel_confusion
from percept.nn.losses import cross_entropy
from percept.runs.recipe import Recipe
from percept.training.batches import steps_an_epoch
from percept.training.defaults import training_defaults
from percept.training.patch_batches import patch_batches
from percept.training.pixel_batches import MaskedPart
from percept.workflow.machine import Machine
from percept.workflow.segmentation.augmented import augmentation_of_crops
from percept.workflow.segmentation.lessons import Lessons
from percept.workflow.segmentation.prepare import PreparedMasks

AN_EPOCH = 12_800  # patches: a pass over all pixels would be too long to look at the validation part only after it
BATCH = 128
EPOCHS = 30
VALIDATED = 10_000  # pixels of the validation pictures that an epoch is judged by; the run's figures are of them all
SMALLEST = 3


def check_patches(recipe: Recipe) -> None:
    """Refuse what does not go with patches, before the data are read.

    Args:
        recipe: what the user asked for; nothing is wrong where it asks for no patches.

    Raises:
        OptionError: the side is none that patches can have, or an option is for whole pictures.
    """
    training = recipe.training
    if training.patches is None:
        return
    if training.patches < SMALLEST or training.patches % 2 == 0:
        raise OptionError(
            f"--patches is {training.patches}; expected an odd number of pixels from {SMALLEST} on, such as 33, so that"
            " one pixel is in the middle"
        )
    whole = {"crop": None, "memory": None, "weight_map": "none", "masking": 0.0, "loss": "cross_entropy"}
    for name, harmless in whole.items():
        asked = getattr(training, name)
        if asked is not None and asked != harmless:
            option = f"--{name.replace('_', '-')}"
            raise OptionError(f"{option} is for training on whole pictures, not on patches; leave it or --patches out")


def patch_defaults(model: str, optimizer: str) -> dict[str, float | int | str]:
    """Return batch size, epochs, learning rate and the rest for training on patches.

    Args:
        model: name of the classifier.
        optimizer: name of the optimizer.

    Example:
        >>> patch_defaults("lenet", "adamw")["batch_size"]
        128
    """
    chosen = training_defaults("image", model, optimizer, AN_EPOCH)
    chosen |= {"batch_size": BATCH, "epochs": EPOCHS, "metric": "mean_iou"}
    return {**chosen, "augment": "auto", "loss": "cross_entropy", "weight_map": "none"}


def patch_lessons(network: nn.Module, prepared: PreparedMasks, recipe: Recipe, machine: Machine) -> Lessons:
    """Return what a classifier learns from patches, every class shown equally often.

    Args:
        network: at its start.
        prepared: pictures, masks, split and preprocessing.
        recipe: every choice, made.
        machine: device, processes, precision.

    Source: notes §3.6.6, patch-based training.
    """
    training, accelerator, classes = recipe.training, machine.accelerator, len(prepared.dataset.classes)
    patch, batch_size, rows = training.patches or SMALLEST, training.batch_size or 1, prepared.rows("train")
    augmentation = augmentation_of_crops(prepared, training)
    part = MaskedPart(prepared.pictures, prepared.masks, rows, IGNORE, prepared.preprocessing, None, augmentation)
    counts = count_classes((prepared.masks[row] for row in rows), classes)
    count = int(min(AN_EPOCH, counts.pixels.sum()))
    weights = None
    if training.class_weights != "none":
        of_class = class_weights(counts, training.class_weights).astype(np.float32)
        weights = torch.from_numpy(of_class).to(accelerator.device)

    def stream(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        sizes, seed = (patch, batch_size, count), training.seed
        return patch_batches(part, *sizes, classes=classes, seed=seed, epoch=epoch, accelerator=accelerator)

    def validate(trained: nn.Module) -> dict[str, float]:
        return sampled_figures(trained, prepared, machine)

    return Lessons(cross_entropy(weights), stream, steps_an_epoch(count, batch_size), validate)


def sampled_figures(network: nn.Module, prepared: PreparedMasks, machine: Machine) -> dict[str, float]:
    """Return the figures of pixels drawn from the validation pictures, the same in every epoch.

    Args:
        network: as it is now.
        prepared: pictures and masks.
        machine: device and precision.
    """
    rows, form, classes = prepared.rows("validation"), prepared.preprocessing, prepared.dataset.classes
    pictures, masks = ([each[row] for row in rows] for each in (prepared.pictures, prepared.masks))
    draws = np.random.default_rng(prepared.recipe.training.seed)
    drawn = draw_centers(masks, VALIDATED, draws, classes=len(classes), balance="natural")
    device, precision = machine.accelerator.device, machine.precision
    patch = form.patch[0] if form.patch else SMALLEST
    scores = center_scores(network, pictures, drawn, patch, form, device=device, precision=precision)
    surprise = -float(log_softmax(scores, axis=1)[np.arange(len(drawn)), drawn.labels].mean())
    confusion = pixel_confusion(drawn.labels[None], scores.argmax(axis=1)[None], len(classes))
    return epoch_figures(confusion[None], surprise, classes)
