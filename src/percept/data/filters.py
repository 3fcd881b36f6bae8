"""Local linear filters: each pixel becomes a weighted sum of its neighborhood, by correlation, not convolution."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from percept.errors import OptionError

Border = Literal["reflect", "symmetric", "edge", "zero", "wrap", "none"]
"""What lies beyond the picture: mirrored about its outermost pixels, mirrored with them, those pixels repeated, zeros,
the picture again; "none" computes only the pixels whose neighborhood lies inside, so that the result is smaller."""

Pixels = NDArray[np.uint8] | NDArray[np.floating[Any]]

SOBEL_COLUMNS = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 8
"""Change of value per pixel to the right; divided by 8, a ramp of slope 1 gives 1."""
SOBEL_ROWS = SOBEL_COLUMNS.T
"""Change of value per pixel downwards."""

_PADDING: dict[str, Literal["reflect", "symmetric", "edge", "constant", "wrap"]] = {
    "reflect": "reflect",
    "symmetric": "symmetric",
    "edge": "edge",
    "zero": "constant",
    "wrap": "wrap",
}
_TRUNCATE = 4  # standard deviations at which a Gaussian kernel ends; what lies outside is below 1e-4 of it


def correlate(image: Pixels, kernel: ArrayLike, *, border: Border = "reflect") -> NDArray[np.float32]:
    """Return the correlation of a picture with a kernel: out(r, c) = sum over u, v of w(u, v) I(r + u, c + v).

    The kernel is laid over each pixel as it is, not turned around as for a convolution.

    Args:
        image: (height, width), (height, width, channels) or (samples, height, width, channels), uint8 or float; values
            are taken as they are.
        kernel: (rows, columns), odd both: each channel by itself; or (rows, columns, channels): the sum over the
            channels, so that the result has one.
        border: what lies beyond the picture.

    Returns:
        float32 of the image's shape, with one channel for a kernel with channels, and smaller by the kernel's reach
        for border "none".

    Raises:
        OptionError: the kernel has an even side, another number of channels, or is larger than a picture without
            border; or there is no such border.

    Source: notes §3.1.2 (whose formula has r + c for r + u, a slip).

    Example:
        >>> correlate(np.array([[1.0, 2.0, 4.0]]), [[-1, 0, 1]], border="edge").tolist()
        [[1.0, 3.0, 2.0]]
    """
    weights = np.asarray(kernel, np.float32)
    picture = np.asarray(image, np.float32)
    _must_fit(picture, weights, border)
    plane = picture[..., None] if picture.ndim == 2 else picture
    first = plane.ndim - 3  # the axis of the rows
    rows, columns = weights.shape[:2]
    if border != "none":
        reach = [(0, 0)] * first + [(rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)]
        plane = np.pad(plane, reach, mode=_PADDING[border])
    height, width = plane.shape[first] - rows + 1, plane.shape[first + 1] - columns + 1
    summed = weights.ndim == 3
    result = np.zeros((*plane.shape[:first], height, width, 1 if summed else plane.shape[-1]), np.float32)
    for u, v in zip(*np.nonzero(weights.any(axis=2) if summed else weights), strict=True):
        moved = plane[..., u : u + height, v : v + width, :]
        result += (moved @ weights[u, v])[..., None] if summed else weights[u, v] * moved
    return result[..., 0] if picture.ndim == 2 else result


def blur(image: Pixels, side: int = 3, *, border: Border = "reflect") -> NDArray[np.float32]:
    """Return each pixel as the mean of the square around it.

    Args:
        image: as for `correlate`, as are the result and the border.
        side: of the square, pixels, odd.
        border: what lies beyond the picture.

    Source: notes §3.1.2.
    """
    if side < 1:
        raise OptionError(f"side is {side}; expected an odd number of pixels, 1 or more")
    return correlate(image, np.full((side, side), 1 / side**2), border=border)


def gaussian(image: Pixels, sigma: float, *, border: Border = "reflect") -> NDArray[np.float32]:
    """Return the picture blurred by a Gaussian, rows and columns in turn, which equals the square kernel.

    Args:
        image: as for `correlate`, as are the result and the border.
        sigma: standard deviation, pixels, above 0; the kernel ends at 4 of them.
        border: what lies beyond the picture.

    Source: notes §3.1.2.
    """
    if not 0 < sigma < math.inf:
        raise OptionError(f"sigma is {sigma}; expected a standard deviation above 0 pixels")
    reach = int(_TRUNCATE * sigma + 0.5)
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    line /= line.sum()
    return correlate(correlate(image, line[:, None], border=border), line[None], border=border)


def edges(image: Pixels, *, border: Border = "reflect") -> NDArray[np.float32]:
    """Return how steeply each channel changes at each pixel: the length of its Sobel gradient, in values a pixel.

    Args:
        image: as for `correlate`, as are the result and the border.
        border: what lies beyond the picture.

    Source: notes §3.1.2; Sobel and Feldman 1968.
    """
    across, down = (correlate(image, kernel, border=border) for kernel in (SOBEL_COLUMNS, SOBEL_ROWS))
    return np.hypot(across, down)


def sharpen(image: Pixels, amount: float = 1.0, *, border: Border = "reflect") -> NDArray[np.float32]:
    """Return the picture with its difference from its 3 x 3 mean added, so that edges stand out; not clipped.

    Args:
        image: as for `correlate`, as are the result and the border.
        amount: how many times the difference is added; 0 changes nothing.
        border: what lies beyond the picture.

    Source: notes §3.1.2.
    """
    kernel = np.full((3, 3), -amount / 9)
    kernel[1, 1] += 1 + amount
    return correlate(image, kernel, border=border)


def as_pixels(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return filtered values as 8-bit pixels, rounded and clipped to 0..255.

    Example:
        >>> as_pixels(np.array([-3.0, 99.6, 300.0], np.float32)).tolist()
        [0, 100, 255]
    """
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _must_fit(picture: NDArray[np.float32], weights: NDArray[np.float32], border: str) -> None:
    if picture.ndim not in (2, 3, 4):
        raise OptionError(f"the image has shape {picture.shape}; expected (height, width), with channels, or samples")
    if weights.ndim not in (2, 3) or not all(side % 2 for side in weights.shape[:2]):
        raise OptionError(f"the kernel has shape {weights.shape}; expected odd rows and columns, such as (3, 3)")
    if border not in (*_PADDING, "none"):
        raise OptionError(f"border is {border!r}; expected one of {', '.join(_PADDING)}, none")
    channels = 1 if picture.ndim == 2 else picture.shape[-1]
    if weights.ndim == 3 and weights.shape[2] != channels:
        raise OptionError(f"the kernel has {weights.shape[2]} channels, the image {channels}; give it as many")
    height, width = picture.shape[:2] if picture.ndim == 2 else picture.shape[-3:-1]
    if min(height, width) < 1 or (border == "none" and (height < weights.shape[0] or width < weights.shape[1])):
        raise OptionError(
            f"the image is {width} x {height} pixels, smaller than the kernel of {weights.shape[1]} x"
            f' {weights.shape[0]}; give a border such as "reflect", or a smaller kernel'
        )
