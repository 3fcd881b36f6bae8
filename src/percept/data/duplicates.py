"""Which samples have the same content: equal digests mean equal content."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.util import hash_array


def row_digests(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return one digest a row; rows with equal cells, missing ones included, have equal digests.

    Args:
        frame: the features (not the target: the same features on two sides of a split leak whatever is asked of them).

    Returns:
        One text of 32 hexadecimal digits a row.

    Example:
        >>> first, second, third = row_digests(pd.DataFrame({"x": [1.0, 2.0, 1.0], "y": ["a", "a", "a"]}))
        >>> first == third, first == second
        (True, False)
    """
    cells = np.empty((len(frame), frame.shape[1]), dtype=np.uint64)
    for number in range(frame.shape[1]):
        column = frame.iloc[:, number]
        if pd.api.types.is_numeric_dtype(column.dtype):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # -0 becomes 0
            cells[:, number] = np.where(np.isnan(values), np.nan, values).view(np.uint64)  # one NaN for all
        else:
            cells[:, number] = hash_array(column.astype(object).to_numpy())
    return tuple(blake2b(row.tobytes(), digest_size=16).hexdigest() for row in cells)


def first_alike(content: Sequence[str]) -> NDArray[np.int64]:
    """Return for each sample the number of the first sample with the same content, its own if there is none before it.

    Args:
        content: one digest a sample; "" is like no other.

    Example:
        >>> first_alike(["a", "b", "a", "", ""]).tolist()
        [0, 1, 0, 3, 4]
    """
    first: dict[str, int] = {}
    rows = (first.setdefault(digest, row) if digest else row for row, digest in enumerate(content))
    return np.fromiter(rows, dtype=np.int64, count=len(content))
