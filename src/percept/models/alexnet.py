"""AlexNet, the network that brought convolutions back: five of them, and three dense layers.

    layer                          224x224x3    parameters
    convolution 11x11/4, 64        55x55x64         23,296
    max pooling 3x3/2              27x27x64
    convolution 5x5, 192           27x27x192       307,392
    max pooling 3x3/2              13x13x192
    convolution 3x3, 384           13x13x384       663,936
    convolution 3x3, 256           13x13x256       884,992
    convolution 3x3, 256           13x13x256       590,080
    max pooling 3x3/2              6x6x256
    dense 4096, dropout            4096         37,752,832
    dense 4096, dropout            4096         16,781,312
    dense 1000                     1000          4,097,000

The table is that of "One weird trick for parallelizing convolutional neural networks" (2014), one tower of what the
paper of 2012 split over two graphics cards (96, 256, 384, 384, 256 filters), without its local response normalization.
Claimed in 2012: 15.3 % top-5 error on the ImageNet challenge, where the next best had 26.2 %; ReLU learns several
times faster than tanh; overlapping pooling and dropout overfit less.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from percept.models.arguments import require_counts, require_share, require_size
from percept.models.pictures import sides_alike, takes
from percept.nn.blocks import ConvNormAct, hidden_layers, scores_layer

SMALLEST_SIDE = 63  # 63 -> 15 (convolution) -> 7 -> 3 -> 1 (pooling): the last map still has a pixel


def alexnet(
    *, classes: int = 1000, channels: int = 3, size: Sequence[int] = (224, 224), dropout: float = 0.5
) -> nn.Module:
    """Return AlexNet for pictures of one size.

    Args:
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.
        size: height and width of the pictures, pixels, each at least 63.
        dropout: probability in [0, 1) that a hidden dense unit is silent in a training step.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.1; Krizhevsky, Sutskever & Hinton 2012; Krizhevsky 2014.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     sum(weights.numel() for weights in alexnet().parameters())
        61100840
    """
    require_counts("alexnet", classes=classes, channels=channels, size=size)
    require_share("alexnet", dropout=dropout)
    require_size("alexnet", size, SMALLEST_SIDE)
    rows, columns = map(_pixels, size)
    network = nn.Sequential(  # the shape after each stage, for one picture of 224x224
        OrderedDict(
            stage1=nn.Sequential(_convolution(channels, 64, 11, stride=4, padding=2), nn.MaxPool2d(3, 2)),  # 64x27x27
            stage2=nn.Sequential(_convolution(64, 192, 5), nn.MaxPool2d(3, 2)),  # 192x13x13
            stage3=nn.Sequential(
                _convolution(192, 384, 3), _convolution(384, 256, 3), _convolution(256, 256, 3), nn.MaxPool2d(3, 2)
            ),  # 256x6x6
            flatten=nn.Flatten(),  # 9216
            hidden=hidden_layers(256 * rows * columns, (4096, 4096), dropout=dropout),  # 4096
            scores=scores_layer(4096, classes),  # classes
        )
    )
    heights, widths = (sides_alike(side, _pixels) for side in size)
    return takes(network, "alexnet", channels=channels, heights=heights, widths=widths)


def _convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None) -> ConvNormAct:
    return ConvNormAct(inputs, outputs, kernel=kernel, stride=stride, padding=padding, normalized=False)


def _pixels(side: int) -> int:
    """Return the side of the last map."""
    side = (side - 7) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side
