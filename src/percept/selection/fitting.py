"""One fit of a cross-validation: a model trained on some rows, and all that is kept of it."""

from dataclasses import dataclass
from math import inf, isfinite, nan
from numbers import Real
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from percept.selection.plain import plain
from percept.selection.samples import Samples, array_of, features_of
from percept.selection.splits import Rows

MOST_AXES = 2  # of answers that are kept: numbers or probabilities of a sample, but not its masks


@dataclass(frozen=True)
class Task:
    """A fit to be done.

    Attributes:
        model: unfitted, with all its parameters; it is copied, never fitted itself.
        train: rows to train on.
        test: rows to test on.
        label: what the user knows the model as.
    """

    model: Any
    train: Rows
    test: Rows
    label: str


@dataclass(frozen=True)
class Rules:
    """What is measured at every fit.

    Attributes:
        scorer: takes a fitted model, X and y, and returns a number, higher being better.
        train_scores: whether the samples trained on are scored as well.
        compared: whether fits of one candidate are compared by how they did in training.
        weighted: whether the scorer takes the samples' weights.
        grouped: whether the model's own choice takes the samples' groups.
    """

    scorer: Any
    train_scores: bool = False
    compared: bool = False
    weighted: bool = False
    grouped: bool = False


@dataclass(frozen=True)
class Fit:
    """What is kept of a fit; NaN where it failed or nobody asked.

    Attributes:
        score: on the samples left out.
        train_score: on the samples trained on.
        standing: how well training itself went, to compare restarts by; higher is better.
        fit_seconds: time for training.
        score_seconds: time for scoring.
        weights: how many weights the model has; 0 where it does not show them.
        promised: the score by which a model that selects by itself chose.
        predictions: (tested, ...) class numbers or values; None where there are none or they are as large as masks.
        probabilities: (tested, classes) or None.
        chosen: what a model that selects by itself chose, or None.
        error: why it failed; "" where it did not.
    """

    score: float = nan
    train_score: float = nan
    standing: float = -inf
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    weights: int = 0
    promised: float = nan
    predictions: NDArray[Any] | None = None
    probabilities: NDArray[np.float64] | None = None
    chosen: dict[str, Any] | None = None
    error: str = ""


def fit_one(task: Task, samples: Samples, rules: Rules) -> Fit:
    """Return what is kept of a fit; one that raises is kept with its error."""
    model, start = clone(task.model, safe=False), perf_counter()
    try:
        X = features_of(model, samples.X, task.train, task.train)
        start = perf_counter()
        model.fit(X, samples.y[task.train], **_extras(model, samples, rules, task.train))
        fitted = perf_counter()
        unseen = features_of(model, samples.X, task.test, task.train)
        score = _score(model, unseen, samples, rules, task.test)
        scored = perf_counter()
        standing = _standing(model)
        train_score = nan
        if rules.train_scores or (rules.compared and standing is None):
            train_score = _score(model, X, samples, rules, task.train)
        predictions, probabilities = _answers(model, unseen, samples.classes)
    except Exception as error:  # whatever a model raises is its own failure, and the others go on
        return Fit(fit_seconds=perf_counter() - start, error=f"{type(error).__name__}: {_first_line(error)}")
    standing = train_score if standing is None else standing
    end = last_step(model)
    chosen, promised = getattr(end, "best_params_", None), getattr(end, "best_score_", None)
    return Fit(
        *(score, train_score, standing if isfinite(standing) else -inf, fitted - start, scored - fitted),
        weights=_number_of_weights(model),
        promised=float(promised) if isinstance(promised, Real) else nan,
        predictions=predictions,
        probabilities=probabilities,
        chosen=plain(chosen) if isinstance(chosen, dict) else None,
    )


def fit_whole(model: Any, samples: Samples, rules: Rules) -> tuple[Any, float]:
    """Return a model trained on all samples, and how well training went where fits are compared."""
    model, rows = clone(model, safe=False), np.arange(len(samples.y))
    model.fit(samples.X, samples.y, **_extras(model, samples, rules, rows))
    if not rules.compared:
        return model, -inf
    standing = _standing(model)
    standing = _score(model, samples.X, samples, rules, rows) if standing is None else standing
    return model, standing if isfinite(standing) else -inf


def last_step(model: Any) -> Any:
    """Return the model at the end of a pipeline."""
    while hasattr(model, "steps"):
        model = model.steps[-1][1]
    return model


def _extras(model: Any, samples: Samples, rules: Rules, rows: Rows) -> dict[str, Any]:
    """Return what `fit` is given beside X and y."""
    prefix, inner = "", model
    while hasattr(inner, "steps"):
        name, inner = inner.steps[-1]
        prefix += f"{name}__"
    extras: dict[str, Any] = {}
    if samples.weights is not None:
        extras[f"{prefix}sample_weight"] = samples.weights[rows]
    if samples.groups is not None and rules.grouped:
        extras[f"{prefix}groups"] = samples.groups[rows]
    return extras


def _score(model: Any, X: Any, samples: Samples, rules: Rules, rows: Rows) -> float:
    weights = {"sample_weight": samples.weights[rows]} if rules.weighted and samples.weights is not None else {}
    score = rules.scorer(model, X, samples.y[rows], **weights)
    if not isinstance(score, Real) and not (isinstance(score, np.ndarray) and score.ndim == 0):
        raise TypeError(f"scoring must give one number, but gave a {type(score).__name__}")
    return float(score)


def _standing(model: Any) -> float | None:
    """Return how well training went by the model's own account, higher being better; None where it gives none."""
    end = last_step(model)
    end = last_step(getattr(end, "best_estimator_", getattr(end, "regressor_", end)))
    for name, sign in (("best_validation_score_", 1), ("loss_", -1)):
        value = getattr(end, name, None)
        if isinstance(value, Real):
            return sign * float(value)
    return None


def _answers(model: Any, X: Any, classes: NDArray[Any] | None) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Return predictions, of classes their numbers, and probabilities with a column for each class."""
    predictions = array_of(model.predict(X))
    if classes is not None:
        numbers = np.searchsorted(classes, predictions).clip(max=len(classes) - 1)
        known = bool((classes[numbers] == predictions).all())
        predictions = numbers if known else np.array(None)
    if predictions.dtype.kind not in "biuf" or not 1 <= predictions.ndim <= MOST_AXES:
        return None, None
    if not hasattr(model, "predict_proba"):
        return predictions, None
    found = model.predict_proba(X)
    if not isinstance(found, np.ndarray) or found.ndim != MOST_AXES:
        return predictions, None
    known_to_it = getattr(model, "classes_", None)
    if classes is None or known_to_it is None:
        return predictions, found.astype(np.float64)
    columns = np.searchsorted(classes, known_to_it).clip(max=len(classes) - 1)
    if found.shape[1] != len(columns) or not (classes[columns] == known_to_it).all():
        return predictions, None
    probabilities = np.zeros((len(found), len(classes)))  # 0 for a class that it was not shown
    probabilities[:, columns] = found
    return predictions, probabilities


def _number_of_weights(model: Any) -> int:
    end = last_step(model)
    if hasattr(end, "network_"):
        return sum(parameter.numel() for parameter in end.network_.parameters())
    arrays = getattr(end, "coefs_", None)
    arrays = [getattr(end, "coef_", ())] if arrays is None else arrays
    return int(sum(np.size(each) for each in arrays))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")
