"""What a fold's networks learn from: inputs prepared by its training samples alone, its targets, its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing

from percept.errors import OptionError
from percept.selection.splits import Pair, Rows
from percept.training.stacked.design import Floats


@dataclass(frozen=True)
class Material:
    """Inputs and targets that the networks of one or more folds share.

    Attributes:
        X: (rows, features) numbers, dense or CSR.
        T: (rows, outputs) targets of the output layer.
        y: (rows,) or (rows, outputs) as it was given.
        weight: (rows,) of the samples, or None.
        template: an untrained network that knows the targets; never trained itself.
    """

    X: Any
    T: Floats
    y: NDArray[Any]
    weight: Floats | None
    template: Any


@dataclass(frozen=True)
class Fold:
    """One split: its number, its material, and its rows in there; `weight` (training rows,) where it has its own."""

    number: int
    material: Material
    train: Rows
    test: Rows
    weight: Floats | None


def make_folds(template: Any, X: Any, y: Any, weight: Any, splits: Sequence[Pair], preprocessing: Any) -> list[Fold]:
    """Return the folds; without preprocessing those with the same classes share one material.

    Args:
        template: an MLPClassifier or MLPRegressor that says how all networks are trained.
        X: (samples, ...) inputs, what `preprocessing` takes, else numbers.
        y: (samples,) or (samples, outputs).
        weight: (samples,) or None.
        splits: rows to train and to test on.
        preprocessing: a transformer, cloned and fitted on each fold's training rows; "standardize"; or None.

    Raises:
        OptionError: preprocessing is none of these.
        ValueError: the data cannot be used.
    """
    transformer = _transformer(preprocessing)
    if transformer is not None:
        return [_prepared(template, X, y, weight, pair, transformer, number) for number, pair in enumerate(splits)]
    shared: dict[tuple[Any, ...], Material] = {}
    folds = []
    for number, (train, test) in enumerate(splits):
        classes = template._classes_in(y[train])
        if classes not in shared:
            shared[classes] = _material(template, X, y, weight, train)
        material = shared[classes]
        folds.append(Fold(number, material, train, test, _own_weight(material, train)))
    return folds


def _transformer(preprocessing: Any) -> Any:
    if preprocessing is None or isinstance(preprocessing, str):
        if preprocessing not in (None, "standardize"):
            raise OptionError(f"preprocessing is {preprocessing!r}; expected 'standardize', a transformer or None")
        return None if preprocessing is None else StandardScaler()
    if not (hasattr(preprocessing, "fit") and hasattr(preprocessing, "transform")):
        raise OptionError(f"preprocessing is {preprocessing!r}, which cannot fit and transform; pass a transformer")
    return preprocessing


def _prepared(template: Any, X: Any, y: Any, weight: Any, pair: Pair, transformer: Any, number: int) -> Fold:
    """Return a fold with inputs of its own: its training rows, then its test rows."""
    train = pair[0]
    fitted = clone(transformer).fit(_safe_indexing(X, train), y[train])
    parts = [fitted.transform(_safe_indexing(X, rows)) for rows in pair]
    inputs = sparse.vstack(parts).tocsr() if sparse.issparse(parts[0]) else np.concatenate(parts)
    rows = np.concatenate(pair)
    places = np.arange(len(rows))
    given = None if weight is None else weight[rows]
    material = _material(template, inputs, y[rows], given, places[: len(train)])
    first, last = places[: len(train)], places[len(train) :]
    return Fold(number, material, first, last, _own_weight(material, first))


def _material(template: Any, X: Any, y: NDArray[Any], weight: Any, train: Rows) -> Material:
    """Return what a fold learns from, its classes and output layer being those of its training rows."""
    known = clone(template)
    known._read(X[train], y[train], incremental=False, fresh=True)
    checked, targets = known._read_all(X, y)
    known.n_outputs_, known.out_activation_ = targets.shape[1], known._output()
    return Material(checked, targets, y, None if weight is None else weight.astype(checked.dtype), known)


def _own_weight(material: Material, train: Rows) -> Floats | None:
    """Return the weights of a fold's training rows where its classes have some."""
    template = material.template
    if getattr(template, "class_weight", None) is None:
        return None
    weight: Floats | None = template._class_weighted(
        None if material.weight is None else material.weight[train], material.y[train], material.X.dtype
    )
    return weight


def prepare_all(X: Any, y: Any, preprocessing: Any) -> tuple[Any, Any]:
    """Return the inputs of the last fit, on all samples, and the transformer that prepared them, if any."""
    transformer = _transformer(preprocessing)
    if transformer is None:
        return X, None
    fitted = clone(transformer).fit(X, y)
    return fitted.transform(X), fitted
