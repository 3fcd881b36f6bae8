"""Activations, outputs and losses with their derivatives, written once for numpy and for torch.

Every function takes the library, `numpy` or `torch`, and arrays whose last axis holds the units of a layer; any axes
before it hold samples and models. Derivatives are told from the values a = g(z) alone.

Source: notes §2.2, §2.4.
"""

from collections.abc import Callable
from typing import Any

Array = Any  # an array of numpy or a tensor of torch
Library = Any

ACTIVATIONS: dict[str, Callable[[Library, Array], Array]] = {
    "identity": lambda xp, z: z,
    "logistic": lambda xp, z: _logistic(xp, z),
    "tanh": lambda xp, z: xp.tanh(z),
    "relu": lambda xp, z: xp.clip(z, 0, None),
    "leaky_relu": lambda xp, z: xp.where(z > 0, z, 0.01 * z),
    "elu": lambda xp, z: xp.where(z > 0, z, xp.expm1(xp.clip(z, None, 0))),
    "softmax": lambda xp, z: _softmax(xp, z),
    "exp": lambda xp, z: xp.exp(z),
}

# The gradient by z = sums of a layer, from its values a and the gradient d by them.
DERIVATIVES: dict[str, Callable[[Library, Array, Array], Array]] = {
    "identity": lambda xp, a, d: d,
    "logistic": lambda xp, a, d: d * (a * (1 - a)),
    "tanh": lambda xp, a, d: d * (1 - a * a),
    "relu": lambda xp, a, d: d * (a != 0),
    "leaky_relu": lambda xp, a, d: xp.where(a > 0, d, 0.01 * d),
    "elu": lambda xp, a, d: xp.where(a > 0, d, d * (a + 1)),
    "softmax": lambda xp, a, d: a * (d - (a * d).sum(-1)[..., None]),
    "exp": lambda xp, a, d: d * a,
}

# With these the gradient of the loss by the last layer's sums is outputs - targets.
MATCHED = {("identity", "squared_error"), ("logistic", "log_loss"), ("softmax", "log_loss"), ("tanh", "log_loss")}
MATCHED |= {("exp", "poisson")}


def _logistic(xp: Library, z: Array) -> Array:
    if hasattr(xp, "sigmoid"):
        return xp.sigmoid(z)
    e = xp.exp(-xp.abs(z))  # at most 1, so that nothing overflows
    return xp.where(z < 0, e, 0 * e + 1) / (1 + e)


def _softmax(xp: Library, z: Array) -> Array:
    if hasattr(xp, "softmax"):
        return xp.softmax(z, -1)
    e = xp.exp(z - xp.amax(z, -1)[..., None])
    return e / e.sum(-1)[..., None]


def loss_each(xp: Library, loss: str, output: str, Y: Array, T: Array) -> Array:
    """Return what each output of each sample adds to the loss, shaped like Y.

    The squared error of a sample is a mean over its outputs, every other loss a sum. A tanh output y stands for the
    probability (1 + y) / 2 of the target 1 rather than -1.

    Args:
        xp: `numpy` or `torch`.
        loss: a key of `LOSSES`.
        output: a name in `OUTPUTS`.
        Y: (..., samples, outputs).
        T: targets, shaped like Y.
    """
    if loss == "squared_error":
        return 0.5 * (Y - T) ** 2 / Y.shape[-1]
    if loss == "perceptron":
        return xp.clip(-T * Y, 0, None)
    if loss == "poisson":
        return Y - T + xp.where(T > 0, T * xp.log(xp.where(T > 0, T, 1 + 0 * T) / Y), 0 * T)
    if output == "tanh":
        Y, T = (1 + Y) / 2, (1 + T) / 2
    tiny = xp.finfo(Y.dtype).eps
    Y = xp.clip(Y, tiny, 1 - tiny)
    likelihood = T * xp.log(Y)
    return -likelihood if output == "softmax" else -(likelihood + (1 - T) * xp.log(1 - Y))


def loss_slope(xp: Library, loss: str, output: str, Y: Array, T: Array) -> Array:
    """Return the gradient of each sample's loss by the last layer's sums, shaped like Y.

    That of the squared error is taken of its sum over the outputs, not of their mean, as scikit-learn does.

    Args:
        xp: `numpy` or `torch`.
        loss: a key of `LOSSES`.
        output: a name in `OUTPUTS`.
        Y: (..., samples, outputs).
        T: targets, shaped like Y.
    """
    if loss == "perceptron":
        return DERIVATIVES[output](xp, Y, xp.where(T * Y <= 0, -T, 0 * T))
    return Y - T if (output, loss) in MATCHED else DERIVATIVES[output](xp, Y, Y - T)
