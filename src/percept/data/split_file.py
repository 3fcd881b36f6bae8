"""The file splits.csv: which part each sample belongs to, and what the sealed ones hold."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from percept.data.dataset import Target
from percept.data.splits import Split
from percept.errors import RunFolderError
from percept.files import replacing

_HEADER = ("sample", "part", "target", "reason", "content")
_FIRST_HEADER = _HEADER[:4]  # of runs made before the content was kept


class Line(NamedTuple):
    """One sample of splits.csv."""

    sample: str
    part: str
    target: str
    reason: str
    content: str = ""


def write_splits(
    path: Path, keys: Sequence[str], split: Split, target: Target, content: Sequence[str] | None = None
) -> None:
    """Write the split as CSV with the columns sample, part, target, reason and content, whole or not at all.

    Args:
        path: the file, such as splits.csv.
        keys: (samples,) names of the samples.
        split: the part of each.
        target: what is to be predicted.
        content: (samples,) digests that `check_sealed` compares with; "" or None where nothing is to be compared.

    Raises:
        WriteError: the disk is full or the folder cannot be written to.
    """
    columns = keys, split.part.tolist(), target.labels(), split.reasons.tolist(), content or [""] * len(keys)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows(zip(*columns, strict=True))
    with replacing(path) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))  # file names may be no proper text


def read_splits(path: Path, keys: Sequence[str]) -> NDArray[np.str_]:
    """Return the part of each sample as `write_splits` wrote it.

    Args:
        path: the file.
        keys: (samples,) names of the samples, in the order that is wanted.

    Raises:
        RunFolderError: the file is missing or damaged, or it holds other samples.
    """
    parts = {line.sample: line.part for line in read_lines(path)}
    known = set(keys)
    gone, new = [key for key in parts if key not in known], [key for key in keys if key not in parts]
    if gone or new:
        found = [("gone or unreadable", gone), ("new", new)]
        counts = " and ".join(f"{len(which)} {what}, such as {which[0]}" for what, which in found if which)
        raise RunFolderError(
            f"{path} does not go with the data, samples differ: {counts}; put back the data as it was, or fit again"
        )
    return np.array([parts[key] for key in keys], dtype="<U10")


def read_lines(path: Path) -> list[Line]:
    """Return what `write_splits` wrote, or a percept from before the content was kept.

    Raises:
        RunFolderError: the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            header, *rows = list(csv.reader(file))
        lines = [Line(*row) for row in rows]
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise RunFolderError(f"{path} cannot be read ({error}); put back the file as it was, or fit again") from error
    known = {line.part for line in lines} <= {"train", "validation", "test", "out"}
    if tuple(header) not in (_HEADER, _FIRST_HEADER) or not known:
        raise RunFolderError(f"{path} is not the split of a run; put back the file as it was, or fit again")
    return lines
