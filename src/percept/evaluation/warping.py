"""The warping error: what is still wrong once outlines may bend, so that only merged and split regions count."""

from collections import deque
from functools import cache

import numpy as np
from numpy.typing import NDArray

from percept.errors import DataError

# The eight neighbors of a pixel (row, column), clockwise from above it; even ones share a side with it.
_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def warping_error(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """Return the share of pixels in which truth and prediction differ after truth was bent as near as can be.

    Pixels of truth are turned into the prediction's one at a time, as long as that joins, splits, makes and removes no
    region and no hole; regions are joined by sides, what lies between them by sides and corners. What is left are
    mistakes of topology: merged or split regions, and such that are missing or invented.

    Args:
        truth: (height, width) whether a pixel is inside a region, such as a cell, and not between, such as a membrane.
        predicted: (height, width) the same of the prediction; where nothing is known it should equal truth.

    Returns:
        0 to 1.

    Raises:
        DataError: the maps differ in size, or are empty.

    Source: Jain et al. 2010, Boundary learning by optimization with topological constraints, section 3, by their
        greedy search, in which each turned pixel lessens the difference; a membrane that lies further off than it is
        wide is therefore not followed. Of several pixels that could be turned, the one that came up first is.

    Example:
        >>> line = np.arange(5) != np.array([[2]] * 4)  # a membrane between two cells
        >>> warping_error(line, np.roll(line, 1, axis=1)), warping_error(line, np.ones_like(line))
        (0.0, 0.2)
    """
    if truth.shape != predicted.shape or not truth.size:
        sides = [" x ".join(map(str, each.shape)) for each in (predicted, truth)]
        raise DataError(f"the prediction is {sides[0]}, but truth is {sides[1]}; expected one size and some pixels")
    simple = _simple_points()
    width = truth.shape[1] + 2
    bent = np.pad(truth, 1).ravel().tolist()  # what lies beyond the picture is between regions
    wanted = np.pad(predicted, 1).ravel().tolist()
    steps = [row * width + column for row, column in _AROUND]
    differs = np.pad(truth != predicted, 1).ravel()
    waiting = deque(np.flatnonzero(differs).tolist())
    inside = np.pad(np.ones(truth.shape, np.bool_), 1).ravel().tolist()
    while waiting:
        place = waiting.popleft()
        if bent[place] == wanted[place]:
            continue
        code = sum(1 << bit for bit, step in enumerate(steps) if bent[place + step])
        if simple[code]:
            bent[place] = wanted[place]
            for step in steps:  # these may have become free to turn
                near = place + step
                if inside[near] and bent[near] != wanted[near]:
                    waiting.append(near)
    return sum(one != other for one, other in zip(bent, wanted, strict=True)) / truth.size


@cache
def _simple_points() -> tuple[bool, ...]:
    """Return for each of the 256 neighborhoods whether the pixel in it can be turned without changing topology.

    That is so where exactly one connected piece of each kind touches the pixel: regions by sides, the rest by corners.
    """
    return tuple(_pieces(code, corners=False) == 1 and _pieces(255 - code, corners=True) == 1 for code in range(256))


def _pieces(code: int, *, corners: bool) -> int:
    """Return how many pieces of the set neighbors touch the pixel, joined to each other and to it by sides or corners.

    Args:
        code: bit k is set where the k-th neighbor of `_AROUND` is.
        corners: whether corners join.
    """
    cells = {_AROUND[bit] for bit in range(8) if code >> bit & 1}
    pieces = 0
    while cells:
        piece, grown = set[tuple[int, int]](), {cells.pop()}
        while grown:
            piece |= grown
            grown = {cell for cell in cells if any(_touch(cell, other, corners) for other in grown)}
            cells -= grown
        pieces += any(corners or 0 in cell for cell in piece)
    return pieces


def _touch(one: tuple[int, int], other: tuple[int, int], corners: bool) -> bool:
    """Tell whether two pixels are neighbors."""
    rows, columns = abs(one[0] - other[0]), abs(one[1] - other[1])
    return max(rows, columns) == 1 and (corners or rows + columns == 1)
