"""Layers of oneDNN for CPUs: weights packed once for its instructions, and what follows done in the same step."""

from typing import Any

import torch
from torch import Tensor, nn

OPERATIONS = "_reorder_convolution_weight", "_convolution_pointwise", "_reorder_linear_weight", "_linear_pointwise"
PACKS: bool = torch.backends.mkldnn.is_available() and all(  # type: ignore[no-untyped-call]
    hasattr(torch.ops.mkldnn, name) for name in OPERATIONS
)  # whether oneDNN is part of torch here

Step = tuple[str, list[float], str]  # oneDNN's word for an activation, its numbers, its way of computing
NOTHING: Step = "none", [], ""
RELU: Step = "relu", [], ""
STEPS: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.SiLU: "swish",
    nn.Sigmoid: "sigmoid",
    nn.Hardswish: "hardswish",
    nn.Hardsigmoid: "hardsigmoid",
}


def step_of(activation: nn.Module) -> Step | None:
    """Return an activation as a layer here takes it along; None where it does not.

    Args:
        activation: any layer; tanh is not among the known ones, for oneDNN takes longer for it than torch.
    """
    if isinstance(activation, nn.Hardtanh):  # ReLU6 is one
        return "hardtanh", [activation.min_val, activation.max_val], ""
    if isinstance(activation, nn.LeakyReLU):
        return "leaky_relu", [activation.negative_slope], ""
    if isinstance(activation, nn.GELU) and activation.approximate == "none":
        return "gelu", [], "none"
    word = STEPS.get(type(activation))
    return None if word is None else (word, [], "")


def can_be_packed(layer: nn.Module, taken: tuple[int, ...]) -> bool:
    """Return whether a layer, and what it takes, are of the kinds that are packed here.

    Args:
        layer: any layer.
        taken: shape of its input.
    """
    if type(layer) is nn.Conv2d:
        return len(taken) == 4 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return type(layer) is nn.Linear and len(taken) == 2


class PackedConvolution(nn.Module):
    """A convolution, what may be added to it, and an activation, in one step.

    Args:
        convolution: one that `can_be_packed`.
        taken: shape of what it takes; it is fastest at a batch of that size.
        step: the activation; behind a sum oneDNN's operation knows `RELU` alone.
    """

    def __init__(self, convolution: nn.Conv2d, taken: tuple[int, ...], step: Step) -> None:
        super().__init__()
        self.sizes = convolution.padding, convolution.stride, convolution.dilation, convolution.groups
        self.bias, self.step = convolution.bias, step
        self.packed: Any = torch.ops.mkldnn._reorder_convolution_weight(convolution.weight, *self.sizes, list(taken))

    def forward(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        """Return the activation of (samples, channels, height, width), to which something of that shape was added."""
        layer = self.packed, self.bias, *self.sizes
        if added is None:
            made: Tensor = torch.ops.mkldnn._convolution_pointwise(features, *layer, *self.step)
        else:
            word = None if self.step == NOTHING else self.step[0]
            both, plain = (features, added), torch.ops.mkldnn._convolution_pointwise
            try:
                made = plain.binary(*both, *layer, "add", None, word, *self.step[1:])
            except RuntimeError:  # some builds refuse a sum for maps of one pixel (torch 2.11 on AVX-512)
                made = plain(features, *layer, *NOTHING).add_(added)
                made = made if self.step == NOTHING else made.relu_()
        return made


class PackedLinear(nn.Module):
    """A linear layer and an activation in one step.

    Args:
        linear: one that `can_be_packed`.
        taken: shape of what it takes; it is fastest at a batch of that size.
        step: the activation.
    """

    def __init__(self, linear: nn.Linear, taken: tuple[int, ...], step: Step) -> None:
        super().__init__()
        self.bias, self.step = linear.bias, step
        self.packed: Any = torch.ops.mkldnn._reorder_linear_weight(linear.weight, taken[0])

    def forward(self, features: Tensor) -> Tensor:
        """Return the activation of (samples, units)."""
        made: Tensor = torch.ops.mkldnn._linear_pointwise(features, self.packed, self.bias, *self.step)
        return made
