"""The artificial neuron: a weighted sum whose bias is the weight w0 of a constant input x0 = 1, and its output.

The notes call the output with values -1, 0 and 1 a "sine"; it is the sign.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from percept.errors import DataError, OptionError

Floats = NDArray[np.floating[Any]]

# What a neuron answers to its weighted sum: step gives 1 above zero and 0 elsewhere, sign gives -1, 0 or 1.
OUTPUTS: dict[str, Callable[[Floats], Floats]] = {
    "step": lambda sums: (sums > 0).astype(np.float64),
    "sign": np.sign,
}


@dataclass(frozen=True)
class Neuron:
    """A neuron with fixed weights.

    Args:
        weights: w0 (the bias), then one weight an input.
        output: "step" (0 or 1) or "sign" (-1, 0 or 1).

    Raises:
        OptionError: there is no bias among the weights, or the output is not known.

    Source: notes §1.3.2; McCulloch & Pitts 1943; Widrow & Hoff 1960 for the bias.

    Example:
        >>> logical_or = Neuron((-0.5, 1.0, 1.0), output="step")
        >>> logical_or([[0, 0], [0, 1], [1, 0], [1, 1]])
        array([0., 1., 1., 1.])
    """

    weights: Sequence[float]
    output: str = "sign"

    def __post_init__(self) -> None:
        if len(self.weights) == 0:
            raise OptionError("weights is empty; expected the bias w0, then one weight an input")
        if self.output not in OUTPUTS:
            raise OptionError(f"output is {self.output!r}; expected one of {', '.join(OUTPUTS)}")

    def sums(self, inputs: ArrayLike) -> Floats:
        """Return the weighted sums w0 + w1 x1 + ... (samples,) of inputs (samples, inputs).

        Raises:
            DataError: the inputs are not as many as the weights.
        """
        rows = np.atleast_2d(np.asarray(inputs, dtype=np.float64))
        if rows.ndim != 2 or rows.shape[1] != len(self.weights) - 1:
            raise DataError(f"inputs have shape {rows.shape}; expected (samples, {len(self.weights) - 1})")
        weights = np.asarray(self.weights, dtype=np.float64)
        return np.asarray(weights[0] + rows @ weights[1:])

    def __call__(self, inputs: ArrayLike) -> Floats:
        """Return the neuron's answers (samples,) to inputs (samples, inputs)."""
        return OUTPUTS[self.output](self.sums(inputs))

    def signed_distance(self, inputs: ArrayLike) -> Floats:
        """Return how far inputs (samples, inputs) lie from the hyperplane, positive on the side of the answer 1.

        Where all weights but the bias are zero there is no hyperplane, and the distances are NaN.

        Source: notes §2.4.2.
        """
        return distances(self.sums(inputs), np.asarray(self.weights[1:], dtype=np.float64))


def distances(sums: Floats, weights: Floats) -> Floats:
    """Return signed distances to hyperplanes w·x + w0 = 0: the sums divided by the length of w.

    Args:
        sums: (samples,) or (samples, neurons) values of w·x + w0.
        weights: (features,) or (neurons, features) without the biases.

    Source: notes §2.4.2.

    Example:
        >>> distances(np.array([10.0, -5.0]), np.array([3.0, 4.0]))
        array([ 2., -1.])
    """
    length = np.linalg.norm(weights, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(length > 0, sums / length, np.nan))


def perceptron_loss(sums: Floats, targets: Floats) -> float:
    """Return D(w, w0), minus the sum of t (w·x + w0) over the samples on the wrong side; 0 where there are none.

    Args:
        sums: (samples,) or (samples, neurons) values of w·x + w0.
        targets: -1 or 1, of the same shape.

    Source: notes §2.4.2; Rosenblatt 1962.

    Example:
        >>> perceptron_loss(np.array([2.0, -3.0, 1.0]), np.array([1.0, 1.0, -1.0]))
        4.0
    """
    return float(np.maximum(-targets * sums, 0.0).sum())
