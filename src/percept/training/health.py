"""Whether signals and gradients keep their size through the depth of a network, and what to try where they do not."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from percept.nn.losses import Loss
from percept.nn.passes import pass_through
from percept.training.signals import LayerHealth, measured, mode

SHRINKS, GROWS = 1 / 100, 100.0
"""A signal or gradient that changes by more than this through the depth is reported."""
DEAD = 0.4
"""Share of a layer's rectifiers that may be silent on a batch: a few are silent by chance."""
SATURATES = 0.5
"""Share of an activation's values that may be saturated."""


@dataclass(frozen=True)
class Health:
    """How a network carries one batch forward and its gradient back.

    Attributes:
        loss: the loss of the batch.
        layers: the layers with weights, in the order of the forward pass.
    """

    loss: float
    layers: tuple[LayerHealth, ...]

    @property
    def hidden(self) -> tuple[LayerHealth, ...]:
        """The layers before the last one, which gives the outputs."""
        return self.layers[:-1]

    @property
    def signal_change(self) -> float:
        """Signal of the last hidden layer over that of the first; nan without hidden layers."""
        return _ratio(self.hidden[-1].signal, self.hidden[0].signal) if self.hidden else math.nan

    @property
    def gradient_change(self) -> float:
        """Gradient at the first layer over that at the last; nan without hidden layers."""
        return _ratio(self.layers[0].gradient, self.layers[-1].gradient) if self.hidden else math.nan

    @property
    def healthy(self) -> bool:
        """Whether nothing is found."""
        return not self.sentences

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is wrong, one sentence each, with numbers and what to try."""
        if not self.layers:
            return ()
        if not self._finite():
            bad = next((each for each in self.layers if not math.isfinite(each.signal)), self.layers[0])
            advice = (
                "try smaller initial weights (He's or Xavier's rule), a smaller learning rate, or clipped gradients"
            )
            return (f"The numbers overflow at layer {bad.name}; {advice}.",)
        silent = self._silent()
        return tuple(filter(None, silent or (self._signal(), self._gradient(), self._dead(), self._saturated())))

    @property
    def summary(self) -> str:
        """One sentence with the figures, whether they are good or not."""
        if not self.hidden:
            return "The network has no hidden layers, through which a signal could fade."
        return (
            f"From the first hidden layer to the last the signal changes {_times(self.signal_change)}, from the last"
            f" layer back to the first the gradient {_times(self.gradient_change)}."
        )

    def table(self) -> str:
        """Return a line for each layer, the input side first."""
        rows = [("layer", "kind", "activation", "signal", "gradient", "weight gradient", "dead", "saturated")]
        for each in self.layers:
            shares = ("-" if math.isnan(share) else f"{share:.0%}" for share in (each.dead, each.saturated))
            learnt = "frozen" if each.frozen else f"{each.weight_gradient:.3g}"
            sizes = (f"{each.signal:.3g}", f"{each.gradient:.3g}", learnt)
            rows.append((each.name, each.kind, each.activation or "-", *sizes, *shares))  # type: ignore[arg-type]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *(self.sentences or (f"Healthy. {self.summary}",))])

    def _finite(self) -> bool:
        sizes = (size for each in self.layers for size in (each.signal, each.gradient, each.weight_gradient))
        return math.isfinite(self.loss) and all(map(math.isfinite, sizes))

    def _silent(self) -> tuple[str, ...]:
        if self.layers[-1].gradient == 0:  # the loss is at its very bottom: there is nothing to learn
            return ()
        idle = [each for each in self.layers if each.weight_gradient == 0 and not each.frozen]
        alike = [each for each in self.hidden if each.alike and not each.frozen]
        if idle and not alike and self._dead():  # the weights are well, but pushed to where nothing gets through
            return (self._dead(),)
        if idle:
            symmetric = ", whose units all have the same weights" if alike else ""
            found = f"No gradient reaches the weights of {_layers(idle)}{symmetric}: they will not learn"
        elif alike:
            found = f"All units of {_layers(alike)} have the same weights and will go on learning the same thing"
        else:
            return ()
        return (f"{found}; draw the weights anew at random, by He's or Xavier's rule.",)

    def _signal(self) -> str:
        change = self.signal_change
        if change < SHRINKS:
            return (
                f"The signal fades: from layer {self.hidden[0].name} to layer {self.hidden[-1].name} it shrinks"
                f" {_fold(1 / change)}, and the outputs hardly depend on the inputs; try {self._rule()}, or batch"
                " normalization."
            )
        if change > GROWS:
            return (
                f"The signal explodes: from layer {self.hidden[0].name} to layer {self.hidden[-1].name} it grows"
                f" {_fold(change)}; try {self._rule()}, or batch normalization."
            )
        return ""

    def _gradient(self) -> str:
        change = self.gradient_change
        first, last = self.layers[0].name, self.layers[-1].name
        if change < SHRINKS:
            return (
                f"The gradient vanishes: from layer {last} back to layer {first} it shrinks {_fold(1 / change)}, and"
                f" the first layers hardly learn; try {self._rule()}, batch normalization, or fewer layers."
            )
        if change > GROWS:
            return (
                f"The gradient explodes: from layer {last} back to layer {first} it grows {_fold(change)}; try"
                f" {self._rule()}, a smaller learning rate, or clipped gradients."
            )
        return ""

    def _rule(self) -> str:
        saturating = any(each.activation in ("Tanh", "Sigmoid") for each in self.hidden)
        if any(each.activation == "Sigmoid" for each in self.hidden):
            return "the activation relu with He's initial weights"
        return "Xavier's initial weights" if saturating else "He's initial weights"

    def _dead(self) -> str:
        worst = [each for each in self.layers if each.dead > DEAD]
        if not worst:
            return ""
        shares = f"{max(each.dead for each in worst):.0%} of the rectifiers of {_layers(worst)}"
        return (
            f"{'Up to ' if len(worst) > 1 else ''}{shares} give 0 for every sample of the batch, so no gradient"
            " reaches their weights (dead ReLUs); try a smaller learning rate, He's initial weights, or the"
            " activation leaky_relu."
        )

    def _saturated(self) -> str:
        worst = [each for each in self.hidden if each.saturated > SATURATES]
        if not worst:
            return ""
        return (
            f"{'Up to ' if len(worst) > 1 else ''}{max(each.saturated for each in worst):.0%} of the values after"
            f" {_layers(worst)} are saturated: the derivative there is below 5 % of its largest, and learning is slow;"
            " try smaller initial weights (Xavier's rule), standardized inputs, or the activation relu."
        )


def health(
    network: nn.Module, inputs: Tensor | ArrayLike, targets: Tensor | ArrayLike, loss: Loss, *, training: bool = True
) -> Health:
    """Measure how a network carries one batch forward and its gradient back; the network stays as it is.

    Args:
        network: any torch network of one input.
        inputs: (samples, ...) a batch, best of 64 samples or more.
        targets: (samples, ...) what the loss compares with.
        loss: from outputs and targets to a scalar.
        training: whether to measure in training mode, with batch statistics; dropout is left out either way.

    Source: notes §2.2.3 and §2.3.5; Glorot & Bengio 2010; He et al. 2015.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> found = health(network, torch.randn(8, 2), torch.zeros(8, 1), nn.functional.mse_loss)
        >>> [layer.activation for layer in found.layers]
        ['ReLU', '']
    """
    batch, wanted = (
        torch.as_tensor(each if isinstance(each, Tensor) else np.asarray(each)) for each in (inputs, targets)
    )
    with mode(network, training=training):
        done = pass_through(network, batch, wanted, loss)
    return Health(float(done.loss.detach()), tuple(measured(done, len(batch))))


def _ratio(value: float, base: float) -> float:
    return value / base if base else math.nan


def _fold(ratio: float) -> str:
    return f"{ratio:,.0f}-fold" if ratio < 1e6 else f"{ratio:.0e}-fold".replace("e+", "e")


def factor(ratio: float) -> str:
    """Return a ratio in words that need no powers of ten where it is neither huge nor tiny.

    Example:
        >>> factor(181.2), factor(0.0123), factor(3.2e-9)
        ('180', '0.012', '3e-9')
    """
    if 0.001 <= abs(ratio) < 1e6:
        return f"{float(f'{ratio:.2g}'):,g}"
    return f"{ratio:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e") if ratio else "0"


def _times(ratio: float) -> str:
    return "by nothing that can be told" if math.isnan(ratio) else f"by a factor of {factor(ratio)}"


def _layers(layers: list[LayerHealth]) -> str:
    if len(layers) == 1:
        return f"layer {layers[0].name}"
    return f"{len(layers)} layers ({layers[0].name} to {layers[-1].name})"
