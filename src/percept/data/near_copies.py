"""Which pictures nearly equal one another: saved anew, resized or brightened; found by hash, verified on pixels."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LIKENESS = 0.98  # correlation of the pixels from which two pictures are near copies
SMALLEST = 16  # pixels of a side below which different pictures are alike too often to tell
_CONTRAST = 4.0  # standard deviation of the pixels, of 255, below which a picture is too flat to compare
_WAVES = 8  # lowest frequencies of rows and of columns that the hash looks at: 8 x 8 bits
_DIFFERING = 6  # bits of the hash in which candidates may differ
_WINDOW = 32  # neighbors that a picture is compared with where very many look alike; others are found through them
_CHUNK = 2048  # pictures or pairs looked at together, to hold memory down


def near_copies(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return for each picture the number of the first picture that it is a near copy of, or its own.

    Near copies of near copies count as near copies, link by link. The candidates are pictures whose perceptual
    hashes, 64 bits of their lowest frequencies, differ in at most 6 bits: two such hashes agree in two of their eight
    bytes at least, so sorting by each pair of bytes brings them together. A candidate counts where its pixels
    correlate with the other's by 0.98 or more, so that contrast and brightness may differ.

    Args:
        pixels: (samples, height, width, channels) uint8, possibly memory-mapped; pictures with less than 16 pixels a
            side, and those of hardly any contrast, are like no other.

    Returns:
        (samples,) row numbers, each at most the row's own.

    Source: Zauner 2010, perceptual hashes by the discrete cosine transform; Manku, Jain and Das Sarma 2007, search
    by blocks of bits; Barz and Denzler 2020, near copies across the parts of CIFAR.
    """
    count = len(pixels)
    if count < 2 or min(pixels.shape[1:3]) < SMALLEST:
        return np.arange(count)
    hashes, contrasts = _hashes(pixels)
    rows = np.flatnonzero(contrasts >= _CONTRAST)
    first, second = rows[_candidates(hashes[rows])]
    alike = _alike(pixels, first, second)
    links = coo_array((np.ones(int(alike.sum()), np.bool_), (first[alike], second[alike])), shape=(count, count))
    labels = connected_components(links, directed=False)[1]
    return np.unique(labels, return_index=True)[1][labels].astype(np.int64)


def _hashes(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Return (samples,) hashes of 64 bits, and (samples,) standard deviations of the pixels."""
    down, across = (_cosines(side) for side in pixels.shape[1:3])
    hashes, contrasts = np.empty(len(pixels), np.uint64), np.empty(len(pixels))
    for start in range(0, len(pixels), _CHUNK):
        grey = pixels[start : start + _CHUNK].mean(axis=3, dtype=np.float32)
        waves = (down @ grey @ across.T).reshape(len(grey), -1)[:, 1:]  # without the mean brightness
        bits = np.zeros((len(grey), _WAVES**2), np.bool_)
        bits[:, 1:] = waves > np.median(waves, axis=1, keepdims=True)
        hashes[start : start + _CHUNK] = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
        contrasts[start : start + _CHUNK] = grey.std(axis=(1, 2))
    return hashes, contrasts


def _cosines(side: int) -> NDArray[np.float32]:
    """Return (8, side): the lowest waves of the discrete cosine transform."""
    return np.cos(np.pi * np.outer(np.arange(_WAVES), np.arange(side) + 0.5) / side).astype(np.float32)


def _candidates(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return (2, pairs) places of hashes that differ in few bits, each pair once, the lower place first."""
    blocks = hashes.view(np.uint8).reshape(-1, 8).astype(np.uint16)
    found = [np.zeros(0, np.int64)]
    for one, other in combinations(range(8), 2):
        key = blocks[:, one] << np.uint16(8) | blocks[:, other]
        order = np.lexsort((hashes, key))
        key = key[order]
        for gap in range(1, min(_WINDOW, len(order))):
            same = key[gap:] == key[:-gap]
            if not same.any():
                break
            left, right = order[:-gap][same], order[gap:][same]
            close = np.bitwise_count(hashes[left] ^ hashes[right]) <= _DIFFERING
            left, right = left[close], right[close]
            found.append(np.minimum(left, right) * len(hashes) + np.maximum(left, right))
    return np.stack(np.divmod(np.unique(np.concatenate(found)), max(1, len(hashes))))


def _alike(pixels: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (pairs,) whether the pixels of two pictures correlate as those of near copies do."""
    alike = np.zeros(len(first), np.bool_)
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        one, other = (_centered(pixels[rows[part]]) for rows in (first, second))
        product = np.einsum("ij,ij->i", one, other)
        alike[part] = product >= LIKENESS * np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return alike


def _centered(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (pictures, values) float32 with mean 0, of at most about 32 x 32 pixels, their squares averaged."""
    count, height, width, channels = pixels.shape
    high, wide = max(1, height // 32), max(1, width // 32)
    cut = pixels[:, : height // high * high, : width // wide * wide]
    cells = cut.reshape(count, height // high, high, width // wide, wide, channels)
    values: NDArray[np.float32] = cells.mean(axis=(2, 4), dtype=np.float32).reshape(count, -1)
    values -= values.mean(axis=1, keepdims=True)
    return values
