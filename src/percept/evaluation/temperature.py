"""Temperature scaling: one number that makes all probabilities less sure, or surer, and keeps the answers."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

COLDEST, HOTTEST = 0.05, 20.0  # temperatures that are looked at: beyond, every answer is sure or none is


def fit_temperature(truth: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Return the temperature that makes the mean -log(probability of the true class) least.

    Args:
        truth: (samples,) class numbers, one sample or more, not those that the network was trained on.
        probabilities: (samples, classes) as the network gives them.

    Returns:
        A number in 0.05 to 20; above 1 the network was too sure, below 1 not sure enough.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", §4.2.

    Example:
        >>> sure = np.tile([[0.99, 0.01]], (4, 1))  # right three times of four
        >>> cooled = with_temperature(sure, fit_temperature(np.array([0, 0, 0, 1]), sure))
        >>> cooled[0].round(3).tolist()
        [0.75, 0.25]
    """
    logits = _logits(probabilities)
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[rows, truth].mean())

    ends = (float(np.log(COLDEST)), float(np.log(HOTTEST)))
    found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))


def with_temperature(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return the probabilities that the same outputs, divided by a temperature, give; the order of the classes stays.

    Args:
        probabilities: (samples, classes).
        temperature: above 0; 1 changes nothing.

    Raises:
        ValueError: the temperature is not a number above 0.

    Example:
        >>> with_temperature(np.array([[0.8, 0.2]]), 2.0).round(4).tolist()
        [[0.6667, 0.3333]]
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature is {temperature}; expected a number above 0")
    return np.asarray(softmax(_logits(probabilities) / temperature, axis=1))


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the outputs behind probabilities, up to a number that all classes of a sample share."""
    return np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
