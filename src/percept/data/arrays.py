"""Pictures and labels that are already arrays in memory."""

from collections.abc import Sequence
from itertools import chain
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from percept.data.dataset import Dataset, PictureArray, Target
from percept.data.order import natural_key
from percept.data.pixel_formats import from_integers
from percept.errors import DataError

_CHUNK = 1 << 22  # values converted at a time, so that a large set never stands beside itself in memory as floats
_PREFIXES = ("", "test_")  # of the names of the arrays, the training side first


def arrays_dataset(
    images: ArrayLike,
    labels: ArrayLike,
    test_images: ArrayLike | None = None,
    test_labels: ArrayLike | None = None,
    name: str = "arrays",
) -> Dataset:
    """Return a data set of pictures and labels in memory.

    Args:
        images: (samples, height, width) or (samples, height, width, channels), channels 1, 3 or 4 (with transparency,
            laid on white); whole numbers 0 to 255, floats in [0, 1], booleans, or uint16, whose white is the smallest
            of 255, 511, ..., 65535 that no picture exceeds.
        labels: (samples,) whole numbers or text; classes stand in the order of numbers, or as people sort names.
        test_images: like `images`, the sealed test part; None where percept is to choose it.
        test_labels: like `labels`, for `test_images`.
        name: short name for run folders.

    Returns:
        the data set; keys are row numbers, "test/0" and so on in the test part.

    Raises:
        DataError: the shapes do not fit together, values are outside their range, labels are missing or no classes,
            there is a single class, or one that only the test part has.

    Example:
        >>> arrays_dataset(np.zeros((2, 8, 8)), ["no", "yes"]).target.classes
        ('no', 'yes')
    """
    if (test_images is None) != (test_labels is None):
        raise DataError("only one of test_images and test_labels is given; give both or neither")
    pictures, answers = [_pictures(images, "images")], [_labels(labels, "labels")]
    if test_images is not None and test_labels is not None:
        pictures.append(_pictures(test_images, "test_images"))
        answers.append(_labels(test_labels, "test_labels"))
    for prefix, these, those in zip(_PREFIXES, pictures, answers, strict=False):
        if len(these) != len(those):
            raise DataError(f"there are {len(these)} {prefix}images but {len(those)} {prefix}labels; expected as many")
        if these.shape[1:] != pictures[0].shape[1:]:
            was, other = pictures[0].shape[1:], these.shape[1:]
            raise DataError(f"images have shape {was} each but test_images {other}; make them one size")
    classes = _classes(answers)
    numbers = {label: number for number, label in enumerate(classes)}
    parts = ["", "test"][: len(answers)]
    return Dataset(
        name=name,
        samples=PictureArray(_pixels(pictures, white_of(pictures)), white_of(pictures)),
        target=Target("classification", np.array([numbers[label] for label in chain(*answers)]), classes),
        keys=tuple(
            f"{part}/{row}" if part else str(row)
            for part, those in zip(parts, answers, strict=True)
            for row in range(len(those))
        ),
        given=np.repeat(parts, [len(those) for those in answers]),
    )


def _pictures(images: ArrayLike, name: str) -> NDArray[np.generic]:
    """Return pictures as (samples, height, width, channels), their values as they were."""
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise DataError(f"{name} are not of one shape; resize them, or give a folder of files") from error
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4 or array.shape[3] not in (1, 3, 4) or 0 in array.shape:
        hint = ""
        if array.ndim == 4 and array.shape[1] in (1, 3):
            hint = "; the channels stand second: move them with numpy.moveaxis(images, 1, 3)"
        expected = "(samples, height, width) or (samples, height, width, channels), channels 1, 3 or 4"
        raise DataError(f"{name} has shape {np.shape(array)}; expected {expected}{hint}")
    if array.dtype.kind not in "buif":
        raise DataError(f"{name} holds values of type {array.dtype}; expected bytes, or floats in [0, 1]")
    return array


def _labels(labels: ArrayLike, name: str) -> list[str]:
    """Return labels as class names, whole numbers without a decimal point."""
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{name} has shape {array.shape}; expected one label a picture, shape (samples,)")
    names = []
    for row, value in enumerate(array.tolist()):
        label = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(label, float) and label.is_integer() and label >= 0:
            label = int(label)
        if not isinstance(label, str | Integral) or label == "":
            raise DataError(f"{name} holds {value!r} in row {row}; expected whole numbers or text as classes")
        names.append(str(label))
    return names


def _classes(answers: list[list[str]]) -> tuple[str, ...]:
    """Return the class names in order; the first part must have them all."""
    known = set(answers[0])
    for row, label in enumerate(chain(*answers[1:])):
        if label not in known:
            raise DataError(f"test_labels holds {label} in row {row}, a class that labels has not; add pictures of it")
    if len(known) == 1:
        raise DataError(f"labels holds a single class, {answers[0][0]}; expected at least two")
    if all(label.removeprefix("-").isdecimal() for label in known):
        return tuple(sorted(known, key=int))
    return tuple(sorted(known, key=natural_key))


def picture_array(images: ArrayLike, white: int = 65535) -> NDArray[np.uint8]:
    """Return pictures without labels as (samples, height, width, channels) uint8, channels 1 or 3.

    Args:
        images: (samples, height, width) or (samples, height, width, channels), as `arrays_dataset` takes them.
        white: the value that 16-bit pictures call white.

    Raises:
        DataError: the shape or the values are not those of pictures.
    """
    return _pixels([_pictures(images, "images")], white)


def white_of(pictures: Sequence[NDArray[np.generic]]) -> int:
    """Return the smallest of 255, 511, ..., 65535 that no 16-bit picture exceeds; 65535 where there is none.

    Args:
        pictures: arrays of pictures, of any shape.

    Example:
        >>> white_of([np.array([4000], np.uint16)]), white_of([np.array([1.0])])
        (4095, 65535)
    """
    sixteen = [int(these.max()) for these in pictures if these.dtype == np.uint16]
    return 2 ** max(8, max(sixteen).bit_length()) - 1 if sixteen else 65535


def _pixels(pictures: list[NDArray[np.generic]], white: int) -> NDArray[np.uint8]:
    """Return the pictures of all parts as one array of bytes, 16-bit ones on one scale, transparency on white."""
    height, width, channels = pictures[0].shape[1:]
    if len(pictures) == 1 and pictures[0].dtype == np.uint8 and channels != 4:
        return pictures[0].view(np.uint8)  # most often; nothing is copied
    pixels = np.empty((sum(map(len, pictures)), height, width, 3 if channels == 4 else channels), np.uint8)
    step, row = max(1, _CHUNK // (height * width * channels)), 0
    for prefix, these in zip(_PREFIXES, pictures, strict=False):
        for start in range(0, len(these), step):
            chunk = _bytes(these[start : start + step], white, f"{prefix}images")
            pixels[row : row + len(chunk)] = _on_white(chunk) if channels == 4 else chunk
            row += len(chunk)
    return pixels


def _bytes(values: NDArray[np.generic], white: int, name: str) -> NDArray[np.uint8]:
    """Return pixel values of any type as bytes of 0 to 255."""
    if values.dtype == np.uint8:
        return values.view(np.uint8)
    if values.dtype == np.uint16:
        return from_integers(values.view(np.uint16), white)
    whole = values.dtype.kind != "f"
    low, high = float(values.min()), float(values.max())
    expected = 255 if whole and values.dtype != np.bool_ else 1
    if not (low >= 0 and high <= expected):  # written so that NaN is caught
        kind = "whole numbers of 0 to 255 (uint16 for more)" if whole else "floats of 0 to 1"
        hint = "; divide by 255" if not whole and 1 < high <= 255 and low >= 0 else ""
        raise DataError(f"{name} holds values of {low:g} to {high:g}; expected {kind}{hint}")
    return np.rint(values.astype(np.float64) * (255 / expected)).astype(np.uint8)


def _on_white(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (samples, height, width, 3) as pictures with transparency, their fourth channel, look on a white page."""
    alpha = pictures[..., 3:].astype(np.uint32)
    laid = pictures[..., :3] * alpha + 255 * (255 - alpha)
    return ((laid + 127) // 255).astype(np.uint8)
