"""From every pixel format that a picture's file may have to 8-bit grey or color."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percept.data.headers import UnreadableError


def to_bytes(image: Image.Image, *, channels: int, white: int) -> NDArray[np.uint8]:
    """Return the pixels of a decoded picture as 8-bit grey or color.

    What is transparent is laid on white, as a page would show it. Color becomes grey by the luma of ITU-R 601.
    Color profiles (ICC) are not applied.

    Args:
        image: a decoded picture of any of Pillow's modes.
        channels: 1 (grey) or 3 (red, green, blue).
        white: the value of 16-bit pictures that becomes 255, 1 to 65535; what is above is white too.

    Returns:
        (height, width, channels) uint8.

    Raises:
        UnreadableError: the format has no meaning as grey or color, or values outside its range.
    """
    if image.mode.startswith("I"):
        return _same_in_all(from_integers(np.asarray(image), white), channels)
    if image.mode == "F":
        return _same_in_all(_from_floats(np.asarray(image)), channels)
    try:
        if image.has_transparency_data:
            image = _on_white(image)
        if image.mode == "LAB":  # Pillow knows the way to color only
            image = image.convert("RGB")
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except ValueError as error:
        raise UnreadableError(f"its pixel format {image.mode} is neither grey nor color") from error
    return pixels.reshape(*pixels.shape[:2], channels)


def from_integers(values: NDArray[np.integer], white: int) -> NDArray[np.uint8]:
    """Return whole numbers of 0 (black) to `white` as bytes of 0 to 255, rounded to nearest.

    Raises:
        UnreadableError: a value is negative or above 65535.

    Example:
        >>> from_integers(np.array([0, 2048, 4095, 4096]), white=4095)
        array([  0, 128, 255, 255], dtype=uint8)
    """
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < 0 or high > 65535:
        raise UnreadableError(f"its values lie in {low} to {high}, expected 0 to 65535")
    scaled = values.astype(np.uint32)  # 65535 * 255 fits
    scaled *= 255
    scaled += white // 2
    scaled //= white
    return scaled.clip(max=255).astype(np.uint8)


def in_channels(picture: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Return a picture (height, width, 1 or 3) as grey or color, as `to_bytes` would have made it."""
    if picture.shape[2] == channels:
        return picture
    if channels == 3:
        return _same_in_all(picture[:, :, 0], 3)
    return np.asarray(Image.fromarray(picture).convert("L"))[..., np.newaxis]


def _from_floats(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return values of 0 (black) to 1 (white) as bytes, rounded to nearest."""
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):  # written so that NaN is caught
        raise UnreadableError(f"its float values lie in {low:g} to {high:g}, expected 0 to 1")
    return np.rint(values * 255).astype(np.uint8)


def _same_in_all(grey: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Return a grey picture (height, width) with as many equal channels as asked."""
    return np.repeat(grey[..., np.newaxis], channels, axis=2)


def _on_white(image: Image.Image) -> Image.Image:
    """Return a picture with transparent pixels as it looks on a white page."""
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image.convert("RGBA"))
    return page
