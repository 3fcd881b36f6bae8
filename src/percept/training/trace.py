"""The trace of a perceptron: every update, so that a training run can be followed number for number."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Trace:
    """Every update of a perceptron, in the order made; arrays of one length.

    Args:
        neuron: which neuron learnt: 0 with two classes, else the number of its class.
        epoch: 1, 2, ...
        sample: row of the sample that was answered wrongly.
        score: its w·x + w0 before the update.
        target: -1 or 1.
        weights: (updates, features + 1) after the update, w0 first.

    Source: notes §1.3.3.
    """

    neuron: Whole
    epoch: Whole
    sample: Whole
    score: NDArray[np.float64]
    target: NDArray[np.float64]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sample)

    def table(self) -> str:
        """Return the trace as text, a line for each update."""
        lines = ["neuron epoch sample   score target  weights (w0 first)"]
        for row in range(len(self)):
            weights = " ".join(f"{weight:g}" for weight in self.weights[row])
            counts = f"{self.neuron[row]:6d} {self.epoch[row]:5d} {self.sample[row]:6d}"
            lines.append(f"{counts} {self.score[row]:7.4g} {self.target[row]:6g}  {weights}")
        return "\n".join(lines)


def joined(traces: Sequence[Trace]) -> Trace:
    """Return the traces of several neurons as one, numbered in the order given."""
    numbered = [replace(trace, neuron=np.full(len(trace), number)) for number, trace in enumerate(traces)]
    names = ("neuron", "epoch", "sample", "score", "target", "weights")
    return Trace(**{name: np.concatenate([getattr(trace, name) for trace in numbered]) for name in names})
