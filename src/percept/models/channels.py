"""A trained network for pictures of another number of channels: grey where it saw color, color where it saw grey."""

from dataclasses import replace

import torch
from torch import fx, nn

from percept.errors import OptionError
from percept.models.head import replace_layer
from percept.models.pictures import Pictures
from percept.nn.geometry.trace import kind_of, layer_of, name_of, trace

PASS_ON = ("Identity", "Dropout", "Dropout2d", "MaxPool2d", "AvgPool2d", "ZeroPad2d", "ReflectionPad2d", "pad", "to")
"""Steps between the picture and its first filters that treat every channel alike."""


def adapt_channels(network: nn.Module, shape: tuple[int, int, int], channels: int) -> str:
    """Change the first filters of a network so that it takes pictures of another number of channels.

    From three channels to one the filters are summed, from one to three each is repeated and divided by three: on grey
    pictures, their channel repeated three times, the new network and the old one give the same.

    Args:
        network: changed in place.
        shape: of one sample that it takes now: (channels, height, width).
        channels: that it is to take.

    Returns:
        What was done, for the user; "" where nothing had to be.

    Raises:
        OptionError: neither number is 1, or what takes the channels in is no convolution of all of them.

    Source: notes §3.4.2; Wightman's timm sums the filters as well.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 2))
        >>> adapt_channels(network, (3, 3, 3), channels=1)
        'the filters of layer 0 were summed over the 3 channels that the body was trained on, for 1 channel in the data'
    """
    known = shape[0]
    if channels == known:
        return ""
    if 1 not in (known, channels):
        raise OptionError(
            f"the body was trained on {known} channels, the data have {channels}; expected as many, or 1 on either side"
        )
    found = _first_convolutions(network, shape)
    for name, layer in found.items():
        replace_layer(network, name, _adapted(layer, channels))
    for key, hook in network._forward_pre_hooks.items():
        if isinstance(hook, Pictures):
            network._forward_pre_hooks[key] = replace(hook, channels=channels)
    where = f"the filters of layer{'s' if len(found) > 1 else ''} {' and '.join(found)}"
    if channels == 1:
        return f"{where} were summed over the {known} channels that the body was trained on, for 1 channel in the data"
    return f"{where} were repeated for the {channels} channels of the data and divided by {channels}: the body saw 1"


def _first_convolutions(network: nn.Module, shape: tuple[int, int, int]) -> dict[str, nn.Conv2d]:
    traced = trace(network, shape)
    waiting: list[fx.Node] = list(traced.input.users)
    found: dict[str, nn.Conv2d] = {}
    while waiting:
        node = waiting.pop(0)
        layer = layer_of(node)
        if isinstance(layer, nn.Conv2d) and layer.groups == 1:
            found[name_of(node)] = layer
        elif kind_of(node) in PASS_ON:
            waiting += node.users
        else:
            raise OptionError(
                f"{name_of(node)} ({kind_of(node)}) takes in the {shape[0]} channels that the body was trained on;"
                " expected a convolution, which can be adapted: give pictures of as many channels"
            )
    return found


def _adapted(layer: nn.Conv2d, channels: int) -> nn.Conv2d:
    filters = layer.weight.detach()
    filters = filters.sum(dim=1, keepdim=True) if channels == 1 else filters.repeat(1, channels, 1, 1) / channels
    with torch.device(filters.device), torch.random.fork_rng(devices=[]):  # the drawn weights are replaced
        new = nn.Conv2d(
            *(channels, layer.out_channels, layer.kernel_size),  # type: ignore[arg-type]
            stride=layer.stride,  # type: ignore[arg-type]
            padding=layer.padding,  # type: ignore[arg-type]
            dilation=layer.dilation,  # type: ignore[arg-type]
            bias=layer.bias is not None,
            padding_mode=layer.padding_mode,
        )
    new.weight = nn.Parameter(filters.clone(), layer.weight.requires_grad)
    new.bias = layer.bias
    return new
