"""Random choices before and during training, drawn as scikit-learn does: first weights, and the samples' order."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from percept.errors import OptionError
from percept.nn.deviations import INITIALIZERS
from percept.training.stacked.design import Floats, Network, layers_of


def initial_parameters(
    network: Network,
    random_state: np.random.RandomState,
    dtype: DTypeLike = np.float64,
    initializer: str | None = None,
) -> Floats:
    """Return the parameters that a network starts from.

    Without an initializer they are scikit-learn's own numbers for the same random state: weights and biases uniform
    between -b and b, b = sqrt(6 / (inputs + outputs)), or sqrt(2 / (inputs + outputs)) for the logistic activation.
    With one, weights are Gaussian and biases 0. The scale and shift of batch normalization start at 1 and 0.

    Args:
        network: the design.
        random_state: drawn from in float64, weights then biases, layer by layer.
        dtype: of the result.
        initializer: a key of `INITIALIZERS`, or None.

    Returns:
        (parameters,) of one network.

    Raises:
        OptionError: there is no such initializer.

    Source: notes §2.3.5; Glorot & Bengio 2010; He et al. 2015.

    Example:
        >>> initial_parameters(Network((2, 1)), np.random.RandomState(0), initializer="zero").tolist()
        [0.0, 0.0, 0.0]
    """
    if initializer is not None and initializer not in INITIALIZERS:
        raise OptionError(f"initializer is {initializer!r}; expected one of {', '.join(INITIALIZERS)}, or None")
    flat = np.zeros(network.parameter_count)
    for layer in layers_of(network):
        if initializer is None:
            bound = np.sqrt((2 if network.activation == "logistic" else 6) / (layer.inputs + layer.outputs))
            flat[layer.weights] = random_state.uniform(-bound, bound, layer.inputs * layer.outputs)
            flat[layer.biases] = random_state.uniform(-bound, bound, layer.outputs)
        else:
            deviation = INITIALIZERS[initializer](layer.inputs, layer.outputs)
            flat[layer.weights] = random_state.normal(0, deviation, layer.inputs * layer.outputs)
        if layer.scale is not None:
            flat[layer.scale] = 1
    return flat.astype(dtype, copy=False)


def draw_orders(
    random_state: np.random.RandomState, samples: int, epochs: int, start: NDArray[Any] | None = None
) -> NDArray[np.intp]:
    """Return the order of the samples in each epoch, every one a shuffle of the one before, as scikit-learn draws them.

    Args:
        random_state: drawn from once an epoch.
        samples: how many there are.
        epochs: how many orders are wanted.
        start: (samples,) the order of the epoch before; None at the beginning of a fit.

    Returns:
        (epochs, samples).

    Example:
        >>> draw_orders(np.random.RandomState(0), 3, 1).tolist()
        [[2, 1, 0]]
    """
    orders = np.empty((epochs, samples), np.intp)
    before = np.arange(samples) if start is None else start
    for epoch in range(epochs):
        shuffled = np.arange(samples)
        random_state.shuffle(shuffled)
        np.take(before, shuffled, out=orders[epoch])
        before = orders[epoch]
    return orders
