"""GoogLeNet: nine inception modules, and two auxiliary heads that teach the middle of the network in training.

    stage                            224x224x3     1x1   3x3        5x5       pooled
    convolution 7x7/2, 64            112x112x64
    max pooling 3x3/2                56x56x64
    convolution 1x1, 64; 3x3, 192    56x56x192
    max pooling 3x3/2                28x28x192
    inception 3a                     28x28x256      64   96 -> 128   16 -> 32    32
    inception 3b                     28x28x480     128  128 -> 192   32 -> 96    64
    max pooling 3x3/2                14x14x480
    inception 4a                     14x14x512     192   96 -> 208   16 -> 48    64
    inception 4b                     14x14x512     160  112 -> 224   24 -> 64    64
    inception 4c                     14x14x512     128  128 -> 256   24 -> 64    64
    inception 4d                     14x14x528     112  144 -> 288   32 -> 64    64
    inception 4e                     14x14x832     256  160 -> 320   32 -> 128  128
    max pooling 3x3/2                7x7x832
    inception 5a                     7x7x832       256  160 -> 320   32 -> 128  128
    inception 5b                     7x7x1024      384  192 -> 384   48 -> 128  128
    average of each map              1024
    dropout 0.4, dense               1000

The heads sit on 4a and 4d. Claimed: 6.67 % top-5 error, the best of the ImageNet challenge of 2014, with a twelfth of
AlexNet's weights. Each convolution is followed by batch normalization, as in the authors' next paper and in
torchvision, where the paper has local response normalization twice.
"""

from collections import OrderedDict
from itertools import pairwise

from torch import Tensor, nn

from percept.models.arguments import require_choice, require_counts, require_share
from percept.models.pictures import takes
from percept.nn.blocks import ConvNormAct, Inception, hidden_layers, scores_layer
from percept.nn.losses import WithAuxiliary

AUXILIARY_WEIGHT = 0.3
SMALLEST_SIDE = 15  # 15 -> 8 (convolution) -> 4 -> 2 -> 1 (pooling): pooling needs two pixels

# Channels of each branch, from the paper's table 1; see `Inception`.
MODULES: dict[str, tuple[int, tuple[int, int], tuple[int, int], int]] = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}


class GoogLeNet(nn.Module):
    """The network in three parts, cut where the auxiliary heads sit.

    Args:
        classes: outputs of the network and of each head.
        channels: of the pictures.
        largest: side of the largest filters of the inception modules.
        dropout: before the scores.
        auxiliary: whether there are heads.
    """

    def __init__(self, classes: int, channels: int, *, largest: int, dropout: float, auxiliary: bool) -> None:
        super().__init__()
        modules = _modules(largest)
        self.stem = nn.Sequential(  # the shape after each line, for one picture of 224x224
            *(ConvNormAct(channels, 64, kernel=7, stride=2), _pooling(3)),  # 64x56x56
            *(ConvNormAct(64, 64, kernel=1), ConvNormAct(64, 192), _pooling(3)),  # 192x28x28
        )
        self.stage3 = nn.Sequential(OrderedDict(a=modules["3a"], b=modules["3b"], pool=_pooling(3)))  # 480x14x14
        self.stage4a = modules["4a"]  # 512x14x14
        self.stage4bcd = nn.Sequential(OrderedDict(b=modules["4b"], c=modules["4c"], d=modules["4d"]))  # 528x14x14
        self.stage4e = nn.Sequential(OrderedDict(e=modules["4e"], pool=_pooling(2)))  # 832x7x7
        self.stage5 = nn.Sequential(OrderedDict(a=modules["5a"], b=modules["5b"]))  # 1024x7x7
        self.auxiliary1 = _head(512, classes) if auxiliary else None
        self.auxiliary2 = _head(528, classes) if auxiliary else None
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()  # 1024
        self.dropout = nn.Dropout(dropout)
        self.scores = scores_layer(1024, classes)

    def forward(self, images: Tensor) -> Tensor | WithAuxiliary:
        """Return the scores, and in training those of the auxiliary heads beside them.

        Args:
            images: (samples, channels, height, width).

        Returns:
            (samples, classes) scores; in training `WithAuxiliary`, where there are heads.
        """
        first = self.stage4a(self.stage3(self.stem(images)))
        second = self.stage4bcd(first)
        maps = self.stage5(self.stage4e(second))
        scores: Tensor = self.scores(self.dropout(self.flatten(self.average(maps))))
        if self.training and self.auxiliary1 is not None and self.auxiliary2 is not None:
            return WithAuxiliary(scores, (self.auxiliary1(first), self.auxiliary2(second)), AUXILIARY_WEIGHT)
        return scores


def googlenet(
    *, classes: int = 1000, channels: int = 3, largest: int = 5, dropout: float = 0.4, auxiliary: bool = True
) -> nn.Module:
    """Return GoogLeNet for pictures of any size from 15x15 on.

    In training it gives `WithAuxiliary`, which the losses of `percept.nn.losses` take as they take plain scores. The
    published weights of torchvision need largest=3, and pictures scaled to [-1, 1].

    Args:
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.
        largest: side of the largest filters of each inception module: 5 as in the paper, 3 as in torchvision.
        dropout: probability in [0, 1) that an average is silent in a training step.
        auxiliary: whether there are auxiliary heads; evaluation makes no use of them.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.4; Szegedy et al. 2015.

    Example:
        >>> sum(weights.numel() for weights in googlenet(auxiliary=False).parameters())
        7005832
    """
    require_counts("googlenet", classes=classes, channels=channels)
    require_choice("googlenet", (3, 5), largest=largest)
    require_share("googlenet", dropout=dropout)
    network = GoogLeNet(classes, channels, largest=largest, dropout=dropout, auxiliary=auxiliary)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 1e-3  # of the published weights
    sides = (SMALLEST_SIDE, None)
    return takes(network, "googlenet", channels=channels, heights=sides, widths=sides)


def _modules(largest: int) -> dict[str, Inception]:
    outputs = [192, *(one + three[1] + five[1] + pooled for one, three, five, pooled in MODULES.values())]
    return {
        name: Inception(inputs, *branches, largest=largest)
        for (name, branches), (inputs, _) in zip(MODULES.items(), pairwise(outputs), strict=True)
    }


def _pooling(kernel: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)


def _head(inputs: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            average=nn.AdaptiveAvgPool2d(4),  # at 14x14 the paper pools 5x5/3, which gives 4x4 as well
            convolution=ConvNormAct(inputs, 128, kernel=1),  # 128x4x4
            flatten=nn.Flatten(),  # 2048
            hidden=hidden_layers(2048, (1024,), dropout=0.7),  # 1024
            scores=scores_layer(1024, classes),
        )
    )
