"""A trained network's numbers: as one flat vector for the engine, and layer by layer as an estimator shows them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from percept.training.stacked.design import Floats, Network, layers_of, views
from percept.training.stacked.forward import folded, forward


@dataclass(frozen=True)
class Trained:
    """One network's parameters (parameters,) and the running statistics of its normalization, as in `State`."""

    parameters: Floats
    statistics: Floats

    def copy(self) -> "Trained":
        """Return one that shares no memory with this."""
        return Trained(self.parameters.copy(), self.statistics.copy())


def answers(network: Network, found: Trained, X: Any) -> Floats:
    """Return the outputs (samples, outputs) of a trained network.

    Args:
        network: its design.
        found: its numbers.
        X: (samples, features), dense or sparse.
    """
    if not network.batch_norm:
        return forward(network, found.parameters, X)
    plain = Network(network.sizes, network.activation, network.output, network.loss)
    return forward(plain, folded(network, found.parameters[None], found.statistics[None])[0], X)


def unpack(network: Network, found: Trained, estimator: Any) -> None:
    """Set an estimator's `coefs_` and `intercepts_`, and with batch normalization its `norm_*_`, one array a layer.

    Args:
        network: the design.
        found: its numbers, which are copied.
        estimator: whose attributes are set.
    """
    own = found.copy()
    estimator.coefs_, estimator.intercepts_ = views(network, own.parameters)
    if not network.batch_norm:
        return
    hidden = layers_of(network)[:-1]
    estimator.norm_scales_ = [own.parameters[layer.scale] for layer in hidden]
    estimator.norm_shifts_ = [own.parameters[layer.shift] for layer in hidden]
    ends = np.cumsum(np.repeat(network.hidden, 2))  # mean, variance, mean, ...
    parts = np.split(own.statistics, ends)[: len(ends)]
    estimator.norm_means_, estimator.norm_variances_ = parts[0::2], parts[1::2]


def pack(network: Network, estimator: Any, dtype: Any) -> Trained:
    """Return the numbers that an estimator's attributes hold, whoever set them.

    Args:
        network: the design.
        estimator: with `coefs_` and `intercepts_`, and with batch normalization `norm_*_`.
        dtype: of the result.
    """
    pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    parts = [np.ravel(part) for pair in pairs for part in pair]
    statistics: list[Floats] = []
    if network.batch_norm:
        parts += [p for pair in zip(estimator.norm_scales_, estimator.norm_shifts_, strict=True) for p in pair]
        statistics = [s for pair in zip(estimator.norm_means_, estimator.norm_variances_, strict=True) for s in pair]
    empty = np.empty(0, dtype)
    return Trained(
        np.concatenate(parts).astype(dtype, copy=False), np.concatenate([empty, *statistics]).astype(dtype, copy=False)
    )
