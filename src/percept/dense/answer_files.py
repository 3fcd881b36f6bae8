"""Files with room for all answers of a picture, of which any part can be written at any time."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from percept.errors import OptionError


class AnswerFile(Protocol):
    """A file that is written by position.

    Attributes:
        path: where it is to lie.
        header: its first bytes.
        size: bytes behind the header.
        told: what sets its layout apart from others', as JSON values.
    """

    path: Path
    header: bytes
    size: int
    told: dict[str, Any]

    def places(self, row: int, column: int, answers: NDArray[Any]) -> Iterator[tuple[int, bytes]]:
        """Yield where behind the header which bytes go.

        Args:
            row: of the upper left answer.
            column: of the upper left answer.
            answers: (classes, rows, columns).
        """
        ...


class ArrayFile:
    """A .npy file of (classes, height, width).

    Args:
        path: of the file.
        shape: classes, height and width.
        dtype: of its values.
        made: from answers to what is written of them; None for the answers.

    Raises:
        OptionError: the path does not end with .npy.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        made: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    ) -> None:
        if path.suffix != ".npy":
            raise OptionError(f"out is {path}; expected the path of a .npy file")
        self.path, self.shape, self.dtype, self.made = path, shape, dtype, made
        self.told = {"shape": shape, "dtype": dtype.str}
        self.size = int(np.prod(shape)) * dtype.itemsize
        header = BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": dtype.str, "fortran_order": False, "shape": shape})
        self.header = header.getvalue()

    def places(self, row: int, column: int, answers: NDArray[Any]) -> Iterator[tuple[int, bytes]]:
        """Yield each line of a tile, or each map where the tile is as wide as the picture."""
        _, height, width = self.shape
        values = np.ascontiguousarray(answers if self.made is None else self.made(answers), self.dtype)
        for number, plane in enumerate(values):
            whole = [plane] if plane.shape[1] == width else plane
            for below, part in enumerate(whole):
                yield ((number * height + row + below) * width + column) * self.dtype.itemsize, part.tobytes()
