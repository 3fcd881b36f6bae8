"""Where answers go, tile by tile: an array in memory, or files that a killed run goes on with."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from percept.dense.answer_files import AnswerFile
from percept.errors import WriteError

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

    def finish(self) -> None:
        """Take note that all tiles are written."""
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

    def finish(self) -> None:
        """Leave the array as it is."""


class OnDisk:
    """Files, each written beside its place until all are whole, with a list of the tiles that they hold.

    They are written by position, never mapped: a full disk is then an error and not the end of the process, and what is
    written takes no memory of it.

    Args:
        files: one or more, the list of tiles lies beside the first.
        settings: what the answers depend on; a list of tiles with other settings is not gone on with.

    Raises:
        WriteError: the disk is full or the folder cannot be written to.
    """

    def __init__(self, files: Sequence[AnswerFile], settings: dict[str, Any]) -> None:
        self.files = files
        self.parts = [each.path.with_name(f"{each.path.name}.partial") for each in files]
        self.list = list_of(files[0].path)
        self.waiting: list[int] = []
        self.since = time.monotonic()
        told = [{"name": each.path.name, **each.told} for each in files]
        first = json.dumps({**settings, "files": told}, sort_keys=True)
        self.done = self._found(first)
        with self._writing(), ExitStack() as opened:
            if not self.done:
                self._begin(first)
            self.open = [opened.enter_context(part.open("r+b", buffering=0)) for part in self.parts]
            self.closing = opened.pop_all()

    def _found(self, first: str) -> set[int]:
        """Return the tiles of an earlier run with the same settings."""
        try:
            lines = self.list.read_text(encoding="utf-8").split("\n")
        except OSError:
            return set()
        if lines[0] != first or not all(part.is_file() for part in self.parts):
            return set()
        return {int(line) for line in lines[1:-1]}  # the last one may be half a number

    def _begin(self, first: str) -> None:
        self.list.parent.mkdir(parents=True, exist_ok=True)
        for each, part in zip(self.files, self.parts, strict=True):
            with part.open("wb") as file:
                file.write(each.header)
                file.flush()
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), file.tell(), each.size)
                else:
                    file.truncate(file.tell() + each.size)
        self.list.write_text(first + "\n", encoding="utf-8")

    def write(self, tile: int, row: int, column: int, answers: NDArray[Any]) -> None:
        """Write the answers of a tile."""
        with self._writing():
            for each, file in zip(self.files, self.open, strict=True):
                for place, data in each.places(row, column, answers):
                    file.seek(len(each.header) + place)
                    while data:
                        data = data[file.write(data) :]
            self.waiting.append(tile)
            if time.monotonic() - self.since > SAFE_EVERY:
                self._keep()

    def _keep(self) -> None:
        """Note the tiles that are written, once they are on the disk."""
        for file in self.open:
            os.fsync(file.fileno())
        with self.list.open("a", encoding="utf-8") as noted:
            noted.write("".join(f"{tile}\n" for tile in self.waiting))
            noted.flush()
            os.fsync(noted.fileno())
        self.waiting = []
        self.since = time.monotonic()

    def finish(self) -> None:
        """Put the files in their places, the first one last."""
        with self._writing():
            for file in self.open:
                os.fsync(file.fileno())
            self.closing.close()
            for each, part in reversed(list(zip(self.files, self.parts, strict=True))):
                part.replace(each.path)
            self.list.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason, path = error.strerror or error, self.files[0].path
            raise WriteError(f"{path} cannot be written ({reason}); make room or choose another folder") from error


def list_of(path: Path) -> Path:
    """Return where the list of tiles lies while a file is written."""
    return path.with_name(f"{path.name}.tiles")
