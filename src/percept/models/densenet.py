"""DenseNet: every layer of a block sees the maps of all layers before it.

    stage                     224x224x3    densenet121  densenet169  densenet201
    convolution 7x7/2, 64     112x112
    max pooling 3x3/2         56x56
    1: dense layers           56x56                  6            6            6
    transition, /2            28x28
    2: dense layers           28x28                 12           12           12
    transition, /2            14x14
    3: dense layers           14x14                 24           32           48
    transition, /2            7x7
    4: dense layers           7x7                   16           32           32
    average of each map
    dense                     1000

Each layer appends 32 channels; a transition halves the channels. Claimed: 25.0, 23.8 and 22.6 % top-1 error on
ImageNet with a third of the weights of residual networks as good. densenet_bc_100_12, for CIFAR: a 3x3 convolution of
24 channels, three blocks of 16 layers that append 12 channels each; 4.51 % error on CIFAR-10 (augmented) with 0.8
million weights, as good as a residual network of 1001 layers with 10 million.
"""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from percept.models.arguments import require_choice, require_counts
from percept.models.pictures import takes
from percept.nn.activations import activation_layer
from percept.nn.blocks import ConvNormAct, dense_block, scores_layer, transition
from percept.nn.initializers import initialize


@dataclass(frozen=True)
class Form:
    """A column of the table.

    Attributes:
        layers: of each dense block.
        growth: channels that a layer appends.
        large: whether the stem is that for large pictures, which reduces them four times.
    """

    layers: tuple[int, ...]
    growth: int = 32
    large: bool = True

    @property
    def smallest_side(self) -> int:
        """Return the smallest side of a picture that every transition can halve, pixels."""
        needed: int = 2 ** (len(self.layers) - 1)
        return 4 * (needed - 1) + 1 if self.large else needed  # the stem rounds up, the transitions down


FORMS = {
    "densenet121": Form((6, 12, 24, 16)),
    "densenet169": Form((6, 12, 32, 32)),
    "densenet201": Form((6, 12, 48, 32)),
    "densenet_bc_100_12": Form((16, 16, 16), growth=12, large=False),
}


def densenet(form: str, /, *, classes: int = 1000, channels: int = 3) -> nn.Module:
    """Return a densely connected network for pictures of any size its transitions can halve.

    Args:
        form: a key of `FORMS`.
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.7; Huang, Liu, van der Maaten & Weinberger 2017, table 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     sum(weights.numel() for weights in densenet("densenet121").parameters())
        7978856
    """
    require_choice("densenet", FORMS, form=form)
    return _network(form, classes, channels)


def densenet_bc_100_12(*, classes: int = 10, channels: int = 3) -> nn.Module:
    """Return DenseNet-BC of 100 layers and growth 12, for small pictures of any size from 4x4 on.

    Args:
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.7; Huang, Liu, van der Maaten & Weinberger 2017, table 2.

    Example:
        >>> sum(weights.numel() for weights in densenet_bc_100_12().parameters())
        769162
    """
    return _network("densenet_bc_100_12", classes, channels)


def _network(form: str, classes: int, channels: int) -> nn.Module:
    require_counts(form, classes=classes, channels=channels)
    table = FORMS[form]
    width = 2 * table.growth
    stages: dict[str, nn.Module] = {"stem": _stem(channels, width, table.large)}
    for number, layers in enumerate(table.layers, start=1):
        stages[f"stage{number}"] = dense_block(width, table.growth, layers=layers)
        width += layers * table.growth
        if number < len(table.layers):
            stages[f"transition{number}"] = transition(width, width // 2)
            width //= 2
    network = nn.Sequential(
        OrderedDict(
            **stages,  # densenet121 on one picture of 224x224: 64x56x56, 256x56x56, 512x28x28, 1024x14x14, 1024x7x7
            norm=nn.BatchNorm2d(width),
            activation=activation_layer("relu", in_place=True),
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),  # 1024
            scores=scores_layer(width, classes),  # classes
        )
    )
    sides = (table.smallest_side, None)
    return takes(network, form, channels=channels, heights=sides, widths=sides)


def _stem(channels: int, width: int, large: bool) -> nn.Module:
    if large:
        return nn.Sequential(ConvNormAct(channels, width, kernel=7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
    stem = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    initialize(stem, "relu")
    return stem
