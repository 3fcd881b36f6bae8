"""The sealed test samples: what they were when the run was made, and whether they still are that."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from percept.data.dataset import Dataset, MaskedFiles, PictureArray, PictureFiles
from percept.data.decoding import content_digest, file_digest, in_order
from percept.data.duplicates import row_digests
from percept.data.split_file import read_lines
from percept.errors import DataError


def sample_digests(dataset: Dataset, rows: NDArray[np.int64]) -> list[str]:
    """Return a digest of each sample as the user gave it: a picture's file, or pixels or cells in memory.

    Args:
        dataset: the samples.
        rows: those that are wanted.
    """
    samples = dataset.samples.take(rows)
    if isinstance(samples, PictureFiles):
        return [digest.hex() for digest in in_order(file_digest, samples.paths, None)]
    if isinstance(samples, PictureArray):
        return [content_digest(picture) for picture in samples.pixels]
    if isinstance(samples, MaskedFiles):
        files = sorted({path for sample in samples.paths for path in sample})
        digests = dict(zip(files, in_order(file_digest, files, None), strict=True))
        return ["-".join(digests[path].hex() for path in sample) for sample in samples.paths]
    return list(row_digests(samples.frame))


def sealed_content(dataset: Dataset, part: NDArray[np.str_]) -> list[str]:
    """Return the column of splits.csv that seals the test part: its samples' digests, "" for all others.

    Args:
        dataset: the samples.
        part: (samples,) the part of each.
    """
    content = np.full(len(dataset), "", dtype=object)
    rows = np.flatnonzero(part == "test")
    content[rows] = sample_digests(dataset, rows)
    return content.tolist()


def check_sealed(path: Path, dataset: Dataset) -> None:
    """Make sure that the test samples are those of the split, with the same content and target.

    Args:
        path: the run's splits.csv.
        dataset: the samples as they are now.

    Raises:
        DataError: a test sample is gone or has changed.
        RunFolderError: the file is missing or damaged.
    """
    sealed = [line for line in read_lines(path) if line.part == "test"]
    row_of = {key: row for row, key in enumerate(dataset.keys)}
    gone = [line.sample for line in sealed if line.sample not in row_of]
    _refuse(gone, "has gone", len(sealed))
    rows = np.array([row_of[line.sample] for line in sealed], dtype=np.int64)
    labels = dataset.target.take(rows).labels()
    relabelled = [line.sample for line, label in zip(sealed, labels, strict=True) if line.target != label]
    _refuse(relabelled, "has been given another target", len(sealed))
    now = sample_digests(dataset, rows) if any(line.content for line in sealed) else [""] * len(sealed)
    changed = [line.sample for line, digest in zip(sealed, now, strict=True) if line.content not in ("", digest)]
    _refuse(changed, "has changed", len(sealed))


def _refuse(samples: list[str], what: str, count: int) -> None:
    if samples:
        more = f", and so with {len(samples) - 1} more of them" if len(samples) > 1 else ""
        raise DataError(
            f"{samples[0]}, one of the {count} sealed test samples, {what} since the run was made{more};"
            " put the data back as they were, or fit again"
        )
