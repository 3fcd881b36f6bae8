"""The default network for pictures: a residual network small enough for a laptop, for pictures of any size."""

from collections.abc import Sequence

from torch import nn

from percept.errors import OptionError
from percept.models.arguments import require_counts
from percept.models.pictures import takes
from percept.nn.blocks import BasicResidual, ConvNormAct
from percept.nn.initializers import initialize


def small_resnet(
    *,
    classes: int,
    channels: int = 3,
    width: int = 32,
    strides: Sequence[int] = (1, 2, 2, 2),
) -> nn.Module:
    """Return a residual network of seven layers, 0.3 million weights at the default width.

    A convolution, three residual blocks, the average of each map, and a linear output: the smallest of the paper's
    networks for CIFAR-10 with one block a stage, twice as wide. It takes pictures of any size, the size may differ
    from batch to batch; `strides` says how fast the maps shrink, which is most of what the network costs.

    Args:
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for colour.
        width: channels of the first block; the next two have two and four times as many, the stem half, rounded up.
        strides: of the stem and of the three blocks, each at least 1; `strides_for` gives what suits a size.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.5; He et al. 2016, section 4.2; Lin, Chen & Yan 2014 (global average pooling).

    Example:
        >>> sum(weights.numel() for weights in small_resnet(classes=10).parameters()) < 500_000
        True
    """
    require_counts("small_resnet", classes=classes, channels=channels, width=width, strides=strides)
    if len(strides) != 4:
        raise OptionError(f"small_resnet: strides is {list(strides)}; expected four, of the stem and three blocks")
    stem = (width + 1) // 2
    scores = nn.Linear(4 * width, classes)
    initialize(scores, "identity")
    network = nn.Sequential(  # the shape after each line, for one picture of 28x28 at the defaults
        ConvNormAct(channels, stem, stride=strides[0]),  # 16 x 28 x 28
        BasicResidual(stem, width, stride=strides[1]),  # 32 x 14 x 14
        BasicResidual(width, 2 * width, stride=strides[2]),  # 64 x 7 x 7
        BasicResidual(2 * width, 4 * width, stride=strides[3]),  # 128 x 4 x 4
        nn.AdaptiveAvgPool2d(1),  # 128 x 1 x 1
        nn.Flatten(),  # 128
        scores,  # classes
    )
    return takes(network, "small_resnet", channels=channels)


def strides_for(height: int, width: int) -> tuple[int, int, int, int]:
    """Return strides for `small_resnet` that leave the last map two to six pixels for sides of 8 to 96.

    Example:
        >>> strides_for(8, 8), strides_for(28, 28), strides_for(96, 128)
        ((1, 1, 2, 2), (1, 2, 2, 2), (2, 2, 2, 2))
    """
    shorter = min(height, width)
    if shorter <= 20:
        return (1, 1, 2, 2)
    return (1, 2, 2, 2) if shorter <= 40 else (2, 2, 2, 2)
