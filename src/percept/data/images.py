"""A picture: from its file to upright 8-bit pixels, and from there to the size that a network takes."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from percept.data.headers import PictureHeader as PictureHeader
from percept.data.headers import (
    UnreadableError,
    decoding,
    file_trouble,
    open_picture,
    read_orientation,
    unreadable_message,
)
from percept.data.headers import read_header as read_header
from percept.data.pixel_formats import to_bytes
from percept.errors import DataError, OptionError

if TYPE_CHECKING:  # at run time it would import torch, which reading pictures has no need of
    from percept.data.preprocessing import Resize

try:
    import simplejpeg
except ImportError:  # the extra `fast`; Pillow reads the same pixels a little slower
    simplejpeg = None

# The endings of the files that are taken for pictures, in lower case.
JPEG_EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif")
EXTENSIONS = (
    *JPEG_EXTENSIONS,
    *(".png", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".jp2", ".j2k", ".avif"),
)

# What makes a picture of each EXIF orientation upright, for (height, width, channels).
_UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels[::-1].transpose(1, 0, 2),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: pixels[:, ::-1].transpose(1, 0, 2),
}


def read_picture(
    source: Path | bytes, *, channels: int, white: int = 65535, minimum: int | None = None
) -> NDArray[np.uint8]:
    """Return the pixels of a picture, upright, as 8-bit grey or color.

    Every format is read as a person sees it: EXIF orientation applied, transparent pixels on white, the first frame
    of an animation, 16 bits scaled to 8, floats taken as 0 to 1.

    Args:
        source: a file, or the bytes of one.
        channels: 1 (grey) or 3 (red, green, blue).
        white: the value of 16-bit pictures that becomes 255, 1 to 65535.
        minimum: the longer side, pixels, of what the picture will be resized to; a JPEG is then decoded at a half, a
            quarter or an eighth as long as its shorter side stays twice that. None decodes at full size.

    Returns:
        (height, width, channels) uint8.

    Raises:
        DataError: the file is missing, truncated, no picture, or larger than the limit.
        OptionError: channels, white or minimum is outside its range.
    """
    if channels not in (1, 3):
        raise OptionError(f"channels is {channels}; expected 1 (grey) or 3 (color)")
    if not 1 <= white <= 65535:
        raise OptionError(f"white is {white}; expected 1 to 65535")
    if minimum is not None and minimum < 1:
        raise OptionError(f"minimum is {minimum}; expected 1 pixel or more")
    name = source.as_posix() if isinstance(source, Path) else "the picture"
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
        return decode(data, channels=channels, white=white, minimum=minimum)
    except OSError as error:
        raise DataError(unreadable_message(name, file_trouble(error))) from error
    except UnreadableError as error:
        raise DataError(unreadable_message(name, error.reason)) from error


def decode(data: bytes, *, channels: int, white: int, minimum: int | None) -> NDArray[np.uint8]:
    """Return what `read_picture` does; raise an `UnreadableError`, which does not name the file."""
    file = io.BytesIO(data)
    image = open_picture(file)
    with decoding(file, image):
        if image.format in ("JPEG", "MPO"):
            pixels = _decode_jpeg(image, data, channels, minimum)
        else:
            image.load()
            pixels = to_bytes(image, channels=channels, white=white)
    # Only now: PNG may hold its orientation behind the pixels, and TIFF is turned, and says so, while Pillow loads it.
    return upright(pixels, read_orientation(image))


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return (height, width, channels) pixels turned and mirrored as an EXIF orientation, 1 to 8, asks for."""
    return np.ascontiguousarray(_UPRIGHT[orientation](pixels))


def decoder() -> str:
    """Return what decodes pictures, with versions: other versions may round otherwise."""
    fast = "" if simplejpeg is None else f" simplejpeg {simplejpeg.__version__}"
    return f"pillow {PIL.__version__}{fast}"


def _decode_jpeg(image: Image.Image, data: bytes, channels: int, minimum: int | None) -> NDArray[np.uint8]:
    """Return the pixels of an opened JPEG, by simplejpeg where it is installed and knows the kind."""
    scale = _jpeg_scale(image.size, minimum)
    width, height = image.size
    if simplejpeg is not None and image.mode in ("L", "RGB"):
        try:
            pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
                data,
                colorspace="GRAY" if channels == 1 else "RGB",
                min_height=-(-height // scale),
                min_width=-(-width // scale),
            )
            return pixels
        except ValueError:
            pass  # simplejpeg refuses the slightest damage; Pillow, with or without it, says what is still a picture
    # Grey is the luma that the file holds; CMYK cannot be drafted to it.
    image.draft("L" if channels == 1 else "RGB", (width // scale, height // scale))
    image.load()
    return to_bytes(image, channels=channels, white=255)


def _jpeg_scale(size: tuple[int, int], minimum: int | None) -> int:
    """Return the largest of 1, 2, 4, 8 by which a JPEG may be reduced in decoding.

    Twice the size is left for the antialiased resize, so that its filter and not the decoder's shapes the result.
    """
    if minimum is None:
        return 1
    return next((scale for scale in (8, 4, 2) if min(size) // scale >= 2 * minimum), 1)


def resize(picture: NDArray[np.uint8], height: int, width: int, how: "Resize" = "stretch") -> NDArray[np.uint8]:
    """Return a picture resized with antialiasing: bilinear, its filter as wide as the reduction asks for.

    Args:
        picture: (rows, columns, channels) uint8, channels 1 or 3, of any size from 1 x 1.
        height: rows of the result, 1 or more.
        width: columns of the result, 1 or more.
        how: "stretch" fits the whole picture in; "crop" keeps its proportions and cuts the centre.

    Returns:
        (height, width, channels) uint8; the picture itself where it has that size.

    Example:
        >>> resize(np.full((30, 10, 3), 7, np.uint8), 4, 5).shape
        (4, 5, 3)
    """
    rows, columns, channels = picture.shape
    if (rows, columns) == (height, width):
        return picture
    image = Image.fromarray(picture[:, :, 0] if channels == 1 else picture)
    box = box_seen(rows, columns, height, width, how)
    # Far larger pictures are first averaged over whole pixels down to three times the size: quicker, same to the eye.
    resized = image.resize((width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
    return np.asarray(resized).reshape(height, width, channels)


def box_seen(rows: int, columns: int, height: int, width: int, how: "Resize") -> tuple[float, float, float, float]:
    """Return the part of a picture that is left when it is resized: left, top, right, bottom in its pixels.

    Args:
        rows: of the picture.
        columns: of the picture.
        height: rows of the result.
        width: columns of the result.
        how: "stretch" or "crop".

    Example:
        >>> box_seen(30, 50, 10, 10, "crop"), box_seen(30, 50, 10, 10, "stretch")
        ((10.0, 0.0, 40.0, 30.0), (0.0, 0.0, 50.0, 30.0))
    """
    if how == "stretch":
        return 0.0, 0.0, float(columns), float(rows)
    shrink = min(rows / height, columns / width)
    left, top = (columns - width * shrink) / 2, (rows - height * shrink) / 2
    return max(left, 0.0), max(top, 0.0), min(columns - left, columns), min(rows - top, rows)


def white_level(paths: Sequence[Path]) -> int:
    """Return the value that the 16-bit pictures among some files call white.

    Sensors of 10, 12 or 14 bits are stored in 16: taken as they stand, their pictures would be almost black.

    Args:
        paths: pictures' files; those that cannot be read, and those of other depths, are passed over.

    Returns:
        the smallest of 255, 511, ..., 65535 that no 16-bit grey picture exceeds; 65535 where there is none.
    """
    largest = -1
    for path in paths:
        if largest >= 32768:
            break
        largest = max(largest, _largest_of_16_bits(path))
    return 65535 if largest < 0 else 2 ** max(8, largest.bit_length()) - 1


def _largest_of_16_bits(path: Path) -> int:
    """Return the largest value of a 16-bit grey picture, -1 for any other file."""
    try:
        with path.open("rb") as file:
            if not _may_have_16_bits(file.read(25)):
                return -1
            file.seek(0)
            image = open_picture(file)
            if not image.mode.startswith("I"):
                return -1
            with decoding(file, image):
                return int(np.asarray(image).max())
    except (OSError, UnreadableError):
        return -1  # whoever reads the pictures themselves says so


def _may_have_16_bits(start: bytes) -> bool:
    """Tell from a file's first 25 bytes whether it may be 16-bit grey, far quicker than Pillow opens it."""
    if start.startswith(b"\x89PNG"):
        return start[24:25] == b"\x10"  # the depth in PNG's first chunk
    return not start.startswith((b"\xff\xd8", b"GIF8", b"BM", b"RIFF"))
