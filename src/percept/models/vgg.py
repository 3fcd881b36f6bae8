"""VGG: depth from small filters alone, 11 to 19 layers.

    stage, of 3x3 convolutions     224x224x3    vgg11  vgg13  vgg16  vgg19
    1: 64 channels, pooling        112x112x64       1      2      2      2
    2: 128 channels, pooling       56x56x128        1      2      2      2
    3: 256 channels, pooling       28x28x256        2      2      3      4
    4: 512 channels, pooling       14x14x512        2      2      3      4
    5: 512 channels, pooling       7x7x512          2      2      3      4
    dense 4096, 4096, classes      1000             3      3      3      3

Every stage ends in 2x2 max pooling. Claimed: two 3x3 filters see as far as one 5x5 and three as far as one 7x7, with
fewer weights and more nonlinearities; deeper is better up to 19 layers; 7.3 % top-5 error, second in the ImageNet
challenge of 2014. Normalization is no part of the paper; with it (`batch_norm`) the networks train from scratch at
ordinary learning rates.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from percept.models.arguments import require_choice, require_counts, require_share, require_size
from percept.models.pictures import sides_alike, takes
from percept.nn.blocks import ConvNormAct, hidden_layers, scores_layer

CHANNELS = (64, 128, 256, 512, 512)

# Convolutions of each stage, by depth: table 1 of the paper, columns A, B, D and E.
CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}

SMALLEST_SIDE = 32  # halved five times


def vgg(
    depth: int,
    /,
    *,
    classes: int = 1000,
    channels: int = 3,
    size: Sequence[int] = (224, 224),
    batch_norm: bool = False,
    dropout: float = 0.5,
) -> nn.Module:
    """Return VGG-11, 13, 16 or 19 for pictures of one size.

    Args:
        depth: a key of `CONVOLUTIONS`: layers with weights.
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.
        size: height and width of the pictures, pixels, each at least 32.
        batch_norm: whether each convolution is followed by batch normalization.
        dropout: probability in [0, 1) that a hidden dense unit is silent in a training step.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.2; Simonyan & Zisserman 2015.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     sum(weights.numel() for weights in vgg(16).parameters())
        138357544
    """
    require_choice("vgg", CONVOLUTIONS, depth=depth)
    name = f"vgg{depth}"
    require_counts(name, classes=classes, channels=channels, size=size)
    require_share(name, dropout=dropout)
    require_size(name, size, SMALLEST_SIDE)
    stages: dict[str, nn.Module] = {}
    inputs = channels
    for number, (count, outputs) in enumerate(zip(CONVOLUTIONS[depth], CHANNELS, strict=True), start=1):
        stages[f"stage{number}"] = _stage(inputs, outputs, count, batch_norm)
        inputs = outputs
    rows, columns = (side // 32 for side in size)
    network = nn.Sequential(
        OrderedDict(
            **stages,  # 512 x 7 x 7 for one picture of 224x224
            flatten=nn.Flatten(),  # 25088
            hidden=hidden_layers(512 * rows * columns, (4096, 4096), dropout=dropout),  # 4096
            scores=scores_layer(4096, classes),  # classes
        )
    )
    heights, widths = (sides_alike(side, lambda side: side // 32) for side in size)
    return takes(network, name, channels=channels, heights=heights, widths=widths)


def _stage(inputs: int, outputs: int, convolutions: int, batch_norm: bool) -> nn.Sequential:
    # The biases stay beside a normalization, which has its own, so that published weights fit.
    layers = [
        ConvNormAct(outputs if number else inputs, outputs, normalized=batch_norm, bias=True)
        for number in range(convolutions)
    ]
    return nn.Sequential(*layers, nn.MaxPool2d(2))
