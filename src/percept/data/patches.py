"""Patches: small squares of pictures labelled by their center pixel's class, drawn so that rare classes are seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from percept.data.objects import IGNORE
from percept.errors import DataError, OptionError

Balance = Literal["balanced", "natural"]


@dataclass(frozen=True)
class Centers:
    """Pixels that patches are cut around.

    Attributes:
        pictures: (patches,) which picture.
        rows: (patches,) row of the center pixel.
        columns: (patches,) column of the center pixel.
        labels: (patches,) class of the center pixel.
    """

    pictures: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def draw_centers(
    masks: Sequence[NDArray[np.integer[Any]]],
    count: int,
    generator: np.random.Generator,
    *,
    classes: int,
    balance: Balance | Sequence[float] = "balanced",
) -> Centers:
    """Return pixels drawn from class maps, with replacement, in random order.

    A class is drawn first, by the shares asked for, then one of its pixels in all masks, each as likely as any other.
    The `IGNORE` pixels are never drawn.

    Args:
        masks: (height, width) class maps of any sizes.
        count: how many pixels, 0 or more.
        generator: NumPy's; the same state draws the same pixels.
        classes: how many classes there are.
        balance: "balanced" draws every class that occurs equally often, "natural" as often as it occurs; or the share
            of each class, 0 or more, which need not sum to 1.

    Raises:
        DataError: there is no pixel to draw from.
        OptionError: count is negative, or the shares do not fit the classes that occur.

    Source: notes §3.6.6, resampling to address class imbalance; Ciresan et al. 2012, section 2.

    Example:
        >>> centers = draw_centers([np.array([[0, 0, 0, 1]])], 100, np.random.default_rng(0), classes=2)
        >>> bool(35 < centers.labels.sum() < 65)
        True
    """
    if count < 0:
        raise OptionError(f"count is {count}; expected 0 patches or more")
    held = np.stack([np.bincount(mask.ravel(), minlength=IGNORE + 1)[:classes] for mask in masks]) if masks else None
    if held is None or not held.any():
        raise DataError("the masks hold no pixel of a known class; expected at least one to cut patches around")
    labels = generator.choice(classes, size=count, p=_shares(held.sum(axis=0), balance))
    pictures, rows, columns = (np.zeros(count, np.int64) for _ in range(3))
    for label in np.unique(labels).tolist():
        drawn = np.flatnonzero(labels == label)
        # the pixels of the class in all masks, in one row: which of them each patch takes
        ends = np.cumsum(held[:, label])
        chosen = generator.integers(ends[-1], size=len(drawn))
        pictures[drawn] = np.searchsorted(ends, chosen, side="right")
        for picture in np.unique(pictures[drawn]).tolist():
            here = drawn[pictures[drawn] == picture]
            places = chosen[pictures[drawn] == picture] - (ends[picture] - held[picture, label])
            pixels = np.flatnonzero(masks[picture] == label)[places]
            rows[here], columns[here] = np.divmod(pixels, masks[picture].shape[1])
    return Centers(pictures, rows, columns, labels.astype(np.int64))


def cut_patches(pictures: Sequence[NDArray[np.uint8]], centers: Centers, size: int) -> NDArray[np.uint8]:
    """Return the patch around each center, the picture mirrored beyond its borders without repeating the last pixel.

    Args:
        pictures: (height, width, channels) of any sizes and one number of channels.
        centers: where; the center stands at row and column `size // 2` of its patch.
        size: side of a patch, pixels, 1 or more; larger than a picture mirrors it several times.

    Returns:
        (patches, size, size, channels) uint8.

    Raises:
        OptionError: size is below 1.

    Source: notes §3.6.2; Ciresan et al. 2012, section 2, missing pixels by mirroring.

    Example:
        >>> picture = np.arange(5, dtype=np.uint8).reshape(1, 5, 1)
        >>> center = Centers(np.array([0]), np.array([0]), np.array([0]), np.array([0]))
        >>> cut_patches([picture], center, 3)[0, :, :, 0].tolist()
        [[1, 0, 1], [1, 0, 1], [1, 0, 1]]
    """
    if size < 1:
        raise OptionError(f"size is {size}; expected 1 pixel or more")
    channels = pictures[0].shape[2] if len(pictures) else 1
    patches = np.empty((len(centers), size, size, channels), np.uint8)
    steps = np.arange(size) - size // 2
    for number, (picture, row, column) in enumerate(zip(centers.pictures, centers.rows, centers.columns, strict=True)):
        pixels = pictures[picture]
        rows, columns = mirrored(row + steps, pixels.shape[0]), mirrored(column + steps, pixels.shape[1])
        patches[number] = pixels[rows[:, None], columns]
    return patches


def mirrored(places: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return the places inside 0 to length - 1 that places outside mirror, the last pixel not repeated.

    Example:
        >>> mirrored(np.arange(-2, 5), 3).tolist()
        [2, 1, 0, 1, 2, 1, 0]
    """
    period = max(1, 2 * (length - 1))
    folded = places % period
    return np.minimum(folded, period - folded) if length > 1 else np.zeros_like(places)


def _shares(held: NDArray[np.int64], balance: Balance | Sequence[float]) -> NDArray[np.float64]:
    """Return the probability of each class."""
    occurs = held > 0
    if balance == "natural":
        return np.asarray(held / held.sum(), np.float64)
    if balance == "balanced":
        return np.asarray(occurs / occurs.sum(), np.float64)
    if isinstance(balance, str):
        raise OptionError(f"balance is {balance!r}; expected balanced, natural, or one share a class")
    shares = np.asarray(balance, np.float64)
    if shares.shape != held.shape or not (np.isfinite(shares) & (shares >= 0)).all() or not shares.any():
        raise OptionError(f"balance is {list(balance)}; expected {len(held)} shares of 0 or more, not all 0")
    if (shares[~occurs] > 0).any():
        absent = int(np.flatnonzero(~occurs & (shares > 0))[0])
        raise OptionError(f"balance asks for class {absent}, of which the masks hold no pixel; give it a share of 0")
    return np.asarray(shares / shares.sum(), np.float64)
