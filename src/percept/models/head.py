"""A new head on the body of a trained network: fresh scores for other classes, everything else as it was learnt."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from percept.models.arguments import require_counts
from percept.models.parts import Parts, replaced_layers
from percept.nn.initializers import initialize


def with_new_head(network: nn.Module, parts: Parts, classes: int) -> nn.Module:
    """Return a copy of a network that gives scores of other classes, those of auxiliary heads included.

    The layers that are new are drawn from torch's global generator, on the device where the old ones lie. Names and
    shapes are those of the same architecture built for so many classes.

    Args:
        network: stays as it is.
        parts: its parts, from `find_parts`.
        classes: outputs of the new head, 1 for regression.

    Raises:
        OptionError: `classes` is no whole number of at least 1.

    Source: notes §3.4.2, steps 1 and 2.

    Example:
        >>> from percept.models.parts import find_parts
        >>> network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 10))
        >>> with_new_head(network, find_parts(network, (4,)), classes=2)[2]
        Linear(in_features=3, out_features=2, bias=True)
    """
    require_counts("the new head", classes=classes)
    copy = deepcopy(network)
    rectified = any(isinstance(copy.get_submodule(name), nn.ReLU) for name in parts.head.layers)
    for name in replaced_layers(network, parts):
        replace_layer(copy, name, _fresh(copy.get_submodule(name), classes, "relu" if rectified else "identity"))
    return copy


def replace_layer(network: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer in the place of another; the mode of the old one is kept.

    Args:
        network: changed in place.
        name: of the layer in it, with the names of the modules around it.
        layer: the new one.
    """
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, layer.train(network.get_submodule(name).training))


def _fresh(layer: Any, classes: int, activation: str) -> nn.Module:
    made: Any
    if isinstance(layer, _BatchNorm):
        return type(layer)(classes, layer.eps, layer.momentum, layer.affine, layer.track_running_stats).to(
            _place(layer)
        )
    if isinstance(layer, nn.Linear):
        made = nn.Linear(layer.in_features, classes, layer.bias is not None)
    else:
        made = type(layer)(
            *(layer.in_channels, classes, layer.kernel_size, layer.stride, layer.padding, layer.dilation),
            bias=layer.bias is not None,
            padding_mode=layer.padding_mode,
        )
    initialize(made, activation)
    return made.to(layer.weight.device, layer.weight.dtype)  # type: ignore[no-any-return]


def _place(layer: nn.Module) -> torch.device:
    return next((each.device for each in (*layer.parameters(), *layer.buffers())), torch.device("cpu"))
