"""Which samples are trained on and which are tested on, by every way that the notes and scikit-learn know."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    LeaveOneGroupOut,
    LeaveOneOut,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedShuffleSplit,
    check_cv,
)

from percept.errors import DataError, OptionError

Rows = NDArray[np.intp]
Pair = tuple[Rows, Rows]

SIDES = ("train", "test")
NAMES = ("loo", "bootstrap", "subsampling")
ROUNDS = 50  # of bootstrap, and of random subsampling
TESTED = 0.2  # share that each round of random subsampling tests


class Bootstrap:
    """Rounds that train on n samples drawn with replacement and test on those that were not drawn, some 37 %.

    Args:
        rounds: how many.
        random_state: seed, or None.
        stratify: whether each class is drawn from by itself, so that every round holds as many of it as the data;
            a class of one sample is then never tested. Whole groups are drawn as they come.

    Source: notes §2.5 (random subsampling with replacement, stratified by class); Efron 1983.

    Example:
        >>> train, test = next(iter(Bootstrap(1, 0).split(np.zeros((5, 1)))))
        >>> len(train), sorted({*train.tolist(), *test.tolist()})
        (5, [0, 1, 2, 3, 4])
    """

    def __init__(self, rounds: int = ROUNDS, random_state: int | None = None, stratify: bool = False) -> None:
        self.rounds, self.random_state, self.stratify = rounds, random_state, stratify

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of rounds."""
        return self.rounds

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterable[Pair]:
        """Yield rows to train and to test on; with groups, whole groups are drawn.

        Raises:
            DataError: every round would draw all there is, so nothing would be left to test on.
        """
        units = np.arange(_samples(X)) if groups is None else np.unique(groups, return_inverse=True)[1]
        count, generator = int(units.max(initial=-1)) + 1, np.random.RandomState(self.random_state)
        members = [np.flatnonzero(units == unit) for unit in range(count)] if groups is not None else None
        pools = _classes(y) if self.stratify and y is not None and groups is None else [np.arange(count)]
        if max((len(pool) for pool in pools), default=0) < 2:
            what = "sample of each class" if len(pools) > 1 else "sample" if groups is None else "group"
            raise DataError(f"a bootstrap has nothing to leave out where there is one {what}; give it two or more")
        done = 0
        while done < self.rounds:
            drawn = np.concatenate([pool[generator.randint(len(pool), size=len(pool))] for pool in pools])
            left = np.setdiff1d(np.arange(count), drawn)
            if not len(left):  # every one was drawn; only among a few does this happen
                continue
            done += 1
            if members is None:
                yield drawn.astype(np.intp), left.astype(np.intp)
            else:
                yield np.concatenate([members[unit] for unit in drawn]), np.concatenate([members[u] for u in left])


def _classes(y: Any) -> list[Rows]:
    labels = np.unique(np.asarray(y), return_inverse=True)[1].ravel()
    return [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]


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
        DataError: a pair has no samples to train or to test on, or one sample or group on both sides.
        ValueError: the splitter cannot split these samples.

    Source: notes §2.5.1.

    Example:
        >>> [test.tolist() for _, test in make_splits("loo", np.zeros((3, 1)), np.arange(3), classifier=False)]
        [[0], [1], [2]]
    """
    known = f"a number of parts, {', '.join(NAMES)}, a splitter or pairs of rows"
    if isinstance(cv, str) and cv not in NAMES:
        raise OptionError(f"cv is {cv!r}; expected {known}")
    if isinstance(cv, (bool, float)) or (isinstance(cv, Integral) and int(cv) < 2):
        raise OptionError(f"cv is {cv!r}; expected a whole number of 2 parts or more")
    if not (cv is None or isinstance(cv, (str, Integral, Iterable)) or hasattr(cv, "split")):
        raise OptionError(f"cv is a {type(cv).__name__}; expected {known}")
    samples = _samples(X)
    if groups is not None and len(groups) != samples:
        raise DataError(f"there are {len(groups)} groups for {samples} samples; give one for each")
    by_rows = not (cv is None or isinstance(cv, (str, Integral)) or hasattr(cv, "split"))
    pairs = list(cv if by_rows else _splitter(cv, y, classifier, groups, seed).split(X, y, groups))
    if not pairs:
        raise DataError("cv has no split; give it one or more")
    return [_checked(pair, number, samples, groups) for number, pair in enumerate(pairs)]


def _splitter(cv: Any, y: NDArray[Any], classifier: bool, groups: Any, seed: int | None) -> Any:
    strata = classifier and y.ndim == 1
    if isinstance(cv, str):
        return _named(cv, strata, groups, seed)
    if groups is not None and (cv is None or isinstance(cv, Integral)):
        parts = 5 if cv is None else int(cv)
        return StratifiedGroupKFold(parts) if strata else GroupKFold(parts)
    return check_cv(cv, y, classifier=classifier)


def _named(cv: str, strata: bool, groups: Any, seed: int | None) -> Any:
    if cv == "loo":
        return LeaveOneOut() if groups is None else LeaveOneGroupOut()
    if cv == "bootstrap":
        return Bootstrap(ROUNDS, seed, stratify=strata)
    if groups is not None:
        return GroupShuffleSplit(ROUNDS, test_size=TESTED, random_state=seed)
    kind = StratifiedShuffleSplit if strata else ShuffleSplit
    return kind(ROUNDS, test_size=TESTED, random_state=seed)


def _checked(pair: Any, number: int, samples: int, groups: Any) -> Pair:
    """Return a pair as row numbers from 0, if it can be used."""
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise OptionError(f"split {number} of cv is no pair; expected the rows to train on and those to test on")
    train, test = (_numbers(np.asarray(rows), what, number, samples) for rows, what in zip(pair, SIDES, strict=True))
    if len(np.intersect1d(train, test)):
        raise DataError(f"split {number} of cv trains on samples that it tests on; a figure from it would be too good")
    if groups is not None:
        of = np.asarray(groups)
        both = np.intersect1d(of[train], of[test])
        if len(both):
            raise DataError(
                f"split {number} of cv trains and tests on samples of group {both[0]}; choose a splitter that keeps"
                " groups whole, such as GroupKFold"
            )
    return train, test


def _numbers(rows: NDArray[Any], what: str, number: int, samples: int) -> Rows:
    if rows.dtype == bool:
        if rows.shape != (samples,):
            raise DataError(f"split {number} of cv marks {len(rows)} samples, and there are {samples}; mark each")
        rows = np.flatnonzero(rows)
    if not len(rows):
        raise DataError(f"split {number} of cv has no samples to {what} on; give it some")
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise OptionError(f"split {number} of cv holds {rows.dtype} of shape {rows.shape}; expected row numbers")
    outside = rows[(rows < -samples) | (rows >= samples)]
    if len(outside):
        raise DataError(f"split {number} of cv names row {outside[0]}, and there are {samples} samples")
    return rows.astype(np.intp) % samples


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
