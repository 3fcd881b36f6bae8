"""What a segmenter learns from, whole pictures or patches: batches, their loss, and the figures after an epoch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.evaluation.regions import region_figures


@dataclass(frozen=True)
class Lessons:
    """Everything that differs between training on pictures and on patches.

    Attributes:
        loss: from outputs and what a batch holds beside its inputs.
        stream: the batches of an epoch by its number: inputs, and the rest.
        steps: batches of a full epoch.
        validate: figures of the validation part by name, "loss" among them.
    """

    loss: Callable[[Any, Any], Tensor]
    stream: Callable[[int], Iterator[tuple[Tensor, Any]]]
    steps: int
    validate: Callable[[nn.Module], dict[str, float]]


def figures_of(confusions: NDArray[np.int64], loss: float, classes: tuple[str, ...]) -> dict[str, float]:
    """Return the figures that an epoch is judged by.

    Args:
        confusions: (pictures, classes, classes) pixels: row the true class, column the predicted one.
        loss: cross-entropy of the known pixels.
        classes: their names.
    """
    found = region_figures(confusions, classes, np.ones((len(confusions), 1)))
    kept = {name: float(np.nan_to_num(found[name][0])) for name in ("mean_iou", "mean_dice", "pixel_accuracy")}
    return {"loss": loss, **kept}
