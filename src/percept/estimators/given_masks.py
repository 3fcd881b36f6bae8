"""What a user gives for masks: arrays of class numbers, paths of masks, or a folder of pictures with masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.data.masks.dataset import read_segmentation
from percept.data.masks.loading import channels_of, load_masks, load_pictures
from percept.data.masks.looks import look_at
from percept.data.masks.meaning import MOST_CLASSES, MaskMeaning, class_map
from percept.data.masks.pairing import PictureFile
from percept.data.masks.raw import numbered, read_raw
from percept.data.masks.understanding import MaskOptions, understand
from percept.data.objects import IGNORE
from percept.errors import DataError, OptionError

Maps = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True)
class Masks:
    """Masks as they are learned from.

    Attributes:
        values: (classes,) what stands for each class in the maps that the user gets.
        names: of the classes.
        maps: (height, width) class number of each pixel, `IGNORE` where nothing is known.
        objects: (height, width) numbers of objects of each; None where masks do not tell them.
        meaning: how files were understood; None for arrays.
    """

    values: NDArray[Any]
    names: tuple[str, ...]
    maps: Maps
    objects: Sequence[NDArray[np.int32]] | None = None
    meaning: MaskMeaning | None = None


@dataclass(frozen=True)
class MaskedFolder:
    """A folder of pictures with masks, read.

    Attributes:
        pictures: (height, width, channels) uint8 of each.
        masks: of them.
        parts: (samples,) the part that the folder puts each in, "" for none.
        white: the value that 16-bit pictures call white.
    """

    pictures: Sequence[NDArray[np.uint8]]
    masks: Masks
    parts: NDArray[np.str_]
    white: int


def mask_ignore(asked: Any) -> Any:
    """Return what is ignored as `percept.data.masks.understanding.MaskOptions` takes it.

    Args:
        asked: "auto", a value, or None for nothing.

    Raises:
        OptionError: it is none of these.
    """
    if asked is None:
        return "none"
    if asked == "auto" or (isinstance(asked, int | np.integer) and not isinstance(asked, bool)):
        return asked if isinstance(asked, str) else int(asked)
    raise OptionError(f"ignore is {asked!r}; expected the value of pixels that do not count, 'auto', or None")


def read_masked_folder(root: Path, ignore: Any, meaning: MaskMeaning | None = None) -> MaskedFolder:
    """Return the pictures of a folder with their masks, in any layout that `percept fit` knows.

    Args:
        root: the folder.
        ignore: from `mask_ignore`.
        meaning: how masks are understood already; None finds out.

    Raises:
        DataError: there are no pictures with masks, or they do not fit together.
    """
    dataset = read_segmentation(root, MaskOptions(ignore=ignore), meaning=meaning)
    maps, objects = load_masks(dataset)
    numbers = np.arange(len(dataset.classes), dtype=np.uint8)
    masks = Masks(numbers, dataset.classes, maps, objects, dataset.meaning)
    return MaskedFolder(load_pictures(dataset, channels_of(dataset)), masks, dataset.given, dataset.white)


def read_masks(y: Any, ignore: Any) -> Masks:
    """Return masks to learn from.

    Args:
        y: (samples, height, width) whole numbers, a list of such maps of unlike sizes, or paths of masks.
        ignore: from `mask_ignore`; "auto" takes 255 where there are other values than 0 beside it.

    Raises:
        DataError: they are no masks, or hold a single class.

    Example:
        >>> masks = read_masks([np.array([[3, 7]]), np.array([[7], [255]])], "auto")
        >>> masks.values.tolist(), [each.tolist() for each in masks.maps]
        ([3, 7], [[[0, 1]], [[1], [255]]])
    """
    listed = _listed(y)
    if _are_paths(listed):
        files = [PictureFile(Path(each)) for each in listed]
        meaning = understand([look_at(file) for file in files], MaskOptions(ignore=ignore))
        maps = [class_map(read_raw(file), meaning, str(file)) for file in files]
        objects = None
        if meaning.has_instances:
            raw = (read_raw(file).values for file in files)
            objects = [np.where(a == 1, numbered(b), 0).astype(np.int32) for a, b in zip(maps, raw, strict=True)]
        return Masks(np.arange(len(meaning.classes), dtype=np.uint8), meaning.classes, maps, objects, meaning)
    arrays = [_whole(each, row) for row, each in enumerate(listed)]
    values = np.unique(np.concatenate([np.unique(each) for each in arrays])) if arrays else np.zeros(0, np.int64)
    left_out = _ignored(values, ignore)
    values = values[values != left_out] if left_out is not None else values
    if not 2 <= len(values) <= MOST_CLASSES:
        raise DataError(f"the masks hold {len(values)} classes; expected 2 to {MOST_CLASSES} different whole numbers")
    return Masks(values, tuple(map(str, values.tolist())), [_numbers(each, values, left_out) for each in arrays])


def read_truth(y: Any, values: NDArray[Any], ignore: Any, meaning: MaskMeaning | None) -> tuple[Maps, int]:
    """Return masks to score by, in the class numbers of a fit, and how many classes there are.

    Values that the fit did not see get numbers of their own, behind its classes: they are never predicted.

    Args:
        y: as for `read_masks`.
        values: (classes,) what stands for each class.
        ignore: from `mask_ignore`.
        meaning: how the masks of the fit were understood; None for arrays.

    Raises:
        DataError: they are no masks.
    """
    listed = _listed(y)
    if _are_paths(listed):
        files = [PictureFile(Path(each)) for each in listed]
        if meaning is not None:
            return [class_map(read_raw(file), meaning, str(file)) for file in files], len(values)
        listed = [read_raw(file).values for file in files]
    arrays = [_whole(each, row) for row, each in enumerate(listed)]
    found = np.unique(np.concatenate([values, *(np.unique(each) for each in arrays)]))
    left_out = _ignored(found, ignore)
    new = [value for value in found if value != left_out and value not in values]
    known = np.concatenate([values, np.array(new, values.dtype)]) if new else values
    order = np.argsort(known)
    places = np.append(order, np.full(IGNORE + 1 - len(order), IGNORE)).astype(np.uint8)
    return [places[_numbers(each, known[order], left_out)] for each in arrays], len(known)


def _listed(y: Any) -> list[Any]:
    y = y.to_numpy() if hasattr(y, "to_numpy") else y
    if isinstance(y, str | Path) or not isinstance(y, np.ndarray | Sequence):
        raise DataError(f"y is a {type(y).__name__}; expected a mask for each picture: arrays, or paths")
    return list(y)


def _are_paths(listed: list[Any]) -> bool:
    return bool(listed) and all(isinstance(each, str | Path) for each in listed)


def _whole(mask: Any, row: int) -> NDArray[np.int64]:
    array = np.asarray(mask)
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.ndim != 2:
        raise DataError(f"mask {row} has shape {array.shape}; expected (height, width), a class number for each pixel")
    if array.dtype.kind not in "buif" or (array.dtype.kind == "f" and not np.array_equal(array, np.rint(array))):
        raise DataError(f"mask {row} holds {array.dtype} values; expected whole numbers, the class of each pixel")
    return array.astype(np.int64)


def _ignored(values: NDArray[Any], ignore: Any) -> int | None:
    if ignore == "auto":
        return IGNORE if IGNORE in values and np.setdiff1d(values, [0, IGNORE]).size else None
    return None if ignore == "none" else int(ignore)


def _numbers(mask: NDArray[np.int64], values: NDArray[Any], ignored: int | None) -> NDArray[np.uint8]:
    numbers = np.searchsorted(values, mask).astype(np.uint8)
    return numbers if ignored is None else np.where(mask == ignored, np.uint8(IGNORE), numbers)
