"""What a network has to beat: the majority class or the mean, the nearest neighbors, and a linear model."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from threadpoolctl import threadpool_limits
from torch.nn.functional import adaptive_avg_pool2d

from percept.data.dataset import Target, Task

Rows = NDArray[np.int64]
Reader = Callable[[Rows], NDArray[np.float32]]
Inputs = NDArray[np.uint8] | NDArray[np.float32]

SIDE = 32  # pictures are averaged down to at most this many pixels a side
TRAIN_VALUES = 40_000_000  # training rows x features that a model is fitted on: 160 MB
NEIGHBOR_PRODUCTS = 3e11  # training rows x rows asked x features: about ten seconds on two cores
SEARCH_ROWS = 3000  # training rows that a model's one setting is chosen on
CHUNK = 2048  # rows read or predicted at a time


@dataclass(frozen=True)
class Baseline:
    """The predictions of a simple model.

    Attributes:
        predictions: (samples, classes) float64 probabilities, or (samples,) values for regression.
        note: how it was fitted, and on how many samples if not on all.
    """

    predictions: NDArray[np.float64]
    note: str


@dataclass(frozen=True)
class _Model:
    """A scikit-learn estimator, and the one setting of it that is chosen by cross-validation (first choice on a tie).

    Threads are for BLAS; None leaves them as they are. A linear fit multiplies by few columns, so threads gain it
    little, and waiting for each other they ruin it where the cores are shared.
    """

    estimator: Any
    setting: str
    choices: tuple[float, ...]
    scoring: str | None = None
    threads: int | None = None


_NEIGHBORS: dict[Task, _Model] = {
    "classification": _Model(KNeighborsClassifier(), "n_neighbors", (5, 1, 15, 45)),
    "regression": _Model(KNeighborsRegressor(), "n_neighbors", (5, 1, 15, 45)),
}
_LINEAR: dict[Task, _Model] = {
    "classification": _Model(LogisticRegression(max_iter=100), "C", (0.001, 0.01, 0.1, 1.0), "neg_log_loss", 1),
    "regression": _Model(Ridge(), "alpha", (1000.0, 100.0, 10.0, 1.0, 0.1), threads=1),
}


def baselines(inputs: Inputs, target: Target, train_rows: Rows, rows: Rows, *, seed: int = 0) -> dict[str, Baseline]:
    """Fit the simple models on the training rows and return their predictions for other rows.

    The number of neighbors and the penalty of the linear model are chosen by three-fold cross-validation inside the
    training rows, so the rows asked are as new to these models as they are to the network.

    Args:
        inputs: all samples, possibly memory-mapped: (samples, height, width, channels) uint8 pictures, or
            (samples, features) float32 rows as the network takes them, standardized.
        target: what is to be predicted, of all samples.
        train_rows: (t,) the samples to fit on, of at least two classes.
        rows: (n,) the samples to predict, 1 or more.
        seed: of the choice of samples where there are more than a model can take in seconds.

    Returns:
        By name: "majority" or "mean", "k-nearest neighbors", "linear".

    Source: notes §3.2.2 (linear classifier), §3.2.4 (k-nearest neighbors).
    """
    shuffled = np.random.default_rng(seed).permutation(train_rows)
    features = _reader(inputs, shuffled[:SEARCH_ROWS])
    width = features(shuffled[:1]).shape[1]
    room = TRAIN_VALUES // width
    near = min(room, int(NEIGHBOR_PRODUCTS / (width * len(rows))))
    return {
        **_constant(target, train_rows, len(rows)),
        "k-nearest neighbors": _predict(_NEIGHBORS[target.task], features, target, shuffled, rows, near),
        "linear": _predict(_LINEAR[target.task], features, target, shuffled, rows, room),
    }


def _constant(target: Target, train_rows: Rows, count: int) -> dict[str, Baseline]:
    """Return the baseline that looks at no input: the training shares of the classes, or the training mean."""
    truth = target.values[train_rows]
    if target.task == "regression":
        mean = float(truth.mean())
        return {"mean": Baseline(np.full(count, mean), f"always {mean:.4g}, the mean of the training samples")}
    shares = np.bincount(truth.astype(np.int64), minlength=len(target.classes)) / len(truth)
    note = f"always {target.classes[shares.argmax()]}, {shares.max():.1%} of the training samples"
    return {"majority": Baseline(np.tile(shares, (count, 1)), note)}


def _reader(inputs: Inputs, sample: Rows) -> Reader:
    """Return the function that gives the simple models' (n, features) for rows of the inputs.

    Rows of a table are taken as they are. Pictures are averaged down and centered pixel by pixel, with one scale
    for all pixels, as a scale for each would blow up the noise of a border that hardly varies.
    """
    if inputs.ndim == 2:
        return lambda rows: np.asarray(inputs[rows], np.float32)
    shown = _small(inputs, sample)
    mean, std = shown.mean(axis=0), float(shown.std()) or 1.0
    return lambda rows: (_small(inputs, rows) - mean) / np.float32(std)


def _small(pictures: Inputs, rows: Rows) -> NDArray[np.float32]:
    """Return pictures averaged down to at most 32 x 32: (n, pixels x channels) float32 in [0, 255]."""
    height, width, _ = pictures.shape[1:]
    size = (min(height, SIDE), min(width, SIDE))
    parts = [np.ascontiguousarray(pictures[rows[at : at + CHUNK]]) for at in range(0, len(rows), CHUNK)]
    small = [adaptive_avg_pool2d(torch.from_numpy(part).permute(0, 3, 1, 2).float(), size) for part in parts]
    return torch.cat(small).flatten(1).numpy()


def _predict(model: _Model, features: Reader, target: Target, train_rows: Rows, rows: Rows, most: int) -> Baseline:
    """Choose the model's setting, fit it on at most that many of the shuffled training rows, and predict the rows."""
    shown, used = train_rows[:SEARCH_ROWS], np.sort(train_rows[:most])
    with warnings.catch_warnings(), threadpool_limits(model.threads, "blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a hundred steps are enough for a baseline
        choice = _choose(model, features(shown), target.values[shown], target.task)
        estimator = clone(model.estimator).set_params(**{model.setting: choice})
        estimator.fit(features(used), target.values[used])
        ask = estimator.predict_proba if target.task == "classification" else estimator.predict
        answers = np.concatenate([ask(features(rows[at : at + CHUNK])) for at in range(0, len(rows), CHUNK)])
    note = f"{model.setting} = {choice:g}, chosen by cross-validation on {len(shown):,} training samples"
    if len(used) < len(train_rows):
        note += f"; fitted on {len(used):,} of {len(train_rows):,} training samples"
    if target.task == "regression":
        return Baseline(answers.astype(np.float64), note)
    shares = np.zeros((len(rows), len(target.classes)))  # a class without training samples keeps 0
    shares[:, estimator.classes_] = answers
    shares /= shares.sum(axis=1, keepdims=True)  # float32 answers sum to 1 only roughly
    if model.setting == "n_neighbors":
        # one more vote, shared by all classes: no probability is 0, and the order of the classes stays
        shares = (shares * choice + 1 / len(target.classes)) / (choice + 1)
    return Baseline(shares, note)


def _choose(model: _Model, features: NDArray[np.float32], truth: NDArray[Any], task: Task) -> float:
    """Return the setting that does best in three-fold cross-validation; the first one where there is too little."""
    enough = len(truth) >= 6
    if task == "classification":
        frequent = np.flatnonzero(np.bincount(truth) >= 3)  # a class that each fold can have
        kept = np.isin(truth, frequent)
        features, truth, enough = features[kept], truth[kept], len(frequent) >= 2
    choices = [value for value in model.choices if model.setting != "n_neighbors" or value <= len(truth) // 2]
    if not enough or len(choices) < 2:
        return choices[0] if choices else 1
    search = GridSearchCV(model.estimator, {model.setting: choices}, cv=3, scoring=model.scoring, refit=False)
    best: float = search.fit(features, truth).best_params_[model.setting]
    return best
