"""The training of a segmenter by an estimator's arguments: network, loss, crops and epochs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.data.augment.crops import crop_augmentation
from percept.data.channel_statistics import channel_statistics
from percept.data.class_weights import WEIGHTINGS
from percept.data.objects import IGNORE
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.devices import choose_precision, free_memory, parse_memory
from percept.errors import OptionError
from percept.estimators.given_masks import Masks
from percept.estimators.options import check_choice
from percept.estimators.picture_training import Learned, follow, settings_from
from percept.evaluation.pixel_validation import validation_figures
from percept.models import arguments_for, build
from percept.nn.segmentation_losses import PixelLoss
from percept.training.batches import steps_an_epoch
from percept.training.crop_sizes import Crop, crop_for_memory
from percept.training.loop import train_on
from percept.training.mask_loss import mask_loss, pixel_weights
from percept.training.pixel_batches import MaskedPart, PixelBatch, crops_an_epoch, pixel_batches
from percept.training.processes import make_accelerator
from percept.training.segmentation_defaults import DEFAULT_ARGUMENTS, DEFAULT_MODEL, segmentation_defaults

METRIC = "mean_iou"  # of the pictures held out, by which training stops


@dataclass(frozen=True)
class Lesson:
    """What is learned from.

    Attributes:
        pictures: (height, width, channels) uint8 of each.
        masks: of them.
        parts: (samples,) the part that a folder puts each in, "" for none.
        white: the value that 16-bit pictures call white.
    """

    pictures: Sequence[NDArray[np.uint8]]
    masks: Masks
    parts: NDArray[np.str_]
    white: int


@dataclass(frozen=True)
class LearnedMasks(Learned):
    """What the training of a segmenter leaves.

    Attributes:
        form: from pictures to what the network takes.
        arguments: what the network was built with.
        crop: height and width of the crops that were trained on, pixels.
    """

    form: PixelPreprocessing
    arguments: Mapping[str, object]
    crop: tuple[int, int]


def train_segmenter(
    estimator: Any,
    lesson: Lesson,
    rows: NDArray[np.int64],
    held: NDArray[np.int64],
    seed: int,
    device: torch.device,
) -> LearnedMasks:
    """Build and train the network of an ImageSegmenter, its first weights drawn from torch's global generator.

    Args:
        estimator: its arguments.
        lesson: pictures and masks.
        rows: which pictures to train on.
        held: which to judge each epoch by; none without early stopping.
        seed: of every draw.
        device: where to train.

    Raises:
        OptionError: an argument does not work.
        TrainingError: the loss is no longer finite.

    Source: notes §3.6.3 and §3.6.6 (full-image training).
    """
    pictures, masks = lesson.pictures, lesson.masks
    channels, classes = int(pictures[0].shape[2]), len(masks.names)
    form = PixelPreprocessing(channels, *channel_statistics(pictures[row] for row in rows), lesson.white)
    sizes = [(int(pictures[row].shape[0]), int(pictures[row].shape[1])) for row in rows]
    defaults = segmentation_defaults(sizes, len(rows), estimator.solver)
    settings = settings_from(estimator, defaults, metric=METRIC, seed=seed)
    precision = choose_precision(estimator.precision, device, gains=True)
    accelerator = make_accelerator(device, precision)
    arguments = _arguments(estimator, classes, (channels, *np.median(sizes, axis=0).astype(int).tolist()))
    network = build(estimator.model, **arguments).to(device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weighting = _weighting(estimator.class_weight, masks)
    loss = mask_loss(estimator.loss, masks.maps, rows, classes, weighting, masking=estimator.masking, device=device)
    side = int(defaults["crop"] if estimator.crop == "auto" else estimator.crop)
    crop = _crop(estimator, network, side, settings.batch_size, channels, loss, device)
    part = MaskedPart(
        *(pictures, masks.maps, rows, IGNORE, form),
        weights=pixel_weights(estimator.weight_map or "none", masks.maps, masks.objects, classes),
        augmentation=None if estimator.augment is None else crop_augmentation(pictures, rows, estimator.augment, side),
    )

    def stream(epoch: int) -> Iterator[tuple[Tensor, PixelBatch]]:
        drawn = pixel_batches(part, crop, settings.batch_size, seed=seed, epoch=epoch, accelerator=accelerator)
        return ((batch.inputs, batch) for batch in drawn)

    def total(scores: Tensor, batch: PixelBatch) -> Tensor:
        return loss(scores, batch.targets, batch.weights)

    def validate() -> dict[str, float]:
        if not len(held):
            return {"loss": float("nan")}
        seen = pictures, masks.maps, held, masks.names, form
        return validation_figures(network, *seen, device=device, precision=precision)

    steps = steps_an_epoch(len(crops_an_epoch(part, crop)), settings.batch_size)
    epochs = train_on(network, *settings.begin(network, steps), total, stream, steps, validate, settings, accelerator)
    history, kept = follow(estimator, epochs, network, settings)
    trained = accelerator.unwrap_model(network, keep_fp32_wrapper=False).eval()
    return LearnedMasks(trained, history, kept, form, arguments, (crop.height, crop.width))


def _crop(
    estimator: Any,
    network: nn.Module,
    side: int,
    batch_size: int,
    channels: int,
    loss: PixelLoss,
    device: torch.device,
) -> Crop:
    memory = parse_memory(estimator.memory) if estimator.memory else free_memory(device) // 2
    return crop_for_memory(network, memory, batch_size, channels=channels, largest=(side, side), loss=loss)


def _arguments(estimator: Any, classes: int, shape: tuple[int, ...]) -> dict[str, object]:
    own = estimator.arguments
    if own is None and estimator.model == DEFAULT_MODEL:
        own = DEFAULT_ARGUMENTS
    return {**arguments_for(estimator.model, outputs=classes, shape=shape), **(own or {})}


def _weighting(asked: Any, masks: Masks) -> Any:
    """Return the weights of the classes as `percept.data.class_weights.class_weights` takes them."""
    if isinstance(asked, str) or asked is None:
        check_choice("class_weight", asked, (None, *WEIGHTINGS))
        return asked or "none"
    if not isinstance(asked, Mapping):
        return [float(weight) for weight in asked]
    values = masks.values.tolist()
    by_name = dict(zip(masks.names, values, strict=True))
    known = {by_name.get(key, key): weight for key, weight in asked.items()}
    if strange := [key for key in known if key not in values]:
        raise OptionError(f"class_weight names {strange[0]!r}; expected some of {', '.join(masks.names)}")
    return [float(known.get(value, 1.0)) for value in values]
