"""Weight maps: how much each pixel counts in the loss, most where a narrow gap must keep two objects apart."""

from collections.abc import Sequence
from math import ceil, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from percept.data.objects import IGNORE, connected_objects
from percept.errors import DataError, OptionError

TOLERANCE = 1e-6  # a separation weight below this is taken for zero


def weight_map(
    classes: NDArray[np.integer[Any]],
    class_weights: Sequence[float],
    instances: NDArray[np.integer[Any]] | None = None,
    *,
    w0: float = 10.0,
    sigma: float = 5.0,
) -> NDArray[np.float32]:
    """Return w(x) = w_c(x) + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2)), zero where the class is ignored.

    Args:
        classes: (height, width) class numbers, `IGNORE` where nothing is known.
        class_weights: w_c of each class, 0 or more.
        instances: (height, width) one number an object, 0 outside; None takes the connected regions of the classes.
        w0: the weight in a gap without width, 0 or more.
        sigma: how fast it falls with the gap's width, pixels, above 0.

    Returns:
        (height, width) the weight of each pixel.

    Raises:
        DataError: a class has no weight, or the two maps differ in size.
        OptionError: a weight or sigma is outside its range.

    Source: notes §3.6.3; Ronneberger et al. 2015, equation 2.

    Example:
        >>> weight_map(np.array([[1, 0, 1]]), (1.0, 2.0), w0=10, sigma=2).tolist()
        [[2.0, 7.065..., 2.0]]
    """
    weights = np.asarray(class_weights, np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise OptionError(f"class_weights are {list(class_weights)}; expected finite numbers of 0 or more")
    known = classes != IGNORE
    numbers = np.where(known, classes, 0)
    if numbers.size and (int(numbers.max()) >= len(weights) or int(numbers.min()) < 0):
        odd = int(numbers.max() if numbers.max() >= len(weights) else numbers.min())
        raise DataError(
            f"the class map holds class {odd}, but there are {len(weights)} class_weights; give one a class"
        )
    objects = connected_objects(classes) if instances is None else instances
    if objects.shape != classes.shape:
        sides = [" x ".join(map(str, each.shape)) for each in (objects, classes)]
        raise DataError(f"instances are {sides[0]}, but the class map is {sides[1]}; expected one size")
    return np.where(known, weights[numbers] + separation_weights(objects, w0=w0, sigma=sigma), 0).astype(np.float32)


def separation_weights(
    instances: NDArray[np.integer[Any]], *, w0: float = 10.0, sigma: float = 5.0, inside: bool = False
) -> NDArray[np.float64]:
    """Return w0 exp(-(d1 + d2)^2 / (2 sigma^2)), d1 and d2 the distances to the nearest and second nearest object.

    Each object's distances are worked out in its own window only: its bounding box, and around it as far as the
    exponential stays above `TOLERANCE`. Inside that the result is exact, whatever the number of objects.

    Args:
        instances: (height, width) one number an object, 0 outside.
        w0: the weight in a gap without width, 0 or more.
        sigma: pixels, above 0.
        inside: whether pixels of objects have a weight too, with d1 = 0; by default only the gaps between have.

    Returns:
        (height, width) 0 to w0; zero everywhere with fewer than two objects.

    Raises:
        OptionError: w0 or sigma is outside its range.

    Source: notes §3.6.3; Ronneberger et al. 2015, equation 2.
    """
    if not (0 <= w0 < np.inf and 0 < sigma < np.inf):
        raise OptionError(f"w0 is {w0} and sigma {sigma}; expected w0 of 0 or more and sigma above 0")
    if w0 <= TOLERANCE:
        return np.zeros(instances.shape)
    reach = sigma * sqrt(2 * log(w0 / TOLERANCE))  # pixels; d1 + d2 beyond it weighs less than the tolerance
    nearest, second = two_nearest(instances, reach)
    gap = nearest + second
    counts = gap <= reach if inside else (gap <= reach) & (instances == 0)
    weights = np.zeros(instances.shape)
    weights[counts] = w0 * np.exp(-np.square(gap[counts]) / (2 * sigma**2))
    return weights


def two_nearest(instances: NDArray[np.integer[Any]], reach: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances of each pixel to the nearest object and to the second nearest one.

    Args:
        instances: (height, width) one number an object, 0 outside.
        reach: pixels up to which distances are wanted, 0 or more.

    Returns:
        Two arrays (height, width), in pixels from pixel center to pixel center, 0 for the object that the pixel is
        of. Values up to `reach` are exact; in place of larger ones stands any larger value, infinity included.

    Example:
        >>> [distances.tolist() for distances in two_nearest(np.array([[1, 0, 0, 2]]), 9)]
        [[[0.0, 1.0, 1.0, 0.0]], [[3.0, 2.0, 2.0, 3.0]]]
    """
    labels = _numbered(instances)
    nearest, second = np.full(labels.shape, np.inf), np.full(labels.shape, np.inf)
    margin = ceil(reach)
    for place, box in enumerate(ndimage.find_objects(labels)):
        if box is None:  # a number that no object bears
            continue
        window = tuple(slice(max(0, side.start - margin), side.stop + margin) for side in box)
        distance = np.asarray(ndimage.distance_transform_edt(labels[window] != place + 1), np.float64)
        here, other = nearest[window], second[window]  # views: what is written there stays
        np.minimum(other, np.maximum(here, distance), out=other)
        np.minimum(here, distance, out=here)
    return nearest, second


def _numbered(instances: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Return the objects with numbers no larger than there are pixels, 0 outside."""
    if instances.size and int(instances.max()) <= instances.size:
        return instances.astype(np.int32)
    values, places = np.unique(instances, return_inverse=True)
    first = 0 if 0 in values else 1  # without background all numbers are objects
    return np.asarray(places.reshape(instances.shape) + first, np.int32)
