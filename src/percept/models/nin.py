"""Network in Network: small perceptrons slid over the picture, and the average of a map a class as its score.

    layer                                     32x32x3      parameters
    mlpconv 5x5: 192, 160, 96                 32x32x96         60,976
    max pooling 3x3/2, dropout                16x16x96
    mlpconv 5x5: 192, 192, 192                16x16x192       535,104
    average pooling 3x3/2, dropout            8x8x192
    mlpconv 3x3: 192, 192, classes            8x8x10          370,954
    average of each map                       10

The table is that of the authors' network for CIFAR-10. Claimed: 10.41 % error on CIFAR-10, 8.81 % with augmentation,
the best of its time; averages in the place of dense layers have nothing to overfit and turn the last maps into maps
of confidence, one a class.
"""

from collections import OrderedDict

from torch import nn

from percept.models.arguments import require_counts, require_share
from percept.models.pictures import takes
from percept.nn.blocks import MlpConv


def nin(*, classes: int = 10, channels: int = 3, dropout: float = 0.5, batch_norm: bool = False) -> nn.Module:
    """Return Network in Network, for small pictures of any size.

    Args:
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.
        dropout: probability in [0, 1) that a value after pooling is silent in a training step.
        batch_norm: whether each convolution is followed by batch normalization, which the paper is without; it keeps
            the last ReLU, and with it all scores, from dying at the learning rates of today's optimizers.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.3; Lin, Chen & Yan 2014.

    Example:
        >>> sum(weights.numel() for weights in nin().parameters())
        966986
    """
    require_counts("nin", classes=classes, channels=channels)
    require_share("nin", dropout=dropout)
    network = nn.Sequential(  # the shape after each stage, for one picture of 32x32
        OrderedDict(
            stage1=nn.Sequential(
                MlpConv(channels, (192, 160, 96), normalized=batch_norm),
                nn.MaxPool2d(3, 2, padding=1),
                nn.Dropout(dropout),
            ),  # 96x16x16
            stage2=nn.Sequential(
                MlpConv(96, (192, 192, 192), normalized=batch_norm), nn.AvgPool2d(3, 2, padding=1), nn.Dropout(dropout)
            ),  # 192x8x8
            stage3=MlpConv(192, (192, 192, classes), kernel=3, normalized=batch_norm),  # classes x 8 x 8
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),  # classes
        )
    )
    return takes(network, "nin", channels=channels)
