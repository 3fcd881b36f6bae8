"""The linear classifier's optimum: mean cross-entropy of the scores Wx + b with an L2 penalty, by L-BFGS.

Source: notes §3.2.3; Liu & Nocedal 1989.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.utils.extmath import safe_sparse_dot

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Optimum:
    """Where L-BFGS came to rest: the parameters (rows, features + 1) with the bias first, and how it went there."""

    parameters: NDArray[np.float64]
    losses: tuple[float, ...]  # before the first step and after each
    converged: bool
    reason: str


def cross_entropy(scores: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return each sample's negative log-likelihood (samples,) and its derivative by the scores.

    Args:
        scores: (samples, classes), or (samples, 1) for the second of two classes, the first scoring 0.
        targets: of the same shape, 1 for the sample's class and 0 elsewhere.

    Source: notes §2.4.1.

    Example:
        >>> loss, _ = cross_entropy(np.zeros((1, 4)), np.eye(4)[:1])
        >>> round(float(loss[0]), 4)  # log 4
        1.3863
    """
    if scores.shape[1] == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
        each, slope = cross_entropy(scores, np.hstack([1 - targets, targets]))
        return each, slope[:, 1:]
    norms = logsumexp(scores, axis=1, keepdims=True)
    return norms[:, 0] - (scores * targets).sum(axis=1), np.exp(scores - norms) - targets


def objective(
    X: Any, targets: Floats, alpha: float, weights: Floats, *, bias: bool
) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
    """Return the penalized mean loss and its gradient as a function of the flat parameters.

    Args:
        X: (samples, features), dense or sparse.
        targets: (samples, classes), or (samples, 1) with two classes.
        alpha: the penalty is alpha / 2 |W|², divided by the sum of the weights as the loss is.
        weights: (samples,) of the samples.
        bias: whether biases are learnt.
    """
    total = float(weights.sum())

    def value(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        parameters = flat.reshape(targets.shape[1], -1)
        W = parameters[:, 1:]
        scores = safe_sparse_dot(X, W.T.astype(X.dtype, copy=False)) + parameters[:, 0].astype(X.dtype, copy=False)
        each, slope = cross_entropy(scores, targets)
        slope = slope * weights[:, None]
        gradient = np.empty_like(parameters)
        gradient[:, 0] = slope.sum(axis=0) if bias else 0.0
        gradient[:, 1:] = safe_sparse_dot(slope.T, X) + alpha * W
        loss = float(weights @ each) + 0.5 * alpha * float(np.vdot(W, W))
        return loss / total, gradient.ravel() / total

    return value


def softmax_regression(
    X: Any,
    targets: Floats,
    start: NDArray[np.float64],
    *,
    alpha: float,
    weights: Floats,
    bias: bool = True,
    steps: int = 1000,
    tolerance: float = 1e-4,
) -> Optimum:
    """Minimize the penalized cross-entropy of a linear classifier.

    Args:
        X: (samples, features) float32 or float64, dense or sparse.
        targets: (samples, classes) of 0 and 1, or (samples, 1) with two classes.
        start: (rows, features + 1) to start from, the bias first; zero biases where `bias` is False.
        alpha: strength of the L2 penalty on the weights, 0 or more.
        weights: (samples,) of the samples, not all zero.
        bias: whether biases are learnt.
        steps: at most so many.
        tolerance: it stops where no component of the gradient is larger.

    Source: notes §3.2.3.
    """
    value = objective(X, targets, alpha, weights, bias=bias)
    losses = [value(start.ravel())[0]]

    def note(intermediate_result: Any) -> None:  # scipy goes by this name
        losses.append(float(intermediate_result.fun))

    found = minimize(
        value,
        start.ravel(),
        method="L-BFGS-B",
        jac=True,
        callback=note,
        options={
            "maxiter": steps,
            "maxfun": 50 * steps,
            "maxls": 50,
            "gtol": tolerance,
            "ftol": 64 * float(np.finfo(float).eps),
        },
    )
    reason = str(found.message).strip().capitalize()
    return Optimum(found.x.reshape(start.shape), tuple(losses), found.status == 0, reason)
