"""A TIFF of class numbers, in tiles and in color, that is written in any order: the mask of a picture of any size."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.dense.steps import Pair

SIDE = 256  # rows and columns of the file's tiles
SHORT, LONG, LONG8 = (3, "H"), (4, "I"), (16, "Q")  # TIFF's types, by number and as struct writes them
PALETTE = 3  # how TIFF calls values that stand for colors


class ClassFile:
    """A BigTIFF of one byte a pixel, the number of its class, and a palette that gives each class its color.

    Args:
        path: of the file.
        size: height and width.
        colors: (red, green, blue) of each class, at most 255.

    Source: TIFF 6.0, sections 5 and 15; the BigTIFF design (offsets of 8 bytes).
    """

    def __init__(self, path: Path, size: Pair, colors: Sequence[tuple[int, int, int]]) -> None:
        self.path, self.rows, self.columns = path, *size
        self.down, self.across = -(-self.rows // SIDE), -(-self.columns // SIDE)
        self.size = self.down * self.across * SIDE**2
        self.told: dict[str, Any] = {"classes": [self.rows, self.columns], "colors": [list(each) for each in colors]}
        self.header = _header(size, self.down * self.across, colors)

    def places(self, row: int, column: int, answers: NDArray[Any]) -> Iterator[tuple[int, bytes]]:
        """Yield the lines of answers in each of the file's tiles that they reach into."""
        classes = answers.argmax(axis=0).astype(np.uint8)
        rows, columns = classes.shape
        for down in range(row // SIDE, (row + rows - 1) // SIDE + 1):
            first, stop = max(row, down * SIDE), min(row + rows, (down + 1) * SIDE)
            for across in range(column // SIDE, (column + columns - 1) // SIDE + 1):
                left, right = max(column, across * SIDE), min(column + columns, (across + 1) * SIDE)
                start = (down * self.across + across) * SIDE**2
                for line in range(first, stop):
                    part = classes[line - row, left - column : right - column]
                    yield start + (line - down * SIDE) * SIDE + left - across * SIDE, part.tobytes()

    def counts(self, classes: int) -> NDArray[np.int64]:
        """Return how many pixels of the finished file each class has.

        Args:
            classes: how many there are.
        """
        found = np.zeros(classes, np.int64)
        for tiles in self._bands():
            found += np.bincount(tiles.ravel(), minlength=classes)
        found[0] -= self.size - self.rows * self.columns  # zeros beyond the picture
        return found

    def every(self, step: int) -> NDArray[np.uint8]:
        """Return the classes of every so many rows and columns of the finished file."""
        columns, made = np.arange(0, self.columns, step), []
        for down, tiles in enumerate(self._bands()):
            first, stop = down * SIDE, min((down + 1) * SIDE, self.rows)
            rows = np.arange(-(-first // step) * step, stop, step) - first
            made.append(tiles[columns // SIDE, rows[:, None], columns % SIDE])
        return np.concatenate(made)

    def _bands(self) -> Iterator[NDArray[np.uint8]]:
        """Yield the finished file's tiles row by row, (across, SIDE, SIDE); none is mapped, which would keep it all."""
        with self.path.open("rb") as file:
            file.seek(len(self.header))
            for _ in range(self.down):
                yield np.frombuffer(file.read(self.across * SIDE**2), np.uint8).reshape(-1, SIDE, SIDE)


def _header(size: Pair, tiles: int, colors: Sequence[tuple[int, int, int]]) -> bytes:
    """Return everything before the pixels: TIFF's header, its one directory, and the tables that this points to."""
    palette = np.zeros((3, 256), np.uint16)
    palette[:, : len(colors)] = np.array(colors, np.uint16).T * 257  # 255 is white, which TIFF calls 65535
    tags: list[tuple[int, tuple[int, str], Sequence[int]]] = [
        (256, LONG, [size[1]]),  # width
        (257, LONG, [size[0]]),  # height
        (258, SHORT, [8]),  # bits
        (259, SHORT, [1]),  # not compressed
        (262, SHORT, [PALETTE]),
        (277, SHORT, [1]),  # values a pixel
        (320, SHORT, palette.ravel().tolist()),
        (322, SHORT, [SIDE]),
        (323, SHORT, [SIDE]),
        (324, LONG8, [0] * tiles),  # where each tile begins
        (325, LONG8, [SIDE**2] * tiles),
    ]
    directory = 16
    tables = directory + 8 + 20 * len(tags) + 8
    sizes = [len(values) * struct.calcsize(f"<{kind[1]}") for _, kind, values in tags]
    start = tables + sum(each for each in sizes if each > 8)
    entries, behind = b"", b""
    for (tag, (number, letter), values), length in zip(tags, sizes, strict=True):
        given = [start + place * SIDE**2 for place in range(tiles)] if tag == 324 else values
        data = struct.pack(f"<{len(given)}{letter}", *given)
        place = struct.pack("<Q", tables + len(behind)) if length > 8 else data.ljust(8, b"\0")
        behind += data if length > 8 else b""
        entries += struct.pack("<HHQ", tag, number, len(given)) + place
    return (
        struct.pack("<2sHHHQ", b"II", 43, 8, 0, directory) + struct.pack("<Q", len(tags)) + entries + bytes(8) + behind
    )
