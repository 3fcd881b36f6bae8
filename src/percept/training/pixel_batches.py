"""From pictures of unlike sizes with their masks to batches of crops, placed at random, on the device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from percept.data.augment.draws import generator_of
from percept.data.augment.layer import augment
from percept.data.augment.recipe import Augmentation
from percept.data.patches import mirrored
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.errors import DataError, OptionError
from percept.evaluation.predict import Preprocessing
from percept.training.batches import steps_an_epoch
from percept.training.crop_sizes import Crop
from percept.training.processes import share

Array = NDArray[Any]


@dataclass(frozen=True)
class MaskedPart:
    """The pictures of one part of a split, as rows of the whole data.

    Attributes:
        pictures: (height, width, channels) uint8 or float of each picture, possibly memory-mapped, of any sizes.
        masks: (height, width) class number of each pixel.
        rows: (pictures of this part,) which of them belong to it.
        ignore: class number of pixels that do not count; crops get it where they reach beyond a picture.
        preprocessing: from crops to the network's input.
        weights: (height, width) weight of each pixel; None for equal ones.
        augmentation: what happens to crops, their masks and weights on the device, or None; for uint8 pictures whose
            preprocessing normalizes channels.

    Raises:
        DataError: a picture, its mask and its weights differ in size.
        OptionError: an augmentation of pictures that are not normalized by channel.
    """

    pictures: Sequence[Array]
    masks: Sequence[NDArray[np.integer]]
    rows: NDArray[np.int64]
    ignore: int
    preprocessing: Preprocessing
    weights: Sequence[NDArray[np.floating]] | None = None
    augmentation: Augmentation | None = None

    def __post_init__(self) -> None:
        if self.augmentation is not None and not isinstance(self.preprocessing, PixelPreprocessing):
            raise OptionError(f"pictures go through {type(self.preprocessing).__name__}; leave the augmentation out")
        for row in self.rows:
            sides, mask = self.pictures[row].shape[:2], self.masks[row].shape
            weights = mask if self.weights is None else self.weights[row].shape
            if not sides == mask == weights:
                raise DataError(
                    f"picture {row} has {_words(sides)} pixels, its mask {_words(mask)} and its weights"
                    f" {_words(weights)}; expected the same"
                )

    def __len__(self) -> int:
        return len(self.rows)


class PixelBatch(NamedTuple):
    """A batch of crops on the device.

    Attributes:
        inputs: (samples, channels, height, width) the network's input.
        targets: (samples, height, width) int64 class numbers.
        weights: (samples, height, width) float32 weight of each pixel; None for equal ones.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor | None


def crops_an_epoch(part: MaskedPart, crop: Crop) -> NDArray[np.int64]:
    """Return the row of each crop of an epoch: as many of a picture as hold about as many pixels, at least one.

    Args:
        part: the training part.
        crop: its crops.
    """
    inside = (crop.height - 2 * crop.border[0]) * (crop.width - 2 * crop.border[1])
    counts = [max(1, round(part.masks[row].size / inside)) for row in part.rows]
    return np.repeat(part.rows, counts)


def pixel_batches(
    part: MaskedPart,
    crop: Crop,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    accelerator: Accelerator,
    first_step: int = 0,
) -> Iterator[PixelBatch]:
    """Yield the batches of one epoch; each depends on the seed, the epoch's and its own number alone.

    So an epoch can be taken up again at any step. Batches are evened out, and shared between processes, as in
    `percept.training.batches`. The center of a crop is anywhere in the picture, the crop then moved inside: a row or
    column at the border is seen half as often as one in the middle. What a network without padding gives no class for,
    and crops larger than the picture, are filled by mirroring; pixels beyond the picture do not count.

    Args:
        part: the training part.
        crop: the size of crops, from `crop_for_memory`.
        batch_size: crops a batch, at most.
        seed: number that order and places derive from.
        epoch: number of the epoch.
        accelerator: the device and the processes.
        first_step: batches that are left out.

    Source: notes §3.6.6; Ronneberger, Fischer & Brox 2015, section 2 (mirroring).
    """
    order = crops_an_epoch(part, crop)
    order = order[np.random.default_rng([seed, epoch]).permutation(len(order))]
    steps = np.array_split(order, steps_an_epoch(len(order), batch_size))
    for step, rows in enumerate(steps[first_step:], start=first_step):
        generator = np.random.default_rng([seed, epoch, step, accelerator.process_index])
        cut = [cut_crop(part, int(row), crop, generator) for row in rows[share(len(rows), accelerator)]]
        pictures, masks = np.stack([each[0] for each in cut]), np.stack([each[1] for each in cut])
        maps = None if part.weights is None else np.stack([each[2] for each in cut])
        targets = torch.from_numpy(masks).to(accelerator.device)
        weights = None if maps is None else torch.from_numpy(maps).to(accelerator.device)
        if part.augmentation is None or not isinstance(part.preprocessing, PixelPreprocessing):
            yield PixelBatch(part.preprocessing.tensor(pictures, accelerator.device), targets, weights)
            continue
        shown = torch.from_numpy(pictures).to(accelerator.device).permute(0, 3, 1, 2)
        draws = generator_of(seed, epoch, step, accelerator.process_index)
        moved = augment(shown, part.augmentation, draws, masks=targets, maps=weights)
        classes = targets if moved.masks is None else moved.masks
        yield PixelBatch(part.preprocessing.normalized(moved.pictures), classes, moved.maps)


def cut_crop(
    part: MaskedPart, row: int, crop: Crop, generator: np.random.Generator
) -> tuple[Array, NDArray[np.int64], NDArray[np.float32]]:
    """Return a crop of a picture, of its mask and of its weights.

    Args:
        part: the pictures.
        row: which of them.
        crop: its size.
        generator: where its place comes from.

    Returns:
        (height, width, channels) as the picture has them, (height, width) int64 and (height, width) float32, the last
        all ones where the part has no weights.
    """
    mask = part.masks[row]
    wanted = (crop.height, crop.width)
    starts = [
        _start(side, size - 2 * edge, generator) - edge
        for side, size, edge in zip(mask.shape, wanted, crop.border, strict=True)
    ]
    places = [np.arange(start, start + size) for start, size in zip(starts, wanted, strict=True)]
    rows, columns = (mirrored(each, side) for each, side in zip(places, mask.shape, strict=True))
    window = np.ix_(rows, columns)
    beyond = ~np.logical_and.outer(
        *((each >= 0) & (each < side) for each, side in zip(places, mask.shape, strict=True))
    )
    classes = mask[window].astype(np.int64)
    classes[beyond] = part.ignore
    weights = np.ones(wanted, np.float32) if part.weights is None else part.weights[row][window].astype(np.float32)
    return part.pictures[row][window], classes, weights


def _start(side: int, size: int, generator: np.random.Generator) -> int:
    """Return where a window begins whose center is anywhere in the picture, moved inside; centered if it is larger."""
    if size >= side:
        return (side - size) // 2
    center = int(generator.integers(side))
    return min(max(center - size // 2, 0), side - size)


def _words(sides: Sequence[int]) -> str:
    return "x".join(map(str, sides))
