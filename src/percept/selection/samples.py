"""What is fitted and tested on: samples of any kind with targets, groups and weights, and parts of them by row."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils import get_tags

from percept.errors import DataError, OptionError
from percept.selection.splits import Rows


@dataclass(frozen=True)
class Samples:
    """Samples in the order of their rows.

    Attributes:
        X: (samples, ...) an array, sparse matrix, DataFrame, or a list such as one of paths.
        y: (samples,) or (samples, outputs, ...) what is to be predicted.
        classes: (classes,) the sorted labels, where a classifier predicts one of them a sample; else None.
        groups: (samples,) or None.
        weights: (samples,) or None.
    """

    X: Any
    y: NDArray[Any]
    classes: NDArray[Any] | None = None
    groups: NDArray[Any] | None = None
    weights: NDArray[np.float64] | None = None


def read_samples(model: Any, X: Any, y: Any, groups: Any = None, sample_weight: Any = None) -> Samples:
    """Return the samples for a model, once they are known to go together.

    Raises:
        OptionError: the model cannot be fitted and asked.
        DataError: there are not as many of one thing as of the other.
    """
    missing = [name for name in ("fit", "predict") if not hasattr(model, name)]
    if missing or isinstance(model, type):
        what = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise OptionError(f"model is {what}; expected an object with fit and predict")
    if y is None:
        raise DataError("y is None; expected what is to be predicted, one for each sample")
    targets, count = array_of(y), number_of(X)
    given = {"targets": len(targets)}
    given |= {} if groups is None else {"groups": len(groups)}
    given |= {} if sample_weight is None else {"sample weights": len(sample_weight)}
    for what, number in given.items():
        if number != count:
            raise DataError(f"there are {number} {what} for {count} samples; give one for each")
    return Samples(
        X,
        targets,
        np.unique(targets) if classifies(model) and targets.ndim == 1 else None,
        None if groups is None else np.asarray(groups),
        None if sample_weight is None else np.asarray(sample_weight, np.float64),
    )


def classifies(model: Any) -> bool:
    """Return whether a model predicts classes."""
    return bool(is_classifier(model)) if hasattr(model, "__sklearn_tags__") else hasattr(model, "predict_proba")


def number_of(X: Any) -> int:
    """Return the number of samples."""
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def part_of(X: Any, rows: Rows) -> Any:
    """Return the samples of these rows, of the same kind as all.

    Example:
        >>> part_of(["a.png", "b.png", "c.png"], np.array([2, 0]))
        ['c.png', 'a.png']
    """
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if hasattr(X, "shape"):
        return X[rows]
    return [X[row] for row in rows]


def features_of(model: Any, X: Any, rows: Rows, trained: Rows) -> Any:
    """Return what a model takes of these rows, for a model of distances those to the rows it was trained on."""
    pairwise = hasattr(model, "__sklearn_tags__") and get_tags(model).input_tags.pairwise
    return X[np.ix_(rows, trained)] if pairwise else part_of(X, rows)


def array_of(y: Any) -> NDArray[Any]:
    """Return what is predicted as an array, of objects where each has a shape of its own, as masks may.

    Example:
        >>> array_of([np.zeros((2, 2)), np.zeros((3, 2))]).dtype
        dtype('O')
    """
    try:
        return np.asarray(y)
    except ValueError:  # such as masks of unlike sizes
        array = np.empty(len(y), object)
        array[:] = y
        return array
