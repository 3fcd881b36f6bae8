"""The residual networks for CIFAR-10: three stages of n basic blocks, 6 n + 2 layers, 20 to 1202 of them.

    layers                         32x32x3     n = 3 (20), 5 (32), 7 (44), 9 (56), 18 (110), 200 (1202)
    convolution 3x3, 16            32x32x16
    1: 2 n convolutions 3x3, 16    32x32x16
    2: 2 n convolutions 3x3, 32    16x16x32
    3: 2 n convolutions 3x3, 64    8x8x64
    average of each map            64
    dense                          10

Claimed, error on the test set: 8.75, 7.51, 7.17, 6.97, 6.43 (best of 5) and 7.93 %. The network of 1202 layers learns
as well as that of 110, so depth no longer hinders learning; it generalizes worse, having 19 million weights for 50,000
small pictures. Shortcuts are of option A, without weights.
"""

from collections import OrderedDict

from torch import nn

from percept.errors import OptionError
from percept.models.arguments import require_choice, require_counts
from percept.models.pictures import takes
from percept.nn.blocks import BasicResidual, Checkpointed, ConvNormAct, Shortcut, scores_layer

CHANNELS = (16, 32, 64)


def cifar_resnet(
    depth: int,
    /,
    *,
    classes: int = 10,
    channels: int = 3,
    shortcut: Shortcut = "A",
    checkpointing: bool = False,
) -> nn.Module:
    """Return a residual network for small pictures of any size.

    Args:
        depth: layers with weights, 6 n + 2.
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.
        shortcut: where channels change, "A" pads with zeros, "B" projects.
        checkpointing: whether training keeps only some of the maps and computes the others twice: a third more time
            for a fraction of the memory, which 1202 layers need.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.5; He et al. 2016, section 4.2.

    Example:
        >>> sum(weights.numel() for weights in cifar_resnet(20).parameters())
        269722
    """
    require_counts("cifar_resnet", depth=depth)
    if depth < 8 or depth % 6 != 2:
        nearest = max(6 * round((depth - 2) / 6) + 2, 8)
        raise OptionError(f"cifar_resnet: depth is {depth}; expected 6 n + 2 layers: the nearest is {nearest}")
    name = f"cifar_resnet{depth}"
    require_counts(name, classes=classes, channels=channels)
    require_choice(name, ("A", "B"), shortcut=shortcut)
    row = Checkpointed if checkpointing else nn.Sequential
    stages: dict[str, nn.Module] = {}
    inputs = CHANNELS[0]
    for number, outputs in enumerate(CHANNELS, start=1):
        first = BasicResidual(inputs, outputs, stride=1 if number == 1 else 2, shortcut=shortcut)
        others = (BasicResidual(outputs, outputs) for _ in range((depth - 2) // 6 - 1))
        stages[f"stage{number}"] = row(first, *others)
        inputs = outputs
    network = nn.Sequential(  # the shape after each stage, for one picture of 32x32
        OrderedDict(
            stem=ConvNormAct(channels, 16),  # 16x32x32
            **stages,  # 16x32x32, 32x16x16, 64x8x8
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),  # 64
            scores=scores_layer(64, classes),  # classes
        )
    )
    return takes(network, name, channels=channels)
