"""The simple models behind the baselines: scikit-learn estimators, one setting chosen, their work bounded."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from threadpoolctl import threadpool_limits

from percept.data.dataset import Target, Task

Rows = NDArray[np.int64]
Reader = Callable[[Rows], NDArray[np.float32]]

TRAIN_VALUES = 40_000_000  # training rows x features that a model is fitted on: 160 MB
NEIGHBOR_PRODUCTS = 3e11  # training rows x rows asked x features: about ten seconds on two cores
MANHATTAN_PRODUCTS = 1e10  # the same; no matrix product computes them, so each takes thirty times as long
LINEAR_PRODUCTS = 5e11  # training rows x features x classes x steps, forward and backward: up to twenty seconds
SEARCH_ROWS = 3000  # training rows that a model's one setting is chosen on
STEPS = 100  # of a linear fit
FEWEST_STEPS = 20  # where the classes are so many that a step takes seconds
CHUNK = 2048  # rows read or predicted at a time
_FOLDS = 3


@dataclass(frozen=True)
class Baseline:
    """The predictions of a simple model.

    Attributes:
        predictions: (samples, classes) float64 probabilities, or (samples,) values for regression.
        note: how it was fitted, and on how many samples if not on all.
        weights: (classes, features) float32 of a linear classifier, a row for each class; None for others.
    """

    predictions: NDArray[np.float64]
    note: str
    weights: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Model:
    """A scikit-learn estimator, and the one setting of it that is chosen by cross-validation (first choice on a tie).

    Threads are for BLAS; None leaves them as they are. A linear fit multiplies by few columns, so threads gain it
    little, and waiting for each other they ruin it where the cores are shared.
    """

    estimator: Any
    setting: str
    choices: tuple[float, ...]
    scoring: str | None = None
    threads: int | None = None

    @property
    def manhattan(self) -> bool:
        """Return whether it measures distances by sums of absolute differences."""
        return bool(self.estimator.get_params().get("metric") == "manhattan")


@dataclass(frozen=True)
class Bounds:
    """How much a model is fitted on, so that it takes seconds.

    Attributes:
        rows: training rows.
        search: training rows that the setting is chosen on.
        steps: of a linear fit; unused by others.
    """

    rows: int
    search: int
    steps: int = STEPS


_NEIGHBORS = ("n_neighbors", (5, 1, 15, 45))
NEIGHBORS: dict[Task, Model] = {
    "classification": Model(KNeighborsClassifier(), *_NEIGHBORS),
    "regression": Model(KNeighborsRegressor(), *_NEIGHBORS),
}
MANHATTAN: dict[Task, Model] = {
    "classification": Model(KNeighborsClassifier(metric="manhattan"), *_NEIGHBORS),
    "regression": Model(KNeighborsRegressor(metric="manhattan"), *_NEIGHBORS),
}
LINEAR: dict[Task, Model] = {
    "classification": Model(LogisticRegression(max_iter=STEPS), "C", (0.001, 0.01, 0.1, 1.0), "neg_log_loss", 1),
    "regression": Model(Ridge(), "alpha", (1000.0, 100.0, 10.0, 1.0, 0.1), threads=1),
}


def bounds(model: Model, width: int, outputs: int, asked: int) -> Bounds:
    """Return how much a model may be fitted on.

    Args:
        model: the model.
        width: features of a row.
        outputs: classes, or 1.
        asked: rows to predict, 1 or more.
    """
    rows = TRAIN_VALUES // width
    if model.setting == "n_neighbors":
        products = MANHATTAN_PRODUCTS if model.manhattan else NEIGHBOR_PRODUCTS
        # each fold asks a third of the rows about the others, for each choice; a quarter of the work is for that
        search = int((products / 4 / (width * len(model.choices) * 2 / 3)) ** 0.5)
        return Bounds(max(1, min(rows, int(products / (width * asked)))), max(1, min(SEARCH_ROWS, search)))
    if model.scoring is None:  # a ridge regression is solved, not stepped towards
        return Bounds(max(1, rows), SEARCH_ROWS)
    step = 2 * width * max(1, outputs if outputs > 2 else 1)  # products a row
    rows = max(1, min(rows, int(LINEAR_PRODUCTS / (step * FEWEST_STEPS))))
    steps = int(min(STEPS, max(FEWEST_STEPS, LINEAR_PRODUCTS / (step * rows))))
    search = int(LINEAR_PRODUCTS / (step * steps * len(model.choices) * (_FOLDS - 1)))
    return Bounds(rows, max(1, min(SEARCH_ROWS, search)), steps)


def fit_and_predict(
    model: Model, features: Reader, target: Target, train_rows: Rows, rows: Rows, total: int | None = None
) -> Baseline:
    """Choose the model's setting, fit it on as many of the training rows as its bounds allow, and predict the rows.

    Args:
        model: the model.
        features: gives (n, features) float32 for rows.
        target: what is to be predicted, of all samples.
        train_rows: (t,) rows to fit on, in an order drawn by chance; the first ones are taken.
        rows: (n,) rows to predict, 1 or more.
        total: training rows that there are, where `train_rows` are not all of them.
    """
    limits = bounds(model, features(train_rows[:1]).shape[1], len(target.classes), len(rows))
    used = np.sort(train_rows[: limits.rows])
    known, truth = features(used), target.values[used]
    shown = np.searchsorted(used, train_rows[: min(limits.search, limits.rows)])
    estimator = clone(model.estimator)
    if model.scoring is not None:
        estimator.set_params(max_iter=limits.steps)
    with warnings.catch_warnings(), threadpool_limits(model.threads, "blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a hundred steps are enough for a baseline
        choice, searched = _choose(model, estimator, known[shown], truth[shown], target.task)
        estimator.set_params(**{model.setting: choice}).fit(known, truth)
        ask = estimator.predict_proba if target.task == "classification" else estimator.predict
        answers = np.concatenate([ask(features(rows[at : at + CHUNK])) for at in range(0, len(rows), CHUNK)])
    note = _note(model, choice, len(shown) if searched else 0, limits, len(used), total or len(train_rows))
    if target.task == "regression":
        return Baseline(answers.astype(np.float64), note)
    shares = np.zeros((len(rows), len(target.classes)))  # a class without training samples keeps 0
    shares[:, estimator.classes_] = answers
    shares /= shares.sum(axis=1, keepdims=True)  # float32 answers sum to 1 only roughly
    if model.setting == "n_neighbors":
        # one more vote, shared by all classes: no probability is 0, and the order of the classes stays
        shares = (shares * choice + 1 / len(target.classes)) / (choice + 1)
    return Baseline(shares, note, _weights(estimator, len(target.classes)))


def _note(model: Model, choice: float, searched: int, limits: Bounds, used: int, count: int) -> str:
    note = f"{model.setting} = {choice:g}"
    if searched:
        note += f", chosen by cross-validation on {searched:,} training samples"
    if used < count:
        note += f"; fitted on {used:,} of {count:,} training samples"
    if model.scoring is not None and limits.steps < STEPS:
        note += f", in {limits.steps} steps, as the classes are many"
    return note


def _weights(estimator: Any, classes: int) -> NDArray[np.float32] | None:
    """Return a linear classifier's weights (classes, features); for two classes, each the other's with its sign."""
    if not hasattr(estimator, "coef_"):
        return None
    found = estimator.coef_ if len(estimator.classes_) > 2 else np.concatenate([-estimator.coef_, estimator.coef_])
    weights = np.zeros((classes, found.shape[1]), np.float32)  # a class without training samples keeps 0
    weights[estimator.classes_] = found
    return weights


def _choose(
    model: Model, estimator: Any, features: NDArray[np.float32], truth: NDArray[Any], task: Task
) -> tuple[float, bool]:
    """Return the setting that does best in three-fold cross-validation; the first, and False, for too few samples."""
    enough = len(truth) >= 2 * _FOLDS
    if task == "classification":
        frequent = np.flatnonzero(np.bincount(truth) >= _FOLDS)  # a class that each fold can have
        kept = np.isin(truth, frequent)
        features, truth, enough = features[kept], truth[kept], len(frequent) >= 2
    choices = [value for value in model.choices if model.setting != "n_neighbors" or value <= len(truth) // 2]
    if not enough or len(choices) < 2:
        return (choices[0] if choices else 1), False
    search = GridSearchCV(estimator, {model.setting: choices}, cv=_FOLDS, scoring=model.scoring, refit=False)
    best: float = search.fit(features, truth).best_params_[model.setting]
    return best, True
