"""What pictures are normalized by: mean and standard deviation of each channel over all their pixels."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def channel_statistics(parts: Iterable[NDArray[np.uint8]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel over all pixels, in [0, 1]; 1 for one that hardly varies.

    Args:
        parts: (..., channels) uint8, one behind the other; at least one.
    """
    # Counts of the 256 values by channel are exact and need one pass in bounded memory.
    counts = None
    for part in parts:
        if counts is None:
            counts = np.zeros((part.shape[-1], 256))
        for channel in range(part.shape[-1]):
            counts[channel] += np.bincount(part[..., channel].ravel(), minlength=256)
    if counts is None:
        raise ValueError("there are no pictures to measure")
    values = np.arange(256) / 255
    weights = counts / counts.sum(axis=1, keepdims=True)
    mean = weights @ values
    std = np.sqrt(np.maximum(weights @ values**2 - mean**2, 0))
    return tuple(map(float, mean)), tuple(float(value) if value > 1e-3 else 1.0 for value in std)
