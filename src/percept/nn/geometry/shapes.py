"""The shapes that common layers and functions give, without torch's own way to them.

That takes up to a millisecond a step, and loads torch's compiler for some of them, which takes seconds. What is not
told here, and what would be refused, is left to torch.
"""

import operator
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn

ELEMENTWISE: tuple[type[nn.Module], ...] = (
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Softplus, nn.Softsign, nn.Softshrink, nn.Hardshrink, nn.Tanhshrink, nn.Threshold, nn.LogSigmoid),
    *(nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Dropout, nn.Dropout1d, nn.Dropout2d),
    *(nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d),
    *(nn.SyncBatchNorm, nn.LocalResponseNorm),
)
"""Layers that in evaluation work value by value, or across channels: what they give has the shape of what they take."""
HANDED_ON = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
"""Of these, the layers that in evaluation hand on what they take."""
VALUE_BY_VALUE = (operator.add, operator.mul, operator.iadd, operator.imul, torch.add, torch.mul)
"""Functions of two tensors, the smaller of which is repeated to the size of the other."""


def run_layer(layer: nn.Module, args: Any, kwargs: Any) -> Any:
    """Return what a layer in evaluation mode gives on the meta device."""
    shape = shape_of_layer(layer, args[0].shape) if len(args) == 1 and isinstance(args[0], Tensor) else None
    if shape is None:
        return layer.forward(*args, **kwargs)
    handed_on = isinstance(layer, HANDED_ON) or getattr(layer, "inplace", False)
    return args[0] if handed_on else args[0].new_empty(shape)


def shape_of_layer(layer: nn.Module, taken: Sequence[int]) -> Sequence[int] | None:
    """Return the shape of what a common layer gives; None for others, and for what it cannot take.

    Args:
        layer: in evaluation mode.
        taken: shape of what it takes.

    Example:
        >>> shape_of_layer(nn.Conv2d(3, 8, 3, stride=2), (1, 3, 9, 9)), shape_of_layer(nn.Linear(2, 3), (1, 1))
        ((1, 8, 4, 4), None)
    """
    if type(layer) in ELEMENTWISE:
        return taken
    if type(layer) is nn.Linear and tuple(taken[-1:]) == (layer.in_features,):
        return *taken[:-1], layer.out_features
    if type(layer) is nn.AdaptiveAvgPool2d and layer.output_size in (1, (1, 1)) and len(taken) == 4:
        return *taken[:2], 1, 1
    if type(layer) is nn.Conv2d and not isinstance(layer.padding, str) and len(taken) == 4:
        made = tuple(
            (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for side, kernel, stride, padding, dilation in zip(
                *(taken[2:], layer.kernel_size, layer.stride, layer.padding, layer.dilation), strict=True
            )
        )
        if taken[1] == layer.in_channels and layer.padding_mode == "zeros" and min(made) > 0:
            return taken[0], layer.out_channels, *made
    return None


def shape_of_call(target: Any, args: Any, kwargs: Any) -> Sequence[int] | None:
    """Return the shape of what a common function gives; None for others, and for what it cannot take."""
    if target in VALUE_BY_VALUE and len(args) == 2 and all(isinstance(each, Tensor) for each in args) and not kwargs:
        sides = list(zip_longest(*(reversed(each.shape) for each in args), fillvalue=1))
        if all(one == other or 1 in (one, other) for one, other in sides):
            return tuple(other if one == 1 else one for one, other in reversed(sides))
    if target is torch.cat and len(args) == 1 and set(kwargs) <= {"dim"} and all(each.ndim == 4 for each in args[0]):
        dim = kwargs.get("dim", 0) % 4
        sides = [tuple(each.shape) for each in args[0]]
        if all(each[:dim] + each[dim + 1 :] == sides[0][:dim] + sides[0][dim + 1 :] for each in sides):
            return *sides[0][:dim], sum(each[dim] for each in sides), *sides[0][dim + 1 :]
    return None
