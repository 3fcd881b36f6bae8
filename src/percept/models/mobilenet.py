"""MobileNet: depthwise-separable convolutions, for devices with little power.

    stage                                224x224x3
    convolution 3x3/2, 32                112x112x32
    1: separable, 64                     112x112x64
    2: separable, 128, the first /2      56x56x128     2 layers
    3: separable, 256, the first /2      28x28x256     2 layers
    4: separable, 512, the first /2      14x14x512     6 layers
    5: separable, 1024, the first /2     7x7x1024      2 layers
    average of each map                  1024
    dense                                1000

Claimed: 70.6 % top-1 accuracy on ImageNet against 71.7 % of the same network of whole convolutions, with a seventh of
the weights and a ninth of the multiply-adds; the width multiplier trades accuracy for cost smoothly (68.4 % at 0.75,
63.7 % at 0.5, 50.6 % at 0.25).
"""

from collections import OrderedDict

from torch import nn

from percept.models.arguments import require_counts, require_multiplier
from percept.models.pictures import takes
from percept.models.widths import round_channels
from percept.nn.blocks import ConvNormAct, DepthwiseSeparable, scores_layer

# Channels, layers and first stride of each stage.
STAGES = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 6, 2), (1024, 2, 2))


def mobilenet(*, classes: int = 1000, channels: int = 3, width: float = 1.0, activation: str = "relu6") -> nn.Module:
    """Return MobileNet for pictures of any size.

    Args:
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.
        width: what the channels of every layer are multiplied by, above 0; they are rounded to multiples of 8.
        activation: a name that `activation_layer` knows: "relu6" as in the authors' code and in timm's weights,
            "relu" as in the paper's text.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.6; Howard et al. 2017, table 1.

    Example:
        >>> sum(weights.numel() for weights in mobilenet().parameters())
        4231976
    """
    require_counts("mobilenet", classes=classes, channels=channels)
    require_multiplier("mobilenet", width=width)
    inputs = stem = round_channels(32 * width)
    stages: dict[str, nn.Module] = {}
    for number, (base, layers, stride) in enumerate(STAGES, start=1):
        outputs = round_channels(base * width)
        first = DepthwiseSeparable(inputs, outputs, stride=stride, activation=activation)
        others = (DepthwiseSeparable(outputs, outputs, activation=activation) for _ in range(layers - 1))
        stages[f"stage{number}"] = nn.Sequential(first, *others)
        inputs = outputs
    network = nn.Sequential(  # the shape after each stage, for one picture of 224x224
        OrderedDict(
            stem=ConvNormAct(channels, stem, stride=2, activation=activation),  # 32x112x112
            **stages,  # 64x112x112, 128x56x56, 256x28x28, 512x14x14, 1024x7x7
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),  # 1024
            scores=scores_layer(inputs, classes),  # classes
        )
    )
    return takes(network, "mobilenet", channels=channels)
