"""A picture beyond its border: mirrored there, or zeros."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from percept.data.patches import mirrored
from percept.dense.sources import Source
from percept.dense.steps import Pair

Border = Literal["reflect", "zero", "valid"]


def read_extended(source: Source, rows: Pair, columns: Pair, border: Border) -> NDArray[Any]:
    """Return (channels, rows, columns) of a picture, of which some may lie beyond its border.

    Args:
        source: the picture.
        rows: the first one and the one behind the last.
        columns: the same.
        border: what lies beyond: "reflect" or "zero".
    """
    _, *sides = source.shape
    spans = rows, columns
    inside = all(first >= 0 and stop <= side for (first, stop), side in zip(spans, sides, strict=True))
    if inside:
        return source.read(rows, columns)
    if border == "reflect":
        places = [mirrored(np.arange(*span), side) for span, side in zip(spans, sides, strict=True)]
        starts = [int(each.min()) for each in places]
        stops = [int(each.max()) + 1 for each in places]
        part = source.read((starts[0], stops[0]), (starts[1], stops[1]))
        return part[:, places[0] - starts[0]][:, :, places[1] - starts[1]]
    within = [
        (min(max(0, first), side), max(min(stop, side), min(max(0, first), side)))
        for (first, stop), side in zip(spans, sides, strict=True)
    ]
    part = source.read(within[0], within[1])
    made = np.zeros((len(part), *(stop - first for first, stop in spans)), part.dtype)
    (row, column), (height, width) = (within[0][0] - rows[0], within[1][0] - columns[0]), part.shape[1:]
    if part.size:
        made[:, row : row + height, column : column + width] = part
    return made
