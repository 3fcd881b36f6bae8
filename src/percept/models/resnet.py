"""ResNet and the two that widened it: residual blocks in four stages, 18 to 152 layers.

    stage                    224x224x3     resnet18  resnet34  resnet50  resnet101  resnet152
    convolution 7x7/2, 64    112x112x64
    max pooling 3x3/2        56x56x64
    1: 64 channels           56x56                2         3         3          3          3   blocks
    2: 128 channels, /2      28x28                2         4         4          4          8
    3: 256 channels, /2      14x14                2         6         6         23         36
    4: 512 channels, /2      7x7                  2         3         3          3          3
    average of each map
    dense                    1000

A block has two 3x3 convolutions up to 34 layers; beyond, a bottleneck of 1x1, 3x3 and 1x1, the last four times as
wide. Claimed: plain networks get worse with depth even in training, residual ones get better; 3.57 % top-5 error, the
best of the ImageNet challenge of 2015. wide_resnet50_2 is resnet50 with 3x3 convolutions twice as wide (Zagoruyko &
Komodakis 2016: 21.9 % top-1 error, less than resnet152 with a third of the layers); resnext50_32x4d has them twice as
wide in 32 groups (Xie et al. 2017: 22.2 %, against 23.9 % of resnet50, at the same cost).
"""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from percept.models.arguments import require_choice, require_counts
from percept.models.pictures import takes
from percept.nn.blocks import BasicResidual, BottleneckResidual, ConvNormAct, scores_layer

CHANNELS = (64, 128, 256, 512)


@dataclass(frozen=True)
class Form:
    """A column of the table.

    Attributes:
        blocks: of each stage.
        bottleneck: whether the blocks are bottlenecks.
        width: channels of the 3x3 convolutions of the bottlenecks, in multiples of the stage's.
        groups: parts that these convolutions are split into.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool = True
    width: int = 1
    groups: int = 1


FORMS = {
    "resnet18": Form((2, 2, 2, 2), bottleneck=False),
    "resnet34": Form((3, 4, 6, 3), bottleneck=False),
    "resnet50": Form((3, 4, 6, 3)),
    "resnet101": Form((3, 4, 23, 3)),
    "resnet152": Form((3, 8, 36, 3)),
    "wide_resnet50_2": Form((3, 4, 6, 3), width=2),
    "resnext50_32x4d": Form((3, 4, 6, 3), width=2, groups=32),
}


def resnet(form: str, /, *, classes: int = 1000, channels: int = 3) -> nn.Module:
    """Return a residual network for pictures of any size.

    Args:
        form: a key of `FORMS`.
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.5 and §3.5.7; He et al. 2016; Zagoruyko & Komodakis 2016; Xie et al. 2017.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     sum(weights.numel() for weights in resnet("resnet50").parameters())
        25557032
    """
    require_choice("resnet", FORMS, form=form)
    require_counts(form, classes=classes, channels=channels)
    stages: dict[str, nn.Module] = {}
    inputs = 64
    for number, (width, count) in enumerate(zip(CHANNELS, FORMS[form].blocks, strict=True), start=1):
        blocks = []
        for block in range(count):
            blocks.append(_block(inputs, width, 2 if number > 1 and block == 0 else 1, FORMS[form]))
            inputs = 4 * width if FORMS[form].bottleneck else width
        stages[f"stage{number}"] = nn.Sequential(*blocks)
    network = nn.Sequential(  # the shape after each stage, for one picture of 224x224
        OrderedDict(
            stem=ConvNormAct(channels, 64, kernel=7, stride=2),  # 64x112x112
            pool=nn.MaxPool2d(3, stride=2, padding=1),  # 64x56x56
            **stages,  # 64x56x56, 128x28x28, 256x14x14, 512x7x7; four times the channels with bottlenecks
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),  # 512, 2048 with bottlenecks
            scores=scores_layer(inputs, classes),  # classes
        )
    )
    return takes(network, form, channels=channels)


def _block(inputs: int, width: int, stride: int, form: Form) -> nn.Module:
    if not form.bottleneck:
        return BasicResidual(inputs, width, stride=stride)
    return BottleneckResidual(inputs, form.width * width, 4 * width, stride=stride, groups=form.groups)
