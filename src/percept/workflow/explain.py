"""Backpropagation made visible: values, local derivatives and gradients of one batch, layer by layer."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from percept.errors import OptionError
from percept.nn.finite_differences import Check, check_gradients
from percept.nn.losses import Loss
from percept.nn.passes import BatchPass, LayerPass, pass_through
from percept.report.drawing import BLUE, GREEN, ORANGE

ELEMENTWISE = (
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Hardswish),
    *(nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid, nn.Dropout),
)
"""Layers whose every output depends on one input: their local derivative is one number an output."""
LARGEST_JACOBIAN = 256
"""Outputs of a sample up to which the matrix of local derivatives is worked out."""
AGREES = 1e-4
"""Relative difference up to which a gradient agrees with the slope of the loss."""


@dataclass(frozen=True)
class ExplainedLayer:
    """One call of a layer; every tensor is float64 on the CPU.

    Attributes:
        name: the layer's name in the network.
        kind: its class, such as "Linear".
        value: (samples, ...) what it gives.
        local: its local derivative, output by input: of the shape of `value` for a layer that works number by number
            (the derivative of its activation function), else the (outputs, inputs) matrix of the first sample, which
            is the weight matrix of a linear layer; None where that would be too large, or the input is no number.
        gradient: of the shape of `value`: the derivative of the loss by `value`.
        parameters: the derivative of the loss by each parameter of the layer, by name, summed over its calls.
        checks: entries of these gradients beside the slope of the loss.
    """

    name: str
    kind: str
    value: Tensor
    local: Tensor | None
    gradient: Tensor
    parameters: dict[str, Tensor]
    checks: tuple[Check, ...]

    @property
    def error(self) -> float:
        """The largest relative difference between a gradient and the slope of the loss."""
        return max((check.error for check in self.checks), default=0.0)


@dataclass(frozen=True)
class Explanation:
    """One batch through a network and back.

    Attributes:
        loss: the loss of the batch.
        layers: every call of a layer, in the order of the forward pass.
    """

    loss: float
    layers: tuple[ExplainedLayer, ...]

    @property
    def agrees(self) -> bool:
        """Whether every checked gradient is the slope of the loss."""
        return all(layer.error <= AGREES for layer in self.layers)

    def table(self) -> str:
        """Return a line for each layer: root mean squares, and how far its gradients are from the loss's slopes."""
        head = ("layer", "kind", "shape", "value", "local derivative", "gradient", "of its parameters", "error")
        rows = [head, *(_row(layer) for layer in self.layers)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        checks = {(check.name, check.entry): check for layer in self.layers for check in layer.checks}
        wrong = sum(check.error > AGREES for check in checks.values())
        verdict = (
            f"{wrong} of {len(checks)} checked gradients DIFFER from"
            if wrong
            else f"{len(checks)} checked gradients agree with"
        )
        end = f"loss {self.loss:.6g}; {verdict} the slope of the loss (finite differences)"
        return "\n".join([*(line.rstrip() for line in lines), end])

    def figure(self) -> Figure:
        """Return a figure of values, local derivatives and gradients through the depth; save it as SVG or PNG."""
        figure = Figure(figsize=(7.5, 1.5 + 0.3 * len(self.layers)), layout="constrained")
        shared = figure.subplots(1, 3, sharey=True)
        places = range(len(self.layers))
        parts: list[tuple[str, str, Callable[[ExplainedLayer], Tensor | None]]] = [
            ("value", BLUE, lambda layer: layer.value),
            ("local derivative", GREEN, lambda layer: layer.local),
            ("gradient of the loss", ORANGE, lambda layer: layer.gradient),
        ]
        for axes, (title, color, part) in zip(shared, parts, strict=True):
            sizes = [_size(part(layer)) for layer in self.layers]
            axes.plot(sizes, places, "o-", color=color)
            positive = [size for size in sizes if size > 0]
            if positive and max(positive) > 30 * min(positive):
                axes.set_xscale("log")
            axes.set_title(title, loc="left", fontsize=10)
            axes.set_xlabel("root mean square")
            axes.grid(visible=True, color="#dfe4ea")
        labels = [f"{layer.name} {layer.kind}" for layer in self.layers]
        shared[0].set_yticks(places, labels, parse_math=False)
        shared[0].invert_yaxis()  # the input above, the output below
        return figure


def explain(
    network: nn.Module, inputs: Tensor | ArrayLike, targets: Tensor | ArrayLike, *, loss: Loss | str | None = None
) -> Explanation:
    """Run one batch forward and backward, and show what each layer did, checked against finite differences.

    The network is left as it is; a copy in float64 does the work, in the mode (training or evaluation) it is in.

    Args:
        network: any torch network of one input; a layer is a module that holds no other.
        inputs: (samples, ...) what goes in.
        targets: (samples, ...) what the loss compares the outputs with.
        loss: from outputs and targets to a scalar; or "squared_error" (the sum, as in the notes) or "cross_entropy"
            (of scores, the mean). By default cross-entropy for whole-number targets, else squared error.

    Returns:
        A record with `layers`, a `table()` and a `figure()`.

    Raises:
        OptionError: the loss is unknown or gives no scalar, or samples and targets differ in number.

    Source: notes §2.3.3; Rumelhart, Hinton & Williams 1986.

    Example:
        >>> layer = nn.Linear(1, 1, bias=False)
        >>> _ = nn.init.constant_(layer.weight, 3.0)
        >>> print(explain(layer, [[2.0]], [[5.0]]).layers[0].parameters["weight"].item())  # -2 (5 - 3 * 2) * 2
        4.0
    """
    batch, wanted = _float64(inputs), _float64(targets)
    device = next((each.device for each in network.parameters()), batch.device)
    batch, wanted = batch.to(device), wanted.to(device)
    if not batch.ndim or not wanted.ndim or len(batch) != len(wanted) or not len(batch):
        raise OptionError(
            f"inputs are of shape {tuple(batch.shape)} and targets of shape {tuple(wanted.shape)};"
            " expected the same number of samples, at least 1"
        )
    measure = _one_number(_loss(loss, wanted))
    done = pass_through(deepcopy(network).double(), batch, wanted, measure)
    local = [_local_derivative(layer) for layer in done.layers]  # before the checks, which move the weights
    checks = check_gradients(done, batch, wanted, measure)
    layers = tuple(_explained(done, *each, checks) for each in zip(done.layers, local, strict=True))
    return Explanation(float(done.loss.detach()), layers)


def _float64(values: Tensor | ArrayLike) -> Tensor:
    tensor = values.detach() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    return tensor.double() if tensor.is_floating_point() else tensor


def _sum_of_squares(outputs: Tensor, targets: Tensor) -> Tensor:
    return (targets.reshape(outputs.shape) - outputs).square().sum()


def _one_number(loss: Loss) -> Loss:
    def checked(outputs: Tensor, targets: Tensor) -> Tensor:
        value = loss(outputs, targets)
        if value.numel() != 1:
            raise OptionError(f"loss gives a tensor of shape {tuple(value.shape)}; expected one number: take its mean")
        return value.squeeze()

    return checked


def _loss(loss: Loss | str | None, targets: Tensor) -> Loss:
    if loss is None:
        loss = "squared_error" if targets.is_floating_point() else "cross_entropy"
    if isinstance(loss, nn.Module):
        return cast(Loss, deepcopy(loss).to(targets.device).double())  # weights of classes in the same precision
    if isinstance(loss, str):
        named: dict[str, Loss] = {"squared_error": _sum_of_squares, "cross_entropy": functional.cross_entropy}
        if loss not in named:
            raise OptionError(f"loss is {loss!r}; expected squared_error, cross_entropy or a function")
        return named[loss]
    return loss


def _explained(done: BatchPass, layer: LayerPass, local: Tensor | None, checks: list[Check]) -> ExplainedLayer:
    names = {id(parameter): name for name, parameter in done.network.named_parameters()}
    own = {name: names[id(parameter)] for name, parameter in layer.layer.named_parameters() if id(parameter) in names}
    gradients = {name: _kept(done.gradients[full]) for name, full in own.items() if full in done.gradients}
    about = {layer.name, *own.values()}
    return ExplainedLayer(
        name=layer.name,
        kind=type(layer.layer).__name__,
        value=_kept(layer.value),
        local=None if local is None else _kept(local),
        gradient=_kept(layer.gradient),
        parameters=gradients,
        checks=tuple(check for check in checks if check.name in about),
    )


def _kept(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu()


def _local_derivative(layer: LayerPass) -> Tensor | None:
    if layer.inputs is None or not layer.inputs.requires_grad:
        return None
    if isinstance(layer.layer, nn.Linear):
        return layer.layer.weight.detach().clone()
    if isinstance(layer.layer, ELEMENTWISE):
        return torch.autograd.grad(layer.value.sum(), layer.inputs, retain_graph=True)[0]
    outputs = layer.value[0].flatten()
    if len(outputs) > LARGEST_JACOBIAN:
        return None
    rows: list[Any] = [torch.autograd.grad(output, layer.inputs, retain_graph=True)[0][0] for output in outputs]
    return torch.stack([row.flatten() for row in rows])


def _size(tensor: Tensor | None) -> float:
    return float("nan") if tensor is None else float(tensor.square().mean().sqrt())


def _row(layer: ExplainedLayer) -> tuple[str, ...]:
    parameters = ", ".join(f"{name} {_size(gradient):.3g}" for name, gradient in layer.parameters.items())
    shape = "x".join(str(side) for side in layer.value.shape)
    local = "-" if layer.local is None else f"{_size(layer.local):.3g}"
    sizes = (f"{_size(layer.value):.3g}", local, f"{_size(layer.gradient):.3g}")
    return layer.name, layer.kind, shape, *sizes, parameters or "-", f"{layer.error:.0e}" if layer.error else "0"
