"""Objects in a picture: the connected regions of a class map, and the gaps that keep touching ones apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

IGNORE = 255  # in a class map: what lies there is not known, so nothing is learned from it and nothing is counted


def connected_objects(
    classes: NDArray[np.integer[Any]], *, background: int = 0, corners: bool = True
) -> NDArray[np.int32]:
    """Return the connected regions of a class map; pixels of one class that touch are of one object.

    Args:
        classes: (height, width) class numbers; `IGNORE` belongs to no object.
        background: the class that is no object.
        corners: whether pixels touch by a corner too; without, thin lines of background keep objects apart.

    Returns:
        (height, width) 0 outside objects, 1, 2, ... inside them, class by class.

    Example:
        >>> connected_objects(np.array([[1, 0, 2], [1, 0, 1]])).tolist()
        [[1, 0, 3], [1, 0, 2]]
    """
    touching = np.ones((3, 3)) if corners else None
    found = np.zeros(classes.shape, np.int32)
    count = 0
    for number in np.unique(classes).tolist():
        if number in (background, IGNORE):
            continue
        regions, several = ndimage.label(classes == number, structure=touching)
        inside = regions > 0
        found[inside] = regions[inside] + count
        count += several
    return found


def separated(instances: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Return the pixels of objects that no other object touches: touching objects, each one pixel smaller there.

    A class map alone would melt touching objects into one; with these pixels as foreground a gap is left to learn.

    Args:
        instances: (height, width) 0 outside objects, one number an object.

    Returns:
        (height, width) whether the pixel is of an object and none of its 8 neighbors is of another one.

    Source: notes §3.6.3; Ronneberger et al. 2015, section 3, where a border between touching cells is drawn into the
        truth.

    Example:
        >>> separated(np.array([[1, 1, 2, 2, 0]])).tolist()
        [[True, False, False, True, False]]
    """
    numbers = instances.astype(np.int64)
    largest = ndimage.maximum_filter(numbers, size=3, mode="nearest")
    above = int(numbers.max(initial=0)) + 1  # outside objects: what no minimum takes
    smallest = ndimage.minimum_filter(np.where(numbers > 0, numbers, above), size=3, mode="nearest")
    return np.asarray((numbers > 0) & (largest == smallest))
