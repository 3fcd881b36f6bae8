"""Arrays of unlike sizes kept one behind the other, in memory or, where they are too large for it, in a file."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from percept.errors import WriteError


@dataclass(frozen=True)
class RaggedArray(Sequence[NDArray[Any]]):
    """A sequence of arrays, such as pictures of unlike sizes; each item is a view, nothing is copied.

    Attributes:
        flat: (elements,) all arrays one behind the other, possibly memory-mapped.
        shapes: the shape of each.
        starts: where in `flat` each begins.
    """

    flat: NDArray[Any]
    shapes: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        start, shape = self.starts[place], self.shapes[place]
        return self.flat[start : start + prod(shape)].reshape(shape)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[place] for place in range(len(self)))


def keep(
    arrays: Iterable[NDArray[Any]],
    shapes: Sequence[tuple[int, ...]],
    dtype: DTypeLike,
    *,
    memory: int = 2**31,
    folder: Path | None = None,
) -> RaggedArray:
    """Return arrays kept one behind the other, drawn one by one.

    Args:
        arrays: as many as there are shapes, in their order.
        shapes: what shape each has, known beforehand.
        dtype: of all.
        memory: bytes up to which they stay in memory; more go to a file without a name, which the system deletes when
            it is no longer used.
        folder: where that file is; None takes the system's place for passing files.

    Raises:
        WriteError: the file cannot be written.

    Example:
        >>> kept = keep([np.ones((1, 2)), np.zeros((3, 1))], [(1, 2), (3, 1)], np.uint8)
        >>> kept[1].tolist(), kept[-2].tolist()
        ([[0], [0], [0]], [[1, 1]])
    """
    sizes = [prod(shape) for shape in shapes]
    starts = [0, *np.cumsum(sizes).tolist()]
    total = starts.pop()
    flat = _room(total, np.dtype(dtype), memory, folder)
    kept = RaggedArray(flat, tuple(shapes), tuple(starts))
    for place, array in zip(range(len(shapes)), arrays, strict=True):
        kept[place][...] = array
    return kept


def _room(total: int, dtype: np.dtype[Any], memory: int, folder: Path | None) -> NDArray[Any]:
    """Return room for so many elements, in memory or in a file."""
    if total * dtype.itemsize <= memory:
        return np.empty(total, dtype)
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            nothing = bytes(2**20)
            for start in range(
                0, total * dtype.itemsize, len(nothing)
            ):  # a full disk is an error here, not a fault later
                file.write(nothing[: total * dtype.itemsize - start])
            file.flush()
            return np.memmap(file, dtype, "r+", shape=(total,))
    except OSError as error:
        gigabytes = total * dtype.itemsize / 1e9
        where = folder.as_posix() if folder else tempfile.gettempdir()
        raise WriteError(
            f"{gigabytes:.1f} GB of pictures cannot be written to {where} ({error.strerror or error}); free some room,"
            " or allow more memory"
        ) from error
