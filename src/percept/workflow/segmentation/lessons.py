"""What a segmenter learns from, whole pictures or patches: batches, their loss, and the figures after an epoch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


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
