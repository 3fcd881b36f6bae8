"""Hand-made features of pictures: histograms of oriented gradients, of colors and of intensities."""

import numpy as np
from numpy.typing import NDArray

ORIENTATIONS = 9  # bins of the directions from 0 to 180 degrees
CELLS = 8  # cells that a side of the picture has about, at least 2 pixels each
_BLOCK = 2  # cells of a block's side
_CLIP = 0.2  # share of a block's length that one bin may have
_TINY = 1e-5
_LEVELS = 4  # of each color, so that 64 bins hold every color
_SHADES = 16  # bins of the intensity
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, ITU-R BT.601


def picture_features(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the gradient, color and intensity histograms of pictures.

    Args:
        pictures: (samples, height, width, channels) uint8.

    Returns:
        (samples, features) float32: the oriented gradients, 16 shares of intensities, and for 3 channels 64 shares of
        colors, as square roots, whose Euclidean distance is Hellinger's.

    Source: notes §3.2.5; Dalal and Triggs 2005; Swain and Ballard 1991.
    """
    height, width = pictures.shape[1:3]
    cell = (max(2, round(height / CELLS)), max(2, round(width / CELLS)))
    parts = [oriented_gradients(pictures, cell), np.sqrt(intensity_shares(pictures))]
    if pictures.shape[3] == 3:
        parts.append(np.sqrt(color_shares(pictures)))
    return np.concatenate(parts, axis=1)


def oriented_gradients(pictures: NDArray[np.uint8], cell: tuple[int, int]) -> NDArray[np.float32]:
    """Return histograms of oriented gradients, each block of 2 x 2 cells normalized.

    Args:
        pictures: (samples, height, width, channels) uint8; of several channels the steepest counts at each pixel.
        cell: rows and columns of a cell, pixels; what a last whole cell leaves over is cut off.

    Returns:
        (samples, features) float32: 36 for each block, blocks row by row; none where there are not 2 x 2 cells.

    Source: Dalal and Triggs 2005, with blocks normalized as L2-Hys and gradients put into one bin whole.
    """
    count, height, width, _ = pictures.shape
    down, across = height // cell[0], width // cell[1]
    if down < _BLOCK or across < _BLOCK:
        return np.zeros((count, 0), np.float32)
    length, direction = _gradients(pictures)
    number = np.minimum((direction * ORIENTATIONS / 180).astype(np.int64), ORIENTATIONS - 1)
    row, column = np.arange(height) // cell[0], np.arange(width) // cell[1]
    place = row[:, None] * across + column  # (height, width) number of the cell
    inside = (row < down)[:, None] & (column < across)
    bins = (np.arange(count)[:, None] * (down * across) + place[inside]) * ORIENTATIONS + number[:, inside]
    sums = np.bincount(bins.ravel(), length[:, inside].ravel(), count * down * across * ORIENTATIONS)
    cells = (sums / (cell[0] * cell[1])).reshape(count, down, across, ORIENTATIONS)
    blocks = np.stack([cells[:, i : down - 1 + i, j : across - 1 + j] for i in (0, 1) for j in (0, 1)], axis=3)
    flat = blocks.reshape(count, down - 1, across - 1, -1)
    clipped = np.minimum(_normalized(flat), _CLIP)
    return _normalized(clipped).reshape(count, -1).astype(np.float32)


def intensity_shares(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the share of each picture's pixels in each of 16 equal ranges of intensity: (samples, 16) float32."""
    grey = pictures[..., 0] if pictures.shape[3] == 1 else np.rint(pictures @ _LUMA)
    return _shares((grey.astype(np.int64) * _SHADES) >> 8, _SHADES)


def color_shares(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the share of each picture's pixels in each of 4 x 4 x 4 ranges of red, green and blue: (samples, 64)."""
    level = (pictures.astype(np.int64) * _LEVELS) >> 8
    return _shares((level[..., 0] * _LEVELS + level[..., 1]) * _LEVELS + level[..., 2], _LEVELS**3)


def _gradients(pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (samples, height, width) lengths and directions, 0 to 180 degrees, of the steepest channel's gradient."""
    values = pictures.astype(np.float32)
    down, across = np.zeros_like(values), np.zeros_like(values)
    down[:, 1:-1] = values[:, 2:] - values[:, :-2]
    across[:, :, 1:-1] = values[:, :, 2:] - values[:, :, :-2]
    length = np.hypot(down, across)
    steepest = length.argmax(axis=3)[..., None]
    down, across, length = (np.take_along_axis(each, steepest, axis=3)[..., 0] for each in (down, across, length))
    return length, np.rad2deg(np.arctan2(down, across)) % 180


def _normalized(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    length: NDArray[np.float64] = np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + _TINY**2)
    return blocks / length


def _shares(numbers: NDArray[np.int64], bins: int) -> NDArray[np.float32]:
    """Return (samples, bins): how often each number stands among those of a sample, as a share."""
    count, flat = len(numbers), numbers.reshape(len(numbers), -1)
    offset = np.arange(count)[:, None] * bins
    counts = np.bincount((flat + offset).ravel(), minlength=count * bins).reshape(count, bins)
    return (counts / flat.shape[1]).astype(np.float32)
