"""A mask's file as it stands: whole numbers or colors, and what their values look like, before any meaning is given."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from percept.data.headers import (
    UnreadableError,
    decoding,
    file_trouble,
    open_picture,
    read_orientation,
    unreadable_message,
)
from percept.data.images import upright
from percept.data.masks.pairing import PictureFile
from percept.data.stacks import read_page
from percept.errors import DataError

Color = tuple[int, int, int]

_TABLE = 2**24  # values below, colors among them, are replaced by a table: quicker than a search


@dataclass(frozen=True)
class RawMask:
    """A mask as its file holds it.

    Attributes:
        values: (height, width) int64: grey values, palette indices, or colors as 65536 red + 256 green + blue.
        color: whether the values are colors.
        palette: the color of each index that occurs, by index; empty for a mask without palette.
        bits: bits of a grey value.
        lossy: whether the format is JPEG, which smears edges.
    """

    values: NDArray[np.int64]
    color: bool
    palette: dict[int, Color]
    bits: int
    lossy: bool = False


def read_raw(file: PictureFile) -> RawMask:
    """Return a mask as its file holds it; grey stored in three equal channels is grey.

    Args:
        file: the mask.

    Raises:
        DataError: the file cannot be read, or its values are no whole numbers.
    """
    if file.page is not None:
        return _from_array(read_page(file.path, file.page), str(file))
    try:
        with file.path.open("rb") as opened:
            image = open_picture(opened)
            with decoding(opened, image):
                image.load()
                return _from_image(image, str(file))
    except OSError as error:
        raise DataError(unreadable_message(str(file), file_trouble(error))) from error
    except UnreadableError as error:
        raise DataError(unreadable_message(str(file), error.reason)) from error


def pack(color: Color) -> int:
    """Return a color as one number, such as 0xff0000 for red."""
    return color[0] << 16 | color[1] << 8 | color[2]


def unpack(number: int) -> Color:
    """Return the red, green and blue of a packed color.

    Example:
        >>> unpack(pack((255, 128, 0)))
        (255, 128, 0)
    """
    return number >> 16 & 255, number >> 8 & 255, number & 255


def count_values(values: NDArray[np.int64]) -> dict[int, int]:
    """Return how many pixels have each value, by runs of equal ones, of which masks have few.

    Example:
        >>> count_values(np.array([[5, 5, 5], [5, 2, 2]]))
        {2: 2, 5: 4}
    """
    flat = values.ravel()
    if not flat.size:
        return {}
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths = np.diff(np.append(starts, len(flat)))
    found, places = np.unique(flat[starts], return_inverse=True)
    counts = np.bincount(places, weights=lengths)
    return dict(zip(found.tolist(), counts.astype(np.int64).tolist(), strict=True))


def replaced(values: NDArray[np.int64], old: NDArray[np.int64], new: NDArray[Any]) -> NDArray[Any]:
    """Return the values with each old one, of 0 or more, made the new one in its place.

    Args:
        values: of any shape; each must be among the old ones.
        old: (several,) in ascending order.
        new: (several,) what each becomes.

    Example:
        >>> replaced(np.array([[7, 300], [7, 7]]), np.array([7, 300]), np.array([1, 2]))
        array([[1, 2], [1, 1]])
    """
    if int(old[-1]) >= _TABLE:
        return np.asarray(new[np.searchsorted(old, values)])
    table = np.zeros(int(old[-1]) + 1, new.dtype)
    table[old] = new
    return np.asarray(table[values])


def solid_values(values: NDArray[np.int64]) -> set[int]:
    """Return the values that fill a square of 2 x 2 pixels somewhere; those left by smeared edges hardly do.

    Example:
        >>> solid_values(np.array([[0, 0, 7, 9], [0, 0, 7, 9]]))
        {0}
    """
    corner = values[:-1, :-1]
    same = (corner == values[1:, :-1]) & (corner == values[:-1, 1:]) & (corner == values[1:, 1:])
    return set(count_values(corner[same]))


def numbered(values: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the values other than 0 numbered anew: 1, 2, ... in their order.

    Example:
        >>> numbered(np.array([[0, 40], [9, 40]])).tolist()
        [[0, 2], [1, 2]]
    """
    found = np.array(list(count_values(values)), np.int64)
    first = 0 if found[0] == 0 else 1
    return replaced(values, found, np.arange(first, first + len(found), dtype=np.int32))


def regions_per_value(values: NDArray[np.int64]) -> float:
    """Return how many connected regions a value other than 0 has on average; objects' numbers have about one.

    Example:
        >>> regions_per_value(np.array([[1, 0, 2, 0, 2]]))
        1.5
    """
    labels = numbered(values)
    boxes = ndimage.find_objects(labels)
    touching = np.ones((3, 3))
    regions = [ndimage.label(labels[box] == place + 1, structure=touching)[1] for place, box in enumerate(boxes) if box]
    return float(np.mean(regions)) if regions else 0.0


def _from_image(image: Image.Image, name: str) -> RawMask:
    """Return the mask that a decoded picture is."""
    lossy = image.format in ("JPEG", "MPO")  # asked first: a converted picture has no format
    palette: dict[int, Color] = {}
    bits = 16 if image.mode.startswith("I") else 8
    if image.mode == "P":
        colors = np.asarray(image.getpalette("RGB"), np.int64).reshape(-1, 3)
        used = np.unique(np.asarray(image)).tolist()
        palette = {index: _color(colors[index]) for index in used if index < len(colors)}
    elif image.mode == "1":  # black and white: 0 and 255, as the same mask in 8 bits
        image = image.convert("L")
    elif image.mode not in ("L", "LA", "RGB", "RGBA", "F") and not image.mode.startswith("I"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    if image.mode in ("LA", "RGBA"):  # a mask's transparency says nothing of its classes
        pixels = pixels[..., :-1] if image.mode == "RGBA" else pixels[..., 0]
    shape = (*pixels.shape[:2], -1)
    turned = upright(pixels.reshape(shape), read_orientation(image))
    raw = _from_array(turned[..., 0] if pixels.ndim == 2 else turned, name)
    return RawMask(raw.values, raw.color, palette, bits, lossy)


def _from_array(pixels: NDArray[Any], name: str) -> RawMask:
    """Return the mask that an array (height, width) or (height, width, 3) is."""
    if pixels.dtype.kind == "f":
        whole = np.isfinite(pixels).all() and bool((pixels == np.rint(pixels)).all())
        if not whole:
            raise DataError(f"{name} holds values that are no whole numbers; expected class numbers, or 0 and 1")
    if pixels.dtype.kind == "i" and int(pixels.min(initial=0)) < 0:
        raise DataError(f"{name} holds the value {int(pixels.min())}; expected whole numbers of 0 or more")
    bits = 8 * pixels.dtype.itemsize if pixels.dtype.kind in "iu" else 8
    if pixels.ndim == 2:
        return RawMask(pixels.astype(np.int64), False, {}, bits)
    red, green, blue = (pixels[..., channel].astype(np.int64) for channel in range(3))
    if (red == green).all() and (green == blue).all():
        return RawMask(red, False, {}, bits)
    return RawMask(red << 16 | green << 8 | blue, True, {}, bits)


def _color(values: NDArray[np.int64]) -> Color:
    red, green, blue = values.tolist()
    return red, green, blue
