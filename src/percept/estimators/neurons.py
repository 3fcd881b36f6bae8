"""One perceptron for two classes, or one a class against the rest: where each starts, what it learns, and its draws."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from percept.errors import DataError
from percept.training.perceptron import Outcome, Settings, Task, train
from percept.training.rules import Floats

MOST = np.iinfo(np.int32).max  # scikit-learn draws its seeds below this


@dataclass(frozen=True)
class Lesson:
    """What all neurons learn from.

    Args:
        X: (samples, features) float32 or float64, C-ordered or CSR.
        y: (samples,) classes.
        classes: sorted, two or more.
        weights: (samples,) in the type of X.
        class_weights: (classes,).
        validation: share of the samples held out for early stopping, 0 for none.
        random_state: as scikit-learn takes it.
    """

    X: Any
    y: NDArray[Any]
    classes: NDArray[Any]
    weights: Floats
    class_weights: NDArray[np.float64]
    validation: float
    random_state: Any


def first_weights(classes: NDArray[Any], X: Any, coef: Any, intercept: Any) -> tuple[Floats, NDArray[np.float64]]:
    """Return weights (neurons, features) and biases (neurons,) to start from: zeros where none are given.

    Args:
        classes: sorted.
        X: (samples, features), for its type and its features.
        coef: (neurons, features) dense or sparse, or None.
        intercept: (neurons,) or None.

    Raises:
        DataError: they do not go with the classes and features, or there is one class.
    """
    if len(classes) < 2:
        raise DataError(f"y holds {len(classes)} class; the number of classes has to be greater than one to learn from")
    neurons, features = len(classes) if len(classes) > 2 else 1, X.shape[1]
    weights = np.array(np.zeros((neurons, features)) if coef is None else dense(coef), X.dtype, ndmin=2, order="C")
    if weights.shape != (neurons, features):
        raise DataError(f"the initial weights have shape {weights.shape}; expected {(neurons, features)}")
    biases = np.array(np.zeros(neurons) if intercept is None else intercept, dtype=np.float64, ndmin=1)
    if biases.shape != (neurons,):
        raise DataError(f"the initial biases have shape {biases.shape}; expected {(neurons,)}")
    return weights, biases


def dense(coef: Any) -> Any:
    """Return weights as an array, be they sparse or not."""
    return coef.toarray() if hasattr(coef, "toarray") else coef


def train_neurons(
    lesson: Lesson, coef: Floats, intercept: Floats, settings: Settings, *, shuffle: bool, jobs: int | None
) -> list[Outcome]:
    """Train one neuron for two classes, or one for each of more, drawing in scikit-learn's order.

    Args:
        lesson: samples, classes and weights.
        coef: (neurons, features) to start from.
        intercept: (neurons,) to start from.
        settings: how; their seed is replaced.
        shuffle: whether the order of samples is drawn.
        jobs: threads, as scikit-learn counts them.
    """
    rng = check_random_state(lesson.random_state)
    if len(lesson.classes) == 2:
        return [_train_one(lesson, 1, None, rng, coef[0], intercept[0], settings, shuffle)]
    held_out = _hold_out(lesson, lesson.y)
    seeds = rng.randint(MOST, size=len(lesson.classes))
    threads = Parallel(n_jobs=jobs, require="sharedmem")
    outcomes: list[Outcome] = threads(
        delayed(_train_one)(
            lesson, number, held_out, check_random_state(seed), coef[number], intercept[number], settings, shuffle
        )
        for number, seed in enumerate(seeds)
    )
    return outcomes


def _train_one(
    lesson: Lesson,
    number: int,
    held_out: NDArray[np.bool_] | None,
    rng: Any,
    coef: Floats,
    intercept: Any,
    settings: Settings,
    shuffle: bool,
) -> Outcome:
    """Train the neuron that answers 1 for a class; of two classes each has its weight, of more only this one."""
    targets = np.where(lesson.y == lesson.classes[number], 1, -1).astype(lesson.X.dtype)
    rng.randint(1, MOST)  # a draw that scikit-learn makes here and does not use
    held_out = _hold_out(lesson, targets) if held_out is None else held_out
    seed = int(rng.randint(MOST))
    low = lesson.class_weights[0] if len(lesson.classes) == 2 else 1.0
    factors = np.where(targets > 0, lesson.class_weights[number], low).astype(lesson.X.dtype)
    task = Task(lesson.X, targets, factors * lesson.weights, held_out)
    score = _scorer(task, lesson.weights) if lesson.validation > 0 else None
    return train(task, coef, float(intercept), replace(settings, seed=seed if shuffle else None), score)


def _hold_out(lesson: Lesson, labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which samples are kept for early stopping, each label in its share."""
    held = np.zeros(len(labels), dtype=np.bool_)
    if lesson.validation > 0:
        if np.unique(labels, return_counts=True)[1].min() < 2:
            raise DataError(
                "early_stopping holds out a share of the distinct samples of each class, and one class has only 1 in"
                " all; set early_stopping=False or give more samples"
            )
        splitter = StratifiedShuffleSplit(test_size=lesson.validation, random_state=lesson.random_state)
        chosen = next(splitter.split(np.zeros((len(labels), 1)), labels))[1]
        if not (lesson.weights[chosen] > 0).any():
            raise DataError("the sample weights of the validation samples are all zero; choose another random_state")
        held[chosen] = True
    return held


def _scorer(task: Task, weights: Floats) -> Callable[[Floats, float], float]:
    """Return the accuracy on the samples held out, as a function of weights and bias."""
    X, right, share = task.X[task.held_out], task.targets[task.held_out] > 0, weights[task.held_out]
    return lambda coef, bias: float(np.average((X @ coef + bias > 0) == right, weights=share))
