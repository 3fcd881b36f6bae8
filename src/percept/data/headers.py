"""What stands before a picture's pixels: opening a file safely, its size, format and orientation."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from percept.errors import DataError

# What Pillow may take a file for ("JPEG" brings "MPO" along). Not EPS and its like, which would start another program
# on the user's data.
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
LARGEST = 300  # megapixels of a picture that is still read; some phones take 200
LARGE = 50  # megapixels from which pictures are decoded one at a time, to hold memory down

_one_at_a_time = threading.RLock()


class UnreadableError(Exception):
    """A picture cannot be read; `reason` says why without naming it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


SKIP_ADVICE = "; mend or remove it, or pass --skip-unreadable"


def unreadable_message(name: str, reason: str) -> str:
    """Return the sentence that tells the user of a picture that cannot be read.

    Example:
        >>> unreadable_message("rose/a.jpg", "the file is empty")
        'rose/a.jpg cannot be read (the file is empty); mend or remove it, or pass --skip-unreadable'
    """
    return f"{name} cannot be read ({reason}){SKIP_ADVICE}"


@dataclass(frozen=True)
class PictureHeader:
    """What a picture's file says of itself before its pixels.

    Attributes:
        width: columns as a person sees them, after the EXIF orientation is applied.
        height: rows as a person sees them, after the EXIF orientation is applied.
        mode: Pillow's name of the pixel format: "L", "RGB", "P", "I;16", and so on.
        bits: bits of one channel in the file: 1, 8, 16 or 32.
        frames: how many pictures the file holds; only the first is read.
        orientation: EXIF orientation, 1 (upright) to 8.
    """

    width: int
    height: int
    mode: str
    bits: int
    frames: int
    orientation: int = 1


def read_header(path: Path) -> PictureHeader:
    """Return what a picture's file says of itself, without decoding it.

    Args:
        path: a picture's file.

    Raises:
        DataError: the file is missing, is no picture, or is larger than the limit.
    """
    try:
        with path.open("rb") as file:
            image = open_picture(file)
            orientation = read_orientation(image)
            with broken_data(file):
                # A phone's MPO holds a depth map or the like behind the one picture: that is no animation.
                frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    except OSError as error:
        raise DataError(unreadable_message(path.as_posix(), file_trouble(error))) from error
    except UnreadableError as error:
        raise DataError(unreadable_message(path.as_posix(), error.reason)) from error
    width, height = image.size
    if isinstance(image, TiffImageFile):  # whose size is turned already, or not, by Pillow's version
        width, height = int(image.tag_v2[ExifTags.Base.ImageWidth]), int(image.tag_v2[ExifTags.Base.ImageLength])
    if orientation >= 5:
        width, height = height, width
    return PictureHeader(width, height, image.mode, _bits(image), frames, orientation)


def open_picture(file: BinaryIO) -> Image.Image:
    """Return a picture that is opened but not decoded.

    Args:
        file: the bytes of a picture's file; they must stay open until it is decoded.

    Raises:
        UnreadableError: the bytes are no picture, or one of more than `LARGEST` megapixels.
    """
    formats = _known_formats()
    with broken_data(file), _own_limit():
        image = Image.open(file, formats=formats)
    width, height = image.size
    if width * height > LARGEST * 1e6:
        megapixels = width * height / 1e6
        raise UnreadableError(f"{width} x {height} pixels are {megapixels:.0f} megapixels, the limit is {LARGEST}")
    return image


@cache
def _known_formats() -> tuple[str, ...]:
    """Return those of the formats that this build of Pillow has."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def decoding(file: BinaryIO, image: Image.Image) -> Iterator[None]:
    """Say in the user's words what goes wrong while a picture is decoded; large ones wait for each other."""
    width, height = image.size
    with broken_data(file):
        if width * height > LARGE * 1e6:
            with _own_limit():
                yield
        else:
            yield


@contextmanager
def broken_data(file: BinaryIO) -> Iterator[None]:
    """Turn what Pillow raises on a broken file, which may be any exception, into an `UnreadableError`."""
    try:
        yield
    except UnreadableError:
        raise
    except MemoryError as error:
        raise UnreadableError("there is not enough memory for its pixels") from error
    except Exception as error:
        size = file.seek(0, 2)
        if size == 0:
            reason = "the file is empty"
        elif isinstance(error, UnidentifiedImageError):
            reason = "it is not a picture, or of a format that percept does not read"
        elif isinstance(error, EOFError) or "truncated" in str(error).lower():
            reason = f"the file is truncated, it ends after {_in_words(size)}"
        else:
            reason = f"its data is broken: {str(error) or type(error).__name__}"
        raise UnreadableError(reason) from error


def file_trouble(error: OSError) -> str:
    """Return why the system did not give a file, such as "permission denied"."""
    return (error.strerror or str(error)).lower()


def read_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of an opened picture, 1 (upright) to 8; 1 where the EXIF data makes no sense."""
    try:
        # The base class's method: PNG's own decodes the whole picture in search of EXIF data behind the pixels.
        orientation = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow's parser raises anything on broken EXIF data, and the pixels are good without it
        return 1
    return orientation if orientation in range(1, 9) else 1


@contextmanager
def _own_limit() -> Iterator[None]:
    """Lift Pillow's limit on the size of pictures, which warns on screen; ours is checked after opening."""
    with _one_at_a_time:
        theirs = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = theirs


def _bits(image: Image.Image) -> int:
    """Return the bits of one channel in the file; Pillow's mode alone hides 16-bit color."""
    tiles = getattr(image, "tile", [])
    stored = str(tiles[0][3]) if tiles else ""  # Pillow's name of the file's layout, such as "RGB;16B"
    if ";16" in image.mode or ";16" in stored or (image.mode == "I" and image.format == "PPM"):
        return 16
    return {"1": 1, "I": 32, "F": 32}.get(image.mode, 8)


def _in_words(size: int) -> str:
    """Return a number of bytes as a person would say it."""
    return (
        f"{size} bytes" if size < 1024 else f"{size / 1024:.0f} KB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MB"
    )
