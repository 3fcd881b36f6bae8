"""New training pictures from those that are there: changes that leave the label as it is."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Augmentation = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]

REACH = 8  # a picture is shifted by at most this fraction of its side, as in He et al.: 4 of 32 pixels


def random_shift(pictures: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return each picture shifted by a few pixels down or up and right or left, its border continued outwards.

    Args:
        pictures: (samples, height, width, channels) uint8.
        generator: where the shifts come from, uniform from -side / 8 to side / 8.

    Returns:
        The same shape.

    Source: notes §3.4.1; He et al. 2016, section 4.2.

    Example:
        >>> ramp = np.arange(8, dtype=np.uint8).reshape(1, 1, 8, 1)
        >>> random_shift(ramp, np.random.default_rng(0)).ravel().tolist()
        [1, 2, 3, 4, 5, 6, 7, 7]
    """
    count, height, width = pictures.shape[:3]
    high, wide = height // REACH, width // REACH
    padded = np.pad(pictures, ((0, 0), (high, high), (wide, wide), (0, 0)), mode="edge")
    tops = generator.integers(2 * high + 1, size=count).tolist()
    lefts = generator.integers(2 * wide + 1, size=count).tolist()
    shifted = np.empty_like(pictures)
    for number, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        shifted[number] = padded[number, top : top + height, left : left + width]
    return shifted


AUGMENTATIONS: dict[str, Augmentation | None] = {"none": None, "shift": random_shift}
