"""Pictures too large for memory that are read from files part by part: TIFF by tifffile, slides by libvips."""

from collections import OrderedDict
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.dense.steps import Pair
from percept.errors import DataError

KEPT = 64 * 2**20  # bytes of decoded parts of a TIFF that are kept for the next tile


class TiffSource:
    """A TIFF of any size, also a BigTIFF, compressed or not: its first page, or the first level of its pyramid.

    Args:
        path: of the file.

    Raises:
        DataError: tifffile is missing, or the file is no picture that it reads.
    """

    def __init__(self, path: Path) -> None:
        try:
            tifffile: Any = import_module("tifffile")
        except ImportError:
            raise DataError(
                f"{path} is a TIFF, which tifffile reads: pip install percept[tiff], or pass its pixels as an array"
            ) from None
        try:
            self.file = tifffile.TiffFile(path)
            self.page: Any = self.file.pages[0]
            shape = self.page.shaped  # separate samples, depth, height, width, samples
        except Exception as error:  # whatever a broken file makes of it
            raise DataError(f"{path} cannot be read as a TIFF ({error}); write it again, or pass its pixels") from error
        self.separate, self.height, self.width, self.samples = shape[0], shape[2], shape[3], shape[4]
        self.lock = Lock()
        self.decoded: OrderedDict[int, NDArray[Any]] = OrderedDict()
        if shape[1] != 1 or (shape[0] > 1 and shape[4] > 1):
            raise DataError(f"{path} holds a volume of {self.page.shape}; expected a picture of height and width")
        self.path = path
        self._decoded(0)  # what is compressed in a way that nothing here decodes is known at once

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return channels, height and width."""
        return max(self.separate, self.samples), self.height, self.width

    def read(self, rows: Pair, columns: Pair) -> NDArray[Any]:
        """Return a part, decoding the tiles or strips that it lies in."""
        made = np.zeros((*self.shape[:1], rows[1] - rows[0], columns[1] - columns[0]), self.page.dtype)
        with self.lock:
            for place, channel, top, left in self._segments(rows, columns):
                pixels = self._decoded(place)  # rows, columns, samples
                inside = [
                    (max(start, first), min(start + side, stop))
                    for start, side, (first, stop) in zip((top, left), pixels.shape, (rows, columns), strict=False)
                ]
                (first, stop), (begin, end) = inside
                part = pixels[first - top : stop - top, begin - left : end - left]
                kept = slice(channel, channel + part.shape[2])
                made[kept, first - rows[0] : stop - rows[0], begin - columns[0] : end - columns[0]] = part.transpose(
                    2, 0, 1
                )
        return made

    def _segments(self, rows: Pair, columns: Pair) -> Iterator[tuple[int, int, int, int]]:
        """Yield the tiles or strips that a part lies in: number, first channel, first row and first column."""
        if self.page.is_tiled:
            side = int(self.page.tilelength), int(self.page.tilewidth)
        else:
            side = int(self.page.rowsperstrip), self.width
        down, across = -(-self.height // side[0]), -(-self.width // side[1])
        for channel in range(self.separate):
            places = product(
                range(rows[0] // side[0], (rows[1] - 1) // side[0] + 1),
                range(columns[0] // side[1], (columns[1] - 1) // side[1] + 1),
            )
            for row, column in places:
                yield (channel * down + row) * across + column, channel, row * side[0], column * side[1]

    def _decoded(self, place: int) -> NDArray[Any]:
        if place not in self.decoded:
            try:
                size = self.page.databytecounts[place]
                data = None
                if size:
                    handle = self.file.filehandle
                    handle.seek(self.page.dataoffsets[place])
                    data = handle.read(size)
                tables = {"jpegtables": self.page.jpegtables} if self.page.jpegtables else {}
                segment, _, shape = self.page.decode(data, place, **tables)
            except Exception as error:  # a library that is missing, or a broken file
                reason = " ".join(str(error).split()).removeprefix("<").rstrip(">")
                raise DataError(
                    f"a part of {self.path} cannot be decoded ({reason}); pip install percept[slides], which reads more"
                    " kinds of TIFF, or write it again without compression"
                ) from error
            pixels = np.zeros(shape, self.page.dtype) if segment is None else segment  # left out: nothing was there
            self.decoded[place] = pixels.reshape(pixels.shape[-3:])
            while sum(each.nbytes for each in self.decoded.values()) > KEPT and len(self.decoded) > 1:
                self.decoded.popitem(last=False)
        self.decoded.move_to_end(place)
        return self.decoded[place]

    def release(self) -> None:
        """Keep the last decoded parts: the next tile needs them."""


class SlideSource:
    """The pyramid of a slide scanner, at full resolution, read by libvips.

    Args:
        path: of the file.

    Raises:
        DataError: pyvips or libvips is missing, or libvips does not read the file.
    """

    def __init__(self, path: Path) -> None:
        try:
            pyvips: Any = import_module("pyvips")
        except (ImportError, OSError):
            raise DataError(
                f"{path} is a slide, which libvips reads: pip install percept[slides], or pass its pixels as an array"
            ) from None
        try:
            picture = pyvips.Image.new_from_file(str(path), access="random")
            self.picture = picture.flatten(background=255) if picture.hasalpha() else picture
        except pyvips.Error as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{path} cannot be read ({reason}); convert it to TIFF, or pass its pixels") from error

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return channels, height and width."""
        return self.picture.bands, self.picture.height, self.picture.width

    def read(self, rows: Pair, columns: Pair) -> NDArray[Any]:
        """Return a part."""
        part = self.picture.crop(columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0])
        pixels = part.numpy()
        return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))

    def release(self) -> None:
        """Leave libvips its own cache."""
