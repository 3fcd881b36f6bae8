"""Monte-Carlo dropout: how sure a network is, from many passes in which dropout stays on."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import entr
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from percept.devices import Precision
from percept.errors import OptionError
from percept.evaluation.predict import BATCH, Preprocessing, outputs, probabilities
from percept.nn.passes import same_random_numbers

PASSES = 30
"""Passes of a usual estimate."""


@dataclass(frozen=True)
class Uncertainty:
    """What many passes say of each sample.

    Attributes:
        probabilities: (samples, classes) mean over the passes.
        entropy: (samples,) of that mean, nats: all uncertainty, 0 to log(classes).
        mutual_information: (samples,) the part of it by which the passes differ, nats: what more data could take away.
            The rest is in the samples themselves.
    """

    probabilities: NDArray[np.float64]
    entropy: NDArray[np.float64]
    mutual_information: NDArray[np.float64]


def uncertainty(passes: NDArray[np.float64]) -> Uncertainty:
    """Return mean, predictive entropy and mutual information of several passes.

    Args:
        passes: (passes, samples, classes) probabilities.

    Source: notes §2.5.4; Gal & Ghahramani 2016; Houlsby, Huszar, Ghahramani & Lengyel 2011, equation 2.

    Example:
        >>> agreed, opposed = [[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]
        >>> found = uncertainty(np.array([agreed, opposed]).transpose(1, 0, 2))
        >>> found.entropy.round(3).tolist(), found.mutual_information.round(3).tolist()
        ([0.693, 0.693], [0.0, 0.693])
    """
    mean = passes.mean(axis=0)
    entropy = entr(mean).sum(axis=1)
    inside = entr(passes).sum(axis=2).mean(axis=0)
    return Uncertainty(mean, entropy, np.maximum(entropy - inside, 0.0))  # not below 0 by rounding


class Sampling(nn.Module):
    """A network in evaluation mode but for its dropout, whatever mode it is told.

    Args:
        network: it shares its layers.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def train(self, mode: bool = True) -> Self:
        """Put the network in evaluation mode, and its dropout in training mode."""
        super().train(False)
        for layer in self.modules():
            if isinstance(layer, _DropoutNd):
                layer.training = True
        return self

    def forward(self, samples: torch.Tensor) -> Any:
        """Return what the network gives."""
        return self.network(samples)


def has_dropout(network: nn.Module) -> bool:
    """Tell whether passes with dropout on would differ.

    Args:
        network: any.

    Example:
        >>> has_dropout(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2))), has_dropout(nn.Dropout(0.0))
        (True, False)
    """
    return any(isinstance(layer, _DropoutNd) and layer.p > 0 for layer in network.modules())


def dropout_outputs(
    network: nn.Module,
    inputs: NDArray[np.uint8] | NDArray[np.float32],
    rows: NDArray[np.int64],
    preprocessing: Preprocessing,
    *,
    device: torch.device,
    passes: int = PASSES,
    seed: int = 0,
    precision: Precision = "float32",
    batch_size: int = BATCH,
) -> NDArray[np.float32]:
    """Return the raw outputs of several passes with dropout on, batch normalization as in evaluation.

    Each pass draws anew which units are silent; network and torch's random numbers stay as they are. For figures, the
    mean and the standard deviation over the passes are the answer and its uncertainty.

    Args:
        network: lies on `device`; it has dropout.
        inputs: all samples, as in `percept.evaluation.predict.outputs`.
        rows: (n,) which samples, in which order.
        preprocessing: that of the model.
        device: where to compute.
        passes: how many, 1 or more; the time is that of as many predictions.
        seed: of what is drawn.
        precision: what to compute in.
        batch_size: samples a forward pass, 1 or more.

    Returns:
        (passes, n, outputs) float32.

    Raises:
        OptionError: the network has no dropout, so that every pass would give the same; or `passes` is below 1.

    Source: notes §2.5.4; Gal & Ghahramani 2016.
    """
    if passes < 1:
        raise OptionError(f"passes is {passes}; expected 1 or more")
    if not has_dropout(network):
        raise OptionError(
            "the network has no dropout, by which alone passes differ; take one that was trained with it, such as mlp"
            " with dropout=0.2"
        )
    modes = [(module, module.training) for module in network.modules()]
    sampling = Sampling(network)
    try:
        with same_random_numbers(device):
            torch.manual_seed(seed)
            made = [
                outputs(
                    *(sampling, inputs, rows, preprocessing), device=device, precision=precision, batch_size=batch_size
                )
                for _ in range(passes)
            ]
    finally:
        for module, training in modes:
            module.training = training
    return np.stack(made)


def dropout_uncertainty(passes: NDArray[np.float32]) -> Uncertainty:
    """Return what several passes of `dropout_outputs` say of classes.

    Args:
        passes: (passes, samples, classes) raw outputs.
    """
    return uncertainty(np.stack([probabilities(each) for each in passes]))
