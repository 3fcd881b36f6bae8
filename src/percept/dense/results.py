"""Where answers go, tile by tile: an array in memory, or a .npy file that a killed run goes on with."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from percept.errors import OptionError, WriteError

SAFE_EVERY = 2.0  # seconds of work that a killed run may lose


class Results(Protocol):
    """Takes the answers of tiles.

    Attributes:
        done: numbers of the tiles that are there already.
    """

    done: set[int]

    def write(self, tile: int, row: int, column: int, answers: NDArray[Any]) -> None:
        """Take the answers of a tile: (classes, rows, columns), its upper left one at a row and a column."""
        ...

    def finish(self) -> NDArray[Any]:
        """Return all answers: (classes, height, width)."""
        ...


class InMemory:
    """An array.

    Args:
        shape: classes, height and width.
        dtype: of the answers.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> None:
        self.answers = np.empty(shape, dtype)
        self.done: set[int] = set()

    def write(self, tile: int, row: int, column: int, answers: NDArray[Any]) -> None:
        """Put the answers of a tile into the array."""
        _, height, width = answers.shape
        self.answers[:, row : row + height, column : column + width] = answers

    def finish(self) -> NDArray[Any]:
        """Return the array."""
        return self.answers


class OnDisk:
    """A .npy file, written beside its place until it is whole, with a list of the tiles that it holds.

    It is written by position, never mapped: a full disk is then an error and not the end of the process, and what is
    written takes no memory of it.

    Args:
        path: of the file.
        shape: classes, height and width.
        dtype: of the answers.
        settings: what the answers depend on; a list of tiles with other settings is not gone on with.

    Raises:
        OptionError: the path does not end with .npy.
        WriteError: the disk is full or the folder cannot be written to.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], settings: dict[str, Any]) -> None:
        if path.suffix != ".npy":
            raise OptionError(f"out is {path}; expected the path of a .npy file")
        self.path, self.shape, self.dtype = path, shape, dtype
        self.part = path.with_name(path.name + ".partial")
        self.list = path.with_name(path.name + ".tiles")
        self.waiting: list[int] = []
        self.since = time.monotonic()
        first = json.dumps({**settings, "shape": shape, "dtype": dtype.str}, sort_keys=True)
        self.done = self._found(first)
        with self._writing():
            if not self.done:
                self._begin(first)
            self.file = self.part.open("r+b", buffering=0)
            np.lib.format.read_magic(self.file)
            np.lib.format.read_array_header_1_0(self.file)
            self.start = self.file.tell()

    def _found(self, first: str) -> set[int]:
        """Return the tiles of an earlier run with the same settings."""
        try:
            lines = self.list.read_text(encoding="utf-8").split("\n")
        except OSError:
            return set()
        if lines[0] != first or not self.part.is_file():
            return set()
        return {int(line) for line in lines[1:-1]}  # the last one may be half a number

    def _begin(self, first: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        size = int(np.prod(self.shape)) * self.dtype.itemsize
        with self.part.open("wb") as file:
            header = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.flush()
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), file.tell(), size)
            else:
                file.truncate(file.tell() + size)
        self.list.write_text(first + "\n", encoding="utf-8")

    def write(self, tile: int, row: int, column: int, answers: NDArray[Any]) -> None:
        """Write the answers of a tile."""
        _, height, width = self.shape
        values = np.ascontiguousarray(answers, self.dtype)
        with self._writing():
            for number, plane in enumerate(values):
                whole = [plane] if plane.shape[1] == width else plane
                for below, part in enumerate(whole):
                    place = (number * height + row + below) * width + column
                    self._put(part.tobytes(), self.start + place * self.dtype.itemsize)
            self.waiting.append(tile)
            if time.monotonic() - self.since > SAFE_EVERY:
                self._keep()

    def _put(self, data: bytes, place: int) -> None:
        self.file.seek(place)
        while data:
            data = data[self.file.write(data) :]

    def _keep(self) -> None:
        """Note the tiles that are written, once they are on the disk."""
        os.fsync(self.file.fileno())
        with self.list.open("a", encoding="utf-8") as file:
            file.write("".join(f"{tile}\n" for tile in self.waiting))
            file.flush()
            os.fsync(file.fileno())
        self.waiting = []
        self.since = time.monotonic()

    def finish(self) -> NDArray[Any]:
        """Put the file in its place and return it, mapped."""
        with self._writing():
            os.fsync(self.file.fileno())
            self.file.close()
            self.part.replace(self.path)
            self.list.unlink(missing_ok=True)
        mapped: NDArray[Any] = np.load(self.path, mmap_mode="r")
        return mapped

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise WriteError(f"{self.path} cannot be written ({reason}); make room or choose another folder") from error
