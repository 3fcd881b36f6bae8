"""Which samples are trained on and which are tested on, by every way that the notes and scikit-learn know."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import LeaveOneOut, ShuffleSplit, StratifiedShuffleSplit, check_cv

from percept.errors import DataError, OptionError

Rows = NDArray[np.intp]
Pair = tuple[Rows, Rows]

NAMES = ("loo", "bootstrap", "subsampling")
ROUNDS = 50  # of bootstrap, and of random subsampling
TESTED = 0.2  # share that each round of random subsampling tests


class Bootstrap:
    """Rounds that train on n samples drawn with replacement and test on those that were not drawn, some 37 %.

    Args:
        rounds: how many.
        random_state: seed, or None.

    Source: notes §2.5.1 (random subsampling with replacement); Efron 1983.

    Example:
        >>> train, test = next(Bootstrap(1, 0).split(np.zeros((5, 1))))
        >>> len(train), sorted({*train.tolist(), *test.tolist()})
        (5, [0, 1, 2, 3, 4])
    """

    def __init__(self, rounds: int = ROUNDS, random_state: int | None = None) -> None:
        self.rounds, self.random_state = rounds, random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of rounds."""
        return self.rounds

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterable[Pair]:
        """Yield rows to train and to test on; with groups, whole groups are drawn."""
        units = np.arange(_samples(X)) if groups is None else np.unique(groups, return_inverse=True)[1]
        count, generator = int(units.max()) + 1, np.random.RandomState(self.random_state)
        members = [np.flatnonzero(units == unit) for unit in range(count)] if groups is not None else None
        done = 0
        while done < self.rounds:
            drawn = generator.randint(count, size=count)
            left = np.setdiff1d(np.arange(count), drawn)
            if not len(left):  # every one was drawn; only among a few does this happen
                continue
            done += 1
            if members is None:
                yield drawn.astype(np.intp), left.astype(np.intp)
            else:
                yield np.concatenate([members[unit] for unit in drawn]), np.concatenate([members[u] for u in left])


def make_splits(
    cv: Any, X: Any, y: NDArray[Any], *, classifier: bool, groups: Any = None, seed: int | None = None
) -> list[Pair]:
    """Return the pairs of rows to train and to test on.

    Args:
        cv: None for five parts; a number of parts; "loo", leaving one sample (with groups one group) out in turn;
            "bootstrap"; "subsampling"; a splitter of scikit-learn's; or pairs of row numbers.
        X: (samples, ...).
        y: (samples,) or (samples, outputs).
        classifier: whether parts hold each class in its share, as scikit-learn makes them.
        groups: (samples,) whose equal values stay on one side, or None.
        seed: of "bootstrap" and "subsampling".

    Raises:
        OptionError: cv is none of these.
        DataError: a pair has no samples to train or to test on, or one sample on both sides.
        ValueError: the splitter cannot split these samples.

    Source: notes §2.5.1.

    Example:
        >>> [test.tolist() for _, test in make_splits("loo", np.zeros((3, 1)), np.arange(3), classifier=False)]
        [[0], [1], [2]]
    """
    if isinstance(cv, str) and cv not in NAMES:
        raise OptionError(f"cv is {cv!r}; expected a number of parts, {', '.join(NAMES)}, a splitter or pairs of rows")
    if isinstance(cv, (bool, float)) or (isinstance(cv, Integral) and int(cv) < 2):
        raise OptionError(f"cv is {cv!r}; expected a whole number of 2 parts or more")
    splitter = _splitter(cv, y, classifier, groups, seed)
    pairs = [(np.asarray(train), np.asarray(test)) for train, test in splitter.split(X, y, groups)]
    return [_checked(train, test, number, _samples(X)) for number, (train, test) in enumerate(pairs)]


def _splitter(cv: Any, y: NDArray[Any], classifier: bool, groups: Any, seed: int | None) -> Any:
    if cv == "bootstrap" if isinstance(cv, str) else False:
        return Bootstrap(ROUNDS, seed)
    if isinstance(cv, str) and cv == "subsampling":
        if groups is not None:
            from sklearn.model_selection import GroupShuffleSplit

            return GroupShuffleSplit(ROUNDS, test_size=TESTED, random_state=seed)
        kind = StratifiedShuffleSplit if classifier and y.ndim == 1 else ShuffleSplit
        return kind(ROUNDS, test_size=TESTED, random_state=seed)
    if isinstance(cv, str):
        if groups is not None:
            from sklearn.model_selection import LeaveOneGroupOut

            return LeaveOneGroupOut()
        return LeaveOneOut()
    if groups is not None and (cv is None or isinstance(cv, Integral)):
        from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

        parts = 5 if cv is None else int(cv)
        return StratifiedGroupKFold(parts) if classifier and y.ndim == 1 else GroupKFold(parts)
    return check_cv(cv, y, classifier=classifier)


def _checked(train: NDArray[Any], test: NDArray[Any], number: int, samples: int) -> Pair:
    """Return a pair as row numbers, if it can be used."""
    train, test = (np.flatnonzero(rows) if rows.dtype == bool else rows for rows in (train, test))
    for what, rows in (("train", train), ("test", test)):
        if not len(rows):
            raise DataError(f"split {number} of cv has no samples to {what} on; give it some")
        if rows.min() < -samples or rows.max() >= samples:
            raise DataError(f"split {number} of cv goes up to row {rows.max()}, and there are {samples} samples")
    if len(np.intersect1d(train, test)):
        raise DataError(f"split {number} of cv trains on samples that it tests on; a figure from it would be too good")
    return train.astype(np.intp) % samples, test.astype(np.intp) % samples


def _samples(X: Any) -> int:
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def line_up(parts: Sequence[Rows]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows of unlike numbers as lines (parts, most), 0 past their ends, and how many of each count.

    Example:
        >>> line_up([np.array([4, 5]), np.array([6])])
        (array([[4, 5],
               [6, 0]]), array([2, 1]))
    """
    counts = np.array([len(part) for part in parts], np.intp)
    lines = np.zeros((len(parts), int(counts.max(initial=0))), np.intp)
    for line, part in zip(lines, parts, strict=True):
        line[: len(part)] = part
    return lines, counts
