"""The wide residual network for CIFAR: WRN-28-10, 28 layers, ten times as wide as the thin ones.

    stage                              32x32x3
    convolution 3x3, 16                32x32x16
    1: 4 blocks of 160 channels        32x32x160
    2: 4 blocks of 320 channels, /2    16x16x320
    3: 4 blocks of 640 channels, /2    8x8x640
    normalization, ReLU
    average of each map                640
    dense                              10

Blocks normalize and activate before they convolve. Claimed, test error: 4.00 % on CIFAR-10, 19.25 % on CIFAR-100,
below thin networks of a thousand layers and several times faster to train, since width runs in parallel and depth
does not; dropout between the convolutions of a block helps further on CIFAR-100.
"""

from collections import OrderedDict

from torch import nn

from percept.models.arguments import require_counts, require_share
from percept.models.pictures import takes
from percept.nn.activations import activation_layer
from percept.nn.blocks import WideResidual, scores_layer
from percept.nn.initializers import initialize

CHANNELS = (160, 320, 640)
BLOCKS = 4  # of each stage: (28 - 4) / 6


def wrn28_10(*, classes: int = 10, channels: int = 3, dropout: float = 0.0) -> nn.Module:
    """Return WRN-28-10, for small pictures of any size.

    Args:
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.
        dropout: probability in [0, 1) that a value between the convolutions of a block is silent in a training step;
            0.3 where the paper uses it.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.7; Zagoruyko & Komodakis 2016, table 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     sum(weights.numel() for weights in wrn28_10().parameters())
        36479194
    """
    require_counts("wrn28_10", classes=classes, channels=channels)
    require_share("wrn28_10", dropout=dropout)
    stem = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
    initialize(stem, "relu")
    stages: dict[str, nn.Module] = {}
    inputs = 16
    for number, outputs in enumerate(CHANNELS, start=1):
        first = WideResidual(inputs, outputs, stride=1 if number == 1 else 2, dropout=dropout)
        others = (WideResidual(outputs, outputs, dropout=dropout) for _ in range(BLOCKS - 1))
        stages[f"stage{number}"] = nn.Sequential(first, *others)
        inputs = outputs
    network = nn.Sequential(  # the shape after each stage, for one picture of 32x32
        OrderedDict(
            stem=stem,  # 16x32x32
            **stages,  # 160x32x32, 320x16x16, 640x8x8
            norm=nn.BatchNorm2d(640),
            activation=activation_layer("relu", in_place=True),
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),  # 640
            scores=scores_layer(640, classes),  # classes
        )
    )
    return takes(network, "wrn28_10", channels=channels)
