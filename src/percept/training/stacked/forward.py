"""What a trained network answers, by numpy alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.errors import OptionError
from percept.training.stacked.design import Floats, Network, layers_of, views
from percept.training.stacked.formulas import ACTIVATIONS

VARIANCE_FLOOR = 1e-5  # added to variances before their root in batch normalization, as torch does


def forward(network: Network, parameters: Floats, X: Any) -> Floats:
    """Return the outputs of one network or of every network of a stack.

    Args:
        network: the design, without batch normalization (see `folded`); dropout has no part in it.
        parameters: (parameters,) or (models, parameters).
        X: (samples, features), dense or sparse.

    Returns:
        (samples, outputs) or (models, samples, outputs), in the parameters' number type.

    Raises:
        OptionError: the network has batch normalization.
    """
    if network.batch_norm:
        raise OptionError("the network has batch normalization; fold it into the weights first")
    if parameters.ndim == 2:
        return np.stack([forward(network, flat, X) for flat in parameters])
    weights, biases = views(network, parameters)
    values: Any = X.astype(parameters.dtype, copy=False)
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
        sums = np.asarray(values @ weight)
        sums += bias
        values = ACTIVATIONS[network.output if number == network.layers else network.activation](np, sums)
    result: Floats = values
    return result


def folded(network: Network, parameters: Floats, statistics: Floats) -> Floats:
    """Return the parameters of the plain network that answers as one with batch normalization does.

    Each hidden layer's running mean, variance, scale and shift go into its weights and biases.

    Args:
        network: the design.
        parameters: (models, parameters).
        statistics: (models, 2 * hidden units), as in `State`.

    Returns:
        (models, plain_size).

    Source: notes §2.3.4; Ioffe & Szegedy 2015, section 3.1.
    """
    plain: NDArray[Any] = parameters[:, : network.plain_size].copy()
    at = 0
    for layer in layers_of(network):
        if layer.scale is None or layer.shift is None:
            continue
        mean, variance = np.split(statistics[:, at : at + 2 * layer.outputs], 2, axis=1)
        at += 2 * layer.outputs
        factor = parameters[:, layer.scale] / np.sqrt(variance + VARIANCE_FLOOR)  # (models, units)
        matrix = plain[:, layer.weights].reshape(-1, layer.inputs, layer.outputs)
        plain[:, layer.weights] = (matrix * factor[:, None]).reshape(len(plain), -1)
        plain[:, layer.biases] = (plain[:, layer.biases] - mean) * factor + parameters[:, layer.shift]
    return plain
