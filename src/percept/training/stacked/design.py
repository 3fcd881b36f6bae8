"""What the networks of a stack share: their layers, and where each layer lies in a flat vector of parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# Which outputs a loss can be taken of; the squared error and the perceptron loss take any.
OUTPUTS = ("identity", "logistic", "softmax", "exp", "tanh")
LOSSES: dict[str, tuple[str, ...]] = {
    "squared_error": OUTPUTS,
    "log_loss": ("logistic", "softmax", "tanh"),
    "poisson": ("exp",),
    "perceptron": OUTPUTS,
}


@dataclass(frozen=True)
class Network:
    """A fully connected network: every layer sees all outputs of the one before.

    Attributes:
        sizes: (features, hidden units of each layer..., outputs).
        activation: of the hidden layers, a key of `percept.nn.activations.ACTIVATIONS`.
        output: function of the last layer's sums: "identity", "logistic", "softmax", "exp" or "tanh".
        loss: "squared_error", "log_loss", "poisson", "perceptron", or a function of torch tensors, outputs and
            targets (samples, outputs), that gives one mean loss or the loss of each sample (samples,).
        dropout: chance for each hidden layer's units to be left out of a step; empty for none.
        batch_norm: whether each hidden layer's sums are normalized over the batch before the activation.

    Source: notes §2.2, §2.3.4 (batch normalization), §2.5.3 (dropout).
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    output: str = "identity"
    loss: str | Callable[..., Any] = "squared_error"
    dropout: tuple[float, ...] = ()
    batch_norm: bool = False

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return self.sizes[1:-1]

    @property
    def layers(self) -> int:
        """Number of weight matrices."""
        return len(self.sizes) - 1

    @property
    def plain_size(self) -> int:
        """Number of weights and biases."""
        return sum(inputs * outputs + outputs for inputs, outputs in pairwise(self.sizes))

    @property
    def parameter_count(self) -> int:
        """Number of all parameters, those of the normalization included."""
        return self.plain_size + (2 * sum(self.hidden) if self.batch_norm else 0)


@dataclass(frozen=True)
class Layer:
    """Where one layer lies in the flat vector: its weights row by row (inputs, outputs), then its biases.

    With batch normalization the scale and the shift of each hidden layer follow after the last layer's biases.
    """

    inputs: int
    outputs: int
    weights: slice
    biases: slice
    scale: slice | None
    shift: slice | None


def layers_of(network: Network) -> list[Layer]:
    """Return where each layer of a network lies in its flat vector of parameters.

    Example:
        >>> [layer.biases for layer in layers_of(Network((2, 3, 1)))]
        [slice(6, 9, None), slice(12, 13, None)]
    """
    layers = []
    at, norm = 0, network.plain_size
    for number, (inputs, outputs) in enumerate(pairwise(network.sizes)):
        middle, end = at + inputs * outputs, at + inputs * outputs + outputs
        scale = shift = None
        if network.batch_norm and number < network.layers - 1:
            scale, shift = slice(norm, norm + outputs), slice(norm + outputs, norm + 2 * outputs)
            norm += 2 * outputs
        layers.append(Layer(inputs, outputs, slice(at, middle), slice(middle, end), scale, shift))
        at = end
    return layers


def views(network: Network, flat: Floats) -> tuple[list[Floats], list[Floats]]:
    """Return a flat vector's weights and biases layer by layer, sharing its memory.

    Args:
        network: the design.
        flat: (parameters,) of one network.

    Returns:
        The weight matrices (inputs, outputs) and the biases (outputs,).

    Example:
        >>> weights, biases = views(Network((2, 1)), np.array([1.0, 2.0, 3.0]))
        >>> weights[0].tolist(), biases[0].tolist()
        ([[1.0], [2.0]], [3.0])
    """
    layers = layers_of(network)
    weights = [flat[layer.weights].reshape(layer.inputs, layer.outputs) for layer in layers]
    return weights, [flat[layer.biases] for layer in layers]
