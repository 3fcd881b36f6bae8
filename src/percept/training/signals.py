"""How strong signal and gradient are at each layer of one batch's pass, and what the activations let through."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from percept.nn.passes import BatchPass, LayerPass

RECTIFIERS = (nn.ReLU, nn.ReLU6)
# What an activation gives where its derivative falls below 5 % of its largest value: it is saturated there.
SATURATED: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.Sigmoid: lambda value: value * (1 - value) < 0.05 * 0.25,
    nn.Tanh: lambda value: 1 - value.square() < 0.05,
    nn.ELU: lambda value: value < -0.95,
}


@dataclass(frozen=True)
class LayerHealth:
    """A layer with weights, and the activation that follows it.

    Attributes:
        name: the layer's name in the network.
        kind: its class, such as "Linear".
        activation: class of the activation that follows it; "" for none.
        signal: root mean square of its output, before the activation.
        gradient: root mean square, over the samples, of the norm of the loss's gradient by that output. A rule that
            keeps the variance keeps this norm through layers of any width, stride or filter size.
        weight_gradient: norm of the gradient by its weights; 0 where they are frozen.
        frozen: whether its weights are kept as they are.
        dead: share of its rectifiers that give 0 for the whole batch; nan without rectifiers.
        saturated: share of its activation's values where the derivative is below 5 % of its largest; nan where the
            activation does not saturate.
        alike: whether its units all have the same weights and so learn the same thing.
    """

    name: str
    kind: str
    activation: str
    signal: float
    gradient: float
    weight_gradient: float
    frozen: bool
    dead: float
    saturated: float
    alike: bool


@contextmanager
def mode(network: nn.Module, *, training: bool) -> Iterator[None]:
    """Hold a network in training or evaluation mode, its dropout off; then put every module back as it was.

    Args:
        network: changed in place for as long as the context lasts.
        training: which mode.
    """
    before = [(module, module.training) for module in network.modules()]
    network.train(training)
    for module in network.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()
    try:
        yield
    finally:
        for module, was_training in before:
            module.training = was_training


def measured(done: BatchPass, samples: int) -> list[LayerHealth]:
    """Return the health of every layer with weights, in the order of the forward pass.

    Args:
        done: the pass.
        samples: size of its batch.
    """
    starts = [number for number, each in enumerate(done.layers) if _weight(each) is not None]
    if not starts:
        return []
    names = {id(parameter): name for name, parameter in done.network.named_parameters()}
    found = []
    for start, end in zip(starts, [*starts[1:], len(done.layers)], strict=True):
        each, weight = done.layers[start], _weight(done.layers[start])
        activation = next((after for after in done.layers[start + 1 : end] if _acts(after)), None)
        kind, rectified = _activation(each, activation, done.layers[end] if end < len(done.layers) else None)
        gradient = done.gradients.get(names[id(weight)])
        found.append(
            LayerHealth(
                name=each.name,
                kind=type(each.layer).__name__,
                activation=kind,
                signal=_norm(each.value) / math.sqrt(each.value.numel()),
                # the loss is a mean over the samples: their number undoes its division, a root of it is the rms
                gradient=_norm(each.gradient) * math.sqrt(samples),
                weight_gradient=0.0 if gradient is None else _norm(gradient),
                frozen=weight is not None and not weight.requires_grad,
                dead=_dead_share(rectified, each),
                saturated=_saturated_share(activation),
                alike=_alike(weight),
            )
        )
    return found


def _activation(layer: LayerPass, after: LayerPass | None, following: LayerPass | None) -> tuple[str, Tensor | None]:
    """Return the name of the activation after a layer, and its values if it is a rectifier."""
    if after is not None:
        return type(after.layer).__name__, after.value if isinstance(after.layer, RECTIFIERS) else None
    if following is not None and _rectified(layer, following.inputs):
        return "relu", following.inputs
    return "", None


def _weight(layer: LayerPass) -> nn.Parameter | None:
    """Return the weights of a layer that mixes its inputs, of several the most; norms and activations have none."""
    if isinstance(layer.layer, (nn.Embedding, nn.LayerNorm, nn.RMSNorm)):
        return None
    matrices = [parameter for parameter in layer.layer.parameters() if parameter.ndim >= 2]
    return max(matrices, key=nn.Parameter.numel, default=None)


def _acts(layer: LayerPass) -> bool:
    return type(layer.layer).__module__ == "torch.nn.modules.activation"


def _rectified(layer: LayerPass, taken: Tensor | None) -> bool:
    """Tell a rectifier that is called as a function, and so is no layer, by what the next layer takes in."""
    value = layer.value.detach()
    return taken is not None and taken.shape == value.shape and torch.equal(taken.detach(), value.clamp(min=0))


def _dead_share(value: Tensor | None, before: LayerPass) -> float:
    if value is None:
        return math.nan
    units = value.ndim - 1 if isinstance(before.layer, nn.Linear) else 1  # the dimension that counts units
    silent = (value.detach() == 0).transpose(0, units).flatten(1).all(dim=1)
    return float(silent.float().mean())


def _saturated_share(activation: LayerPass | None) -> float:
    if activation is None:
        return math.nan
    rule = SATURATED.get(type(activation.layer))
    return math.nan if rule is None else float(rule(activation.value.detach()).float().mean())


def _alike(weight: Tensor | None) -> bool:
    return weight is not None and len(weight) > 1 and bool((weight == weight[:1]).all())


def _norm(tensor: Tensor) -> float:
    values = tensor.detach().float()
    largest = float(values.abs().max())
    if not 0 < largest < math.inf:
        return largest
    return largest * float((values / largest).norm())  # squares of the values themselves may leave float32's range
