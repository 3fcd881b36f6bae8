"""MobileNetV2: inverted residual blocks, wide inside and narrow at both ends.

    stage (expansion, channels)    224x224x3    blocks
    convolution 3x3/2, 32          112x112x32
    1: 1, 16                       112x112x16        1
    2: 6, 24, /2                   56x56x24          2
    3: 6, 32, /2                   28x28x32          3
    4: 6, 64, /2                   14x14x64          4
    5: 6, 96                       14x14x96          3
    6: 6, 160, /2                  7x7x160           3
    7: 6, 320                      7x7x320           1
    convolution 1x1, 1280          7x7x1280
    average of each map            1280
    dropout, dense                 1000

Claimed: 72.0 % top-1 accuracy on ImageNet against 70.6 % of MobileNet, with 3.4 million weights and 300 million
multiply-adds (4.2 and 575); without an activation the narrow ends lose nothing, with one they do.
"""

from collections import OrderedDict

from torch import nn

from percept.models.arguments import require_counts, require_multiplier, require_share
from percept.models.pictures import takes
from percept.models.widths import round_channels
from percept.nn.blocks import ConvNormAct, MBConv, scores_layer

# Expansion, channels, blocks and first stride of each stage.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mobilenet_v2(*, classes: int = 1000, channels: int = 3, width: float = 1.0, dropout: float = 0.2) -> nn.Module:
    """Return MobileNetV2 for pictures of any size.

    Args:
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.
        width: what the channels of every layer are multiplied by, above 0; they are rounded to multiples of 8, and
            the last 1280 never become fewer.
        dropout: probability in [0, 1) that an average is silent in a training step.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.6; Sandler et al. 2018, table 2.

    Example:
        >>> sum(weights.numel() for weights in mobilenet_v2().parameters())
        3504872
    """
    require_counts("mobilenet_v2", classes=classes, channels=channels)
    require_multiplier("mobilenet_v2", width=width)
    require_share("mobilenet_v2", dropout=dropout)
    inputs = stem = round_channels(32 * width)
    stages: dict[str, nn.Module] = {}
    for number, (expansion, base, blocks, stride) in enumerate(STAGES, start=1):
        outputs = round_channels(base * width)
        first = MBConv(inputs, outputs, expansion=expansion, stride=stride)
        others = (MBConv(outputs, outputs, expansion=expansion) for _ in range(blocks - 1))
        stages[f"stage{number}"] = nn.Sequential(first, *others)
        inputs = outputs
    last = round_channels(1280 * max(width, 1.0))
    network = nn.Sequential(  # the shape after each stage, for one picture of 224x224
        OrderedDict(
            stem=ConvNormAct(channels, stem, stride=2, activation="relu6"),  # 32x112x112
            **stages,  # 16x112x112, 24x56x56, 32x28x28, 64x14x14, 96x14x14, 160x7x7, 320x7x7
            head=ConvNormAct(inputs, last, kernel=1, activation="relu6"),  # 1280x7x7
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),  # 1280
            dropout=nn.Dropout(dropout),
            scores=scores_layer(last, classes),  # classes
        )
    )
    return takes(network, "mobilenet_v2", channels=channels)
