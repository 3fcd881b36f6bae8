"""The parts that a selection trains and tests on: rows of all but the sealed test part, what is alike on one side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from percept.data.dataset import Dataset, Table
from percept.data.split_file import write_splits
from percept.data.splits import Split, tied_units
from percept.errors import DataError, PerceptError
from percept.evaluation.baselines import Baseline, baselines
from percept.selection.splits import make_splits
from percept.workflow.prepare import Prepared

Rows = NDArray[np.int64]
Fold = tuple[Rows, Rows]
MOST = 10  # parts that baselines are fitted anew for


class Parted(Protocol):
    """Samples in their parts, of whatever kind they are."""

    @property
    def split(self) -> Split:
        """Return the part of each sample."""


def rest(prepared: Parted) -> Rows:
    """Return the rows of all samples that may be learned from: those for training and those for validation."""
    return np.flatnonzero(np.isin(prepared.split.part, ("train", "validation")))


def make_folds(prepared: Prepared, rows: Rows, cv: str | int, seed: int) -> list[Fold]:
    """Return the folds of prepared samples, see `folds_of`; near copies of pictures stay on one side too.

    Args:
        prepared: the samples.
        rows: those that are to be split.
        cv: a number of parts, or "loo", "bootstrap" or "subsampling".
        seed: of the draw.
    """
    return folds_of(prepared.loaded.dataset, prepared.loaded.content, rows, cv, seed, prepared.tied)


def folds_of(
    dataset: Dataset, content: Sequence[str], rows: Rows, cv: str | int, seed: int, tied: Rows | None = None
) -> list[Fold]:
    """Return the rows to train and to test on, in the order of a draw; copies and groups stay on one side.

    Args:
        dataset: the samples.
        content: one digest a sample; equal digests, equal samples.
        rows: those that are to be split.
        cv: a number of parts, or "loo", "bootstrap" or "subsampling".
        seed: of the draw.
        tied: (samples,) numbers that are equal for samples which are nearly so, or None.

    Raises:
        OptionError: cv is none of these.
        DataError: the samples cannot be split so.

    Source: notes §2.5.1.
    """
    order = np.random.default_rng([seed, 3]).permutation(rows)
    groups = None if dataset.groups is None else dataset.groups[order]
    units = tied_units([content[row] for row in order], groups, len(order), None if tied is None else tied[order])
    values, classifier = dataset.target.values[order], dataset.target.task == "classification"
    way = int(cv) if str(cv).isdecimal() else cv
    try:
        pairs = make_splits(way, np.zeros((len(order), 1)), values, classifier=classifier, groups=units, seed=seed)
    except PerceptError:
        raise
    except ValueError as error:
        raise DataError(f"the samples cannot be split by --cv {cv}: {error}; take fewer parts, or --cv loo") from error
    return [(order[train], order[test]) for train, test in pairs]


def write_part(path: Path, dataset: Dataset, fold: Fold) -> None:
    """Write a file that lays down one fold: its rows to train on, and its rows left out as the test part.

    Args:
        path: the file; one that is there is left as it is.
        dataset: the samples.
        fold: rows to train and to test on; rows drawn twice are written once.
    """
    if path.exists():
        return
    part = np.full(len(dataset), "out", dtype="<U10")
    for name, rows in zip(("train", "test"), fold, strict=True):
        part[rows] = name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_splits(path, dataset.keys, Split(part, np.full(len(dataset), "", dtype=np.str_)), dataset.target)


def out_of_fold_baselines(
    prepared: Prepared, rows: Rows, folds: Sequence[Fold], seed: int
) -> tuple[dict[str, Baseline], int]:
    """Return the simple methods' predictions of samples that they were not fitted on, and in how many parts.

    The folds are the network's own where they are ten or fewer that leave each sample out once; else ten parts are
    made, since more would take minutes and tell the same.

    Args:
        prepared: the samples.
        rows: those that are to be predicted.
        folds: the network's.
        seed: of the draw.
    """
    tested = np.sort(np.concatenate([test for _, test in folds]))
    if len(folds) > MOST or not np.array_equal(tested, np.sort(rows)):
        folds = make_folds(prepared, rest(prepared), MOST, seed)
    place = {int(row): number for number, row in enumerate(rows)}
    found: dict[str, NDArray[np.float64]] = {}
    for train, test in folds:
        asked = np.array([row for row in test if int(row) in place], dtype=np.int64)
        if not len(asked):
            continue
        rivals = baselines(_inputs(prepared, train), prepared.loaded.dataset.target, train, asked, seed=seed)
        for name, rival in rivals.items():
            shape = (len(rows), *rival.predictions.shape[1:])
            answers = found.setdefault(name, np.zeros(shape))
            answers[[place[int(row)] for row in asked]] = rival.predictions
    note = f"fitted anew for each of {len(folds)} parts, without the samples that it is asked about"
    return {name: Baseline(answers, note) for name, answers in found.items()}, len(folds)


def _inputs(prepared: Prepared, train: Rows) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Return the inputs as these training rows alone would have them scaled."""
    samples = prepared.loaded.dataset.samples
    if not isinstance(samples, Table):
        return prepared.inputs
    from percept.data.columns import TablePreprocessing

    if not isinstance(prepared.preprocessing, TablePreprocessing):
        raise ValueError("a table needs a table's preprocessing")
    return prepared.preprocessing.measured_on(samples.take(train).frame).transform(samples.frame)
