"""From the heatmap of a class to its objects: the places where it is highest, one for each object."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from percept.errors import DataError, OptionError

AROUND = np.ones((3, 3), np.bool_)  # a pixel and its eight neighbors
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Found:
    """Objects in a picture, the surest first.

    Attributes:
        points: (objects, 2) row and column of each, pixels.
        scores: (objects,) the heatmap there.
    """

    points: NDArray[np.int64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.points)


def find_objects(heatmap: Floats, distance: float | Sequence[float], *, threshold: float = 0.5) -> Found:
    """Return the objects of a class: the maxima of its heatmap, one alone where several lie close together.

    The surest point is kept, those too close to it are dropped, then the surest of the rest, and so on. A plateau, as
    where probabilities reach 1, is one maximum, in its middle.

    Args:
        heatmap: (height, width) the class's probability around each pixel, such as the softmax of what `predict_tiled`
            gives for a network of `densify`.
        distance: how far two objects are apart at least, pixels, along the rows or the columns; one number for both.
            Half of the patch is a fair guess: the patch around one of them then holds the middle of no other.
        threshold: what the heatmap must reach at an object.

    Returns:
        The objects. Any two are at least the distance apart in one of the directions; each is a maximum of the heatmap
        among its eight neighbors, at or above the threshold.

    Raises:
        DataError: the heatmap has other dimensions, or a value that is no number.
        OptionError: the distance is not above 0.

    Source: notes §3.6.4 (heatmaps of classes); Neubeck & Van Gool 2006, "Efficient non-maximum suppression".

    Example:
        >>> heatmap = np.zeros((9, 12))
        >>> heatmap[2, 3], heatmap[2, 5], heatmap[6, 9] = 0.9, 0.8, 0.7
        >>> find_objects(heatmap, distance=4).points.tolist(), len(find_objects(heatmap, distance=2))
        ([[2, 3], [6, 9]], 3)
    """
    if heatmap.ndim != 2 or not np.isfinite(heatmap).all():
        raise DataError(f"heatmap is of shape {heatmap.shape}; expected (height, width) numbers, of one class")
    apart = (distance, distance) if isinstance(distance, int | float) else tuple(distance)
    if len(apart) != 2 or not min(apart) > 0:
        raise OptionError(f"distance is {distance!r}; expected pixels above 0, or two such numbers: rows and columns")
    down, right = (ceil(each) - 1 for each in apart)
    points = maxima(heatmap, threshold)
    order = np.argsort(-heatmap[points[:, 0], points[:, 1]], kind="stable")
    taken = np.zeros(heatmap.shape, np.bool_)
    kept: list[tuple[int, int]] = []
    for row, column in points[order].tolist():
        if not taken[row, column]:
            kept.append((row, column))
            taken[max(0, row - down) : row + down + 1, max(0, column - right) : column + right + 1] = True
    found = np.array(kept, np.int64).reshape(-1, 2)
    return Found(found, heatmap[found[:, 0], found[:, 1]].astype(np.float64))


def maxima(heatmap: Floats, threshold: float) -> NDArray[np.int64]:
    """Return the pixels that no neighbor exceeds, of each plateau the one nearest to its middle.

    A plateau with a higher pixel beside it, a terrace on the way up, is none.

    Args:
        heatmap: (height, width).
        threshold: least value of a maximum.

    Returns:
        (maxima, 2) rows and columns, row after row.

    Example:
        >>> maxima(np.array([[1, 1, 1, 0, 2, 2, 3]]), threshold=1).tolist()
        [[0, 1], [0, 6]]
    """
    highest = ndimage.maximum_filter(heatmap, footprint=AROUND, mode="nearest")
    tops = (heatmap == highest) & (heatmap >= threshold)
    plateaus, count = ndimage.label(tops, AROUND)
    elsewhere = np.where(tops, -np.inf, heatmap)
    terraces = tops & (ndimage.maximum_filter(elsewhere, footprint=AROUND, mode="nearest") == heatmap)
    pixels = np.argwhere(tops)
    numbers = plateaus[tops] - 1
    sizes = np.bincount(numbers, minlength=count)
    middles = np.stack([np.bincount(numbers, each, count) for each in pixels.T], axis=1) / sizes[:, None]
    off = np.square(pixels - middles[numbers]).sum(axis=1)
    order = np.lexsort((off, numbers))  # of each plateau the pixel nearest to its middle comes first
    nearest = pixels[order[np.searchsorted(numbers[order], np.arange(count))]]
    whole = np.bincount(plateaus[terraces], minlength=count + 1)[1:] == 0
    chosen: NDArray[np.int64] = nearest[whole]
    return chosen[np.lexsort((chosen[:, 1], chosen[:, 0]))]
