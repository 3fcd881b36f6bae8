"""From a network and its inputs to predictions: raw outputs, class probabilities, figures in the target's unit."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn

from percept.devices import Precision, full_float32

BATCH = 256  # samples of a forward pass


class Preprocessing(Protocol):
    """What turns stored samples into the network's input: the preprocessing of pictures or that of tables."""

    def tensor(self, samples: NDArray[Any], device: torch.device, /) -> Tensor:
        """Return the network's input for these samples, on that device."""


def outputs(
    network: nn.Module,
    inputs: NDArray[np.uint8] | NDArray[np.float32],
    rows: NDArray[np.int64],
    preprocessing: Preprocessing,
    *,
    device: torch.device,
    precision: Precision = "float32",
    batch_size: int = BATCH,
) -> NDArray[np.float32]:
    """Return the network's raw outputs for some samples; the network is left in the mode it was in.

    Args:
        network: lies on `device`.
        inputs: all samples, possibly memory-mapped: (samples, height, width, channels) uint8 pictures or
            (samples, features) float32 rows; only one batch of `rows` is in memory at a time.
        rows: (n,) which samples, in which order.
        preprocessing: that of the model; it gives pictures in channels-last memory.
        device: where to compute.
        precision: bfloat16 computes under autocast; the result is float32 all the same.
        batch_size: samples a forward pass, 1 or more.

    Returns:
        (n, outputs) float32 in the order of `rows`: logits for classes, scaled figures for regression.
    """
    batches = []
    with evaluating(network), torch.inference_mode():
        for start in range(0, max(len(rows), 1), batch_size):  # no rows: one empty batch tells how many outputs
            batch = preprocessing.tensor(inputs[rows[start : start + batch_size]], device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
                batches.append(network(batch).float())  # stays on the device: no waiting between batches
        return torch.cat(batches).cpu().numpy().astype(np.float32, copy=False)


def probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probability of each class: the softmax of the outputs.

    Args:
        outputs: (samples, classes) logits.

    Returns:
        (samples, classes) float64; each row sums to 1.

    Source: notes §2.2.1.

    Example:
        >>> probabilities(np.array([[0, 0, 0, 0]], np.float32)).tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """
    return np.asarray(softmax(outputs.astype(np.float64), axis=1))


def values(outputs: NDArray[np.float32], target_scale: tuple[float, float]) -> NDArray[np.float64]:
    """Return regression outputs in the target's own unit.

    Args:
        outputs: (samples, 1) in standard deviations from the mean of the training targets.
        target_scale: that mean and that standard deviation.

    Returns:
        (samples,) float64.

    Example:
        >>> values(np.array([[-1], [0.5]], np.float32), (10, 4)).tolist()
        [6.0, 12.0]
    """
    mean, std = target_scale
    return outputs[:, 0].astype(np.float64) * std + mean


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put the network in evaluation mode, in full float32, and each module back in its own mode afterwards.

    Some modules may be frozen, in evaluation mode while others are trained.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with full_float32():
            yield
    finally:
        for module, training in modes:
            module.training = training
