"""Pictures and masks decoded at their own sizes, one by one or all together."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from percept.data.decoding import in_order
from percept.data.headers import read_header
from percept.data.images import read_picture
from percept.data.masks.dataset import SegmentationDataset
from percept.data.masks.regions import Mask, read_pair_mask
from percept.data.pixel_formats import from_integers, in_channels
from percept.data.ragged import RaggedArray, keep
from percept.data.stacks import read_page
from percept.data.typical_picture import GREY_MODES
from percept.errors import DataError, OptionError


def read_mask(dataset: SegmentationDataset, row: int) -> Mask:
    """Return the mask of one sample: (height, width) class numbers, and objects where the masks tell them.

    Raises:
        DataError: the file has changed so that it cannot be read any more.
    """
    return read_pair_mask(dataset.pairs[row], dataset.sizes[row], dataset.meaning)


def read_sample_picture(dataset: SegmentationDataset, row: int, channels: int) -> NDArray[np.uint8]:
    """Return one picture at its own size: (height, width, channels) uint8, channels 1 (grey) or 3 (color).

    Raises:
        DataError: the file cannot be read.
        OptionError: channels is neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise OptionError(f"channels is {channels}; expected 1 (grey) or 3 (color)")
    file = dataset.pairs[row].picture
    if file.page is None:
        return read_picture(file.path, channels=channels, white=dataset.white)
    page = read_page(file.path, file.page)
    if page.dtype == np.uint8:
        pixels = page
    elif page.dtype.kind in "iu":
        pixels = from_integers(page, dataset.white)
    else:
        raise DataError(f"{file} holds {page.dtype} values; expected whole numbers of 8 or 16 bits")
    return in_channels(pixels if pixels.ndim == 3 else pixels[..., np.newaxis], channels)


def channels_of(dataset: SegmentationDataset) -> int:
    """Return 1 where all pictures are grey, else 3.

    Args:
        dataset: the pictures.

    Raises:
        DataError: a picture cannot be read.
    """
    for pair in dataset.pairs:
        file = pair.picture
        if file.page is not None:
            shape = read_page(file.path, file.page).shape
            if len(shape) == 3 and shape[2] >= 3:
                return 3
        elif not read_header(file.path).mode.startswith(GREY_MODES):
            return 3
    return 1


def load_pictures(
    dataset: SegmentationDataset,
    channels: int,
    *,
    memory: int = 2**31,
    folder: Path | None = None,
    threads: int | None = None,
) -> RaggedArray:
    """Return all pictures at their own sizes, each (height, width, channels) uint8.

    Args:
        dataset: the pictures.
        channels: 1 (grey) or 3 (color).
        memory: bytes up to which they stay in memory; more lie in a file without a name.
        folder: where that file is; None takes the system's place for passing files.
        threads: how many files are decoded at a time; None takes as many as this process has processors.

    Raises:
        DataError: a picture cannot be read.
        WriteError: the file cannot be written.
    """
    pictures = in_order(lambda row: read_sample_picture(dataset, row, channels), range(len(dataset)), threads)
    shapes = [(*size, channels) for size in dataset.sizes]
    return keep(pictures, shapes, np.uint8, memory=memory, folder=folder)


def load_masks(
    dataset: SegmentationDataset, *, memory: int = 2**31, folder: Path | None = None, threads: int | None = None
) -> tuple[RaggedArray, RaggedArray | None]:
    """Return all masks: class numbers (height, width) uint8, and objects (height, width) int32 where masks tell them.

    Args:
        dataset: the masks.
        memory: bytes up to which each of the two stays in memory; more lie in a file without a name.
        folder: where that file is; None takes the system's place for passing files.
        threads: how many files are decoded at a time; None takes as many as this process has processors.

    Raises:
        DataError: a mask cannot be read.
        WriteError: the file cannot be written.
    """

    def classes(row: int) -> NDArray[np.uint8]:
        return read_mask(dataset, row).classes

    def instances(row: int) -> NDArray[np.int32]:
        found = read_mask(dataset, row).instances
        return np.zeros(dataset.sizes[row], np.int32) if found is None else found

    rows, sizes = range(len(dataset)), dataset.sizes
    first = keep(in_order(classes, rows, threads), sizes, np.uint8, memory=memory, folder=folder)
    if not dataset.meaning.has_instances:
        return first, None
    return first, keep(in_order(instances, rows, threads), sizes, np.int32, memory=memory, folder=folder)
