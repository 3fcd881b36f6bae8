"""A picture's mask put together from its files: one of all classes, one a class, or one an object."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from percept.data.masks.meaning import MaskMeaning, class_map
from percept.data.masks.pairing import Pair, PictureFile
from percept.data.masks.raw import RawMask, count_values, numbered, read_raw
from percept.data.objects import IGNORE
from percept.errors import DataError


@dataclass(frozen=True)
class Mask:
    """A class for every pixel of one picture.

    Attributes:
        classes: (height, width) uint8 class numbers, `IGNORE` where nothing is known.
        instances: (height, width) int32, one number an object and 0 outside; None where masks do not tell objects.
    """

    classes: NDArray[np.uint8]
    instances: NDArray[np.int32] | None = None


def read_pair_mask(pair: Pair, size: tuple[int, int], meaning: MaskMeaning) -> Mask:
    """Return the mask of a picture.

    Args:
        pair: the picture's file and those of its masks.
        size: (height, width) of the picture.
        meaning: how masks are understood.

    Raises:
        DataError: a file cannot be read, is of another size than the picture, or holds an unknown value.
    """
    if meaning.kind == "class_files":
        return Mask(_by_class(pair.masks, size, pair, meaning))
    if meaning.kind == "object_files":
        return _by_object(pair.masks, size, pair, meaning)
    file = pair.masks[0]
    raw = _of_size(file, size, pair)
    classes = class_map(raw, meaning, str(file))
    if meaning.kind != "instances":
        return Mask(classes)
    return Mask(classes, np.where(classes == 1, numbered(raw.values), 0).astype(np.int32))


def _by_class(
    files: Sequence[PictureFile], size: tuple[int, int], pair: Pair, meaning: MaskMeaning
) -> NDArray[np.uint8]:
    """Return the classes of a picture with one file a class; pixels of several classes are ignored."""
    numbers = {name.casefold(): number for number, name in enumerate(meaning.classes)}
    found = np.zeros(size, np.uint8)
    for file in files:
        number = numbers.get(file.name.casefold())
        if number is None:
            raise DataError(
                f"{file} shows {file.name!r}, which is no class; expected one of {', '.join(meaning.classes)}"
            )
        inside = _inside(_of_size(file, size, pair), str(file), meaning.nearest)
        found[inside] = np.where(found[inside] == 0, number, IGNORE)
    return found


def _by_object(files: Sequence[PictureFile], size: tuple[int, int], pair: Pair, meaning: MaskMeaning) -> Mask:
    """Return the objects of a picture with one file an object; where two overlap, the pixel is the later one's."""
    instances = np.zeros(size, np.int32)
    for number, file in enumerate(files, 1):
        instances[_inside(_of_size(file, size, pair), str(file), meaning.nearest)] = number
    return Mask((instances > 0).astype(np.uint8), instances)


def _of_size(file: PictureFile, size: tuple[int, int], pair: Pair) -> RawMask:
    """Return a mask, which must be as large as its picture."""
    raw = read_raw(file)
    if raw.values.shape != size:
        mask, picture = (f"{width} x {height}" for height, width in (raw.values.shape, size))
        raise DataError(
            f"{file} is {mask} pixels, but its picture {pair.key} is {picture}; expected one size: save the mask as"
            " large as the picture"
        )
    return raw


def _inside(raw: RawMask, name: str, nearest: bool) -> NDArray[np.bool_]:
    """Return the pixels that a file of one class or object shows: all that are not 0."""
    if nearest and not raw.color and not raw.palette:
        return np.asarray(2 * raw.values > max(1, int(raw.values.max(initial=0))))
    counts = count_values(raw.values)
    if len(counts) > 2:
        raise DataError(
            f"{name} holds {len(counts)} different values; expected 0 and one more, as it shows one class or object:"
            " save it without smeared edges, or take each pixel for the nearest value with nearest"
        )
    return np.asarray(raw.values != 0)
