"""What the models of all splits said of samples that they had not seen, put together by sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.selection.fitting import Fit
from percept.selection.samples import Samples
from percept.selection.splits import Pair, Rows


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers by split.

    Attributes:
        splits: rows trained on and tested on.
        predictions: of each split (tested, ...) class numbers or values; None where the fit failed or gave none.
        probabilities: of each split (tested, classes) or None.
        truth: (samples, ...) class numbers or values.
        classes: (classes,) labels, or None.
        groups: (samples,) or None.
    """

    splits: tuple[Pair, ...]
    predictions: tuple[NDArray[Any] | None, ...]
    probabilities: tuple[NDArray[np.float64] | None, ...]
    truth: NDArray[Any]
    classes: NDArray[Any] | None
    groups: NDArray[Any] | None


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """One answer for each sample that was tested.

    Attributes:
        rows: (tested,) which samples these are, in order; all of them in k parts or leave-one-out.
        predictions: (tested, ...) labels or values. Of several answers the label that most gave, or their mean.
        probabilities: (tested, classes) or None. Of several answers the mean.
    """

    rows: Rows
    predictions: NDArray[Any]
    probabilities: NDArray[np.float64] | None


def gather(fits: Sequence[Fit], splits: Sequence[Pair], samples: Samples) -> Answers:
    """Return the answers of one fit a split."""
    truth = samples.y if samples.classes is None else np.searchsorted(samples.classes, samples.y)
    predictions, probabilities = tuple(fit.predictions for fit in fits), tuple(fit.probabilities for fit in fits)
    return Answers(tuple(splits), predictions, probabilities, truth, samples.classes, samples.groups)


def out_of_fold(answers: Answers) -> OutOfFold | None:
    """Return one answer a sample, or None where a split gave none.

    Example:
        >>> rows = np.arange(2)
        >>> found = out_of_fold(Answers(
        ...     ((rows[1:], rows[:1]), (rows[:1], rows[1:])), (np.array([0.5]), np.array([0.7])), (None, None),
        ...     np.zeros(2), None, None))
        >>> found.rows.tolist(), found.predictions.tolist()
        ([0, 1], [0.5, 0.7])
    """
    if any(each is None for each in answers.predictions):
        return None
    tested = np.concatenate([test for _, test in answers.splits])
    rows, place = np.unique(tested, return_inverse=True)
    times = np.bincount(place)
    found = np.concatenate([each for each in answers.predictions if each is not None])
    if answers.classes is not None:
        votes = np.zeros((len(rows), len(answers.classes)))
        np.add.at(votes, (place, found), 1)
        predictions = answers.classes[votes.argmax(axis=1)]
    else:
        predictions = _means(found, place, times)
    if any(each is None for each in answers.probabilities):
        return OutOfFold(rows, predictions, None)
    chances = np.concatenate([each for each in answers.probabilities if each is not None])
    return OutOfFold(rows, predictions, _means(chances, place, times))


class Answered:
    """What has answers of models to samples that they were not trained on, and tells them sample by sample."""

    answers: Answers

    @property
    def splits(self) -> tuple[Pair, ...]:
        """The rows trained on and tested on, split by split."""
        return self.answers.splits

    @cached_property
    def out_of_fold(self) -> OutOfFold | None:
        """One answer for each sample that was tested; None where a fit failed or gave none of a kept kind."""
        return out_of_fold(self.answers)

    @property
    def rows(self) -> Rows | None:
        """(tested,) the samples that `predictions` and `probabilities` are of, in order."""
        return None if self.out_of_fold is None else self.out_of_fold.rows

    @property
    def predictions(self) -> NDArray[Any] | None:
        """(tested, ...) labels or values, each by a model that was not trained on that sample."""
        return None if self.out_of_fold is None else self.out_of_fold.predictions

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        """(tested, classes) probabilities by the same models, with columns in the order of the sorted labels."""
        return None if self.out_of_fold is None else self.out_of_fold.probabilities


def _means(values: NDArray[Any], place: Rows, times: Rows) -> NDArray[Any]:
    """Return the mean of the values of each place; where each has one, the values themselves."""
    if times.max() == 1:
        ordered = np.empty_like(values)
        ordered[place] = values
        return ordered
    sums = np.zeros((len(times), *values.shape[1:]))
    np.add.at(sums, place, values)
    means: NDArray[Any] = sums / times.reshape(-1, *[1] * (values.ndim - 1))
    return means
