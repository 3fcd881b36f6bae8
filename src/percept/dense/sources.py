"""Where the pixels of a picture of any size come from: an array, in memory or mapped from a file, or a file itself."""

import hashlib
import mmap
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from percept.dense.slides import SlideSource, TiffSource
from percept.dense.steps import Pair
from percept.errors import DataError

SLIDES = (".svs", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif", ".svslide")
"""Endings of the pyramids of slide scanners, which are read through libvips."""
PROBES = 32  # rows of a picture that its digest is made of


@runtime_checkable
class Source(Protocol):
    """A picture that is read a part at a time.

    Attributes:
        shape: channels, height and width.
    """

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return channels, height and width."""
        ...

    def read(self, rows: Pair, columns: Pair) -> NDArray[Any]:
        """Return (channels, rows, columns) of pixels, from the first to before the second of each."""
        ...

    def release(self) -> None:
        """Let go of what was read, as far as it is kept."""
        ...


class ArraySource:
    """An array of pixels; what it maps from a file is let go of after it is read.

    Args:
        pixels: (channels, height, width).
    """

    def __init__(self, pixels: NDArray[Any]) -> None:
        self.pixels = pixels
        self.mapped = _mapped(pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return channels, height and width."""
        channels, height, width = self.pixels.shape
        return channels, height, width

    def read(self, rows: Pair, columns: Pair) -> NDArray[Any]:
        """Return a copy of a part."""
        return np.array(self.pixels[:, rows[0] : rows[1], columns[0] : columns[1]])

    def release(self) -> None:
        """Take the pages of a mapped file out of this process's memory; they stay in the file."""
        if self.mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.mapped.madvise(mmap.MADV_DONTNEED)


def _mapped(pixels: NDArray[Any]) -> mmap.mmap | None:
    """Return the mapping that an array lies in, where nothing is lost when its pages are dropped."""
    base: Any = pixels
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap) and base.mode != "c":  # a private copy has changes that the file has not
            found = getattr(base, "_mmap", None)
            return found if isinstance(found, mmap.mmap) else None
        base = base.base
    return None


def open_source(picture: object) -> Source:
    """Return a picture as a source of pixels.

    Args:
        picture: an array or tensor of (channels, height, width) or (height, width), which may be mapped from a file;
            or the path of a .npy file of such an array, of a TIFF, or of a slide; or a source.

    Raises:
        DataError: it is none of these, or the library that reads it is missing.
    """
    if isinstance(picture, Source):
        return picture
    if isinstance(picture, str | Path):
        path = Path(picture)
        if not path.is_file():
            raise DataError(f"{path} is no file; expected a picture as an array, or a .npy, TIFF or slide file")
        if path.suffix.lower() in (".tif", ".tiff"):
            return _tiff(path)
        if path.suffix.lower() in SLIDES:
            return SlideSource(path)
        if path.suffix.lower() != ".npy":
            raise DataError(
                f"{path} is not read in parts; expected a .npy, TIFF or slide file, or open it and pass its pixels as"
                " an array of (channels, height, width)"
            )
        picture = np.load(path, mmap_mode="r")
    pixels = picture.numpy(force=True) if isinstance(picture, Tensor) else picture
    if not isinstance(pixels, np.ndarray) or pixels.ndim not in (2, 3) or pixels.dtype.kind not in "buif":
        raise DataError(
            f"the picture is {getattr(pixels, 'shape', type(pixels).__name__)}; expected an array of numbers of shape"
            " (channels, height, width) or (height, width), or the path of a .npy, TIFF or slide file"
        )
    return ArraySource(pixels[None] if pixels.ndim == 2 else pixels)


def _tiff(path: Path) -> Source:
    """Return a TIFF, by libvips where tifffile cannot decode it."""
    try:
        return TiffSource(path)
    except DataError as error:
        try:
            return SlideSource(path)
        except DataError:
            raise error from None


def digest(source: Source) -> str:
    """Return what tells a picture from others: the digest of its shape and of some of its rows."""
    channels, height, width = source.shape
    found = hashlib.sha256(f"{channels} {height} {width}".encode())
    for row in sorted({round(place) for place in np.linspace(0, height - 1, PROBES)}):
        pixels = source.read((row, row + 1), (0, width))
        found.update(f"{pixels.dtype}".encode() + pixels.tobytes())
    source.release()
    return found.hexdigest()
