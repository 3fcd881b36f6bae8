"""EfficientNet: one small network found by search, B0, and seven scaled up from it in depth, width and resolution.

    stage (expansion, kernel, channels)    B0 on 224x224x3    blocks
    convolution 3x3/2, 32                  112x112x32
    1: 1, 3x3, 16                          112x112x16              1
    2: 6, 3x3, 24, /2                      56x56x24                2
    3: 6, 5x5, 40, /2                      28x28x40                2
    4: 6, 3x3, 80, /2                      14x14x80                3
    5: 6, 5x5, 112                         14x14x112               3
    6: 6, 5x5, 192, /2                     7x7x192                 4
    7: 6, 3x3, 320                         7x7x320                 1
    convolution 1x1, 1280                  7x7x1280
    average of each map                    1280
    dropout, dense                         1000

Every block has squeeze-and-excitation to a quarter of its input's channels. Compound scaling multiplies blocks by
1.2^phi, channels by 1.1^phi and sides by 1.15^phi, so that the cost doubles with each step of phi; `FORMS` has the
factors that the authors released, rounded by hand. Claimed, top-1 accuracy on ImageNet: 77.1 % (B0) to 84.3 % (B7), the
latter as good as the best of its time with an eighth of the weights.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

from torch import nn

from percept.models.arguments import require_choice, require_counts, require_multiplier, require_share
from percept.models.pictures import takes
from percept.models.widths import round_channels
from percept.nn.blocks import ConvNormAct, MBConv, scores_layer

DEPTH, WIDTH, RESOLUTION = 1.2, 1.1, 1.15  # the paper's alpha, beta and gamma, from a search around B0

# Expansion, kernel, channels, blocks and first stride of each stage of B0.
STAGES = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)


@dataclass(frozen=True)
class Form:
    """One of the eight networks.

    Attributes:
        phi: the compound coefficient.
        depth: what the blocks of every stage are multiplied by, about 1.2^phi.
        width: what the channels of every layer are multiplied by, about 1.1^phi.
        resolution: side of the pictures that it was trained on, about 224 x 1.15^phi pixels.
        dropout: before the last layer.
        epsilon: what normalization adds to the variance in torchvision's weights.
    """

    phi: float
    depth: float
    width: float
    resolution: int
    dropout: float
    epsilon: float = 1e-5


FORMS = {
    "efficientnet_b0": Form(0, 1.0, 1.0, 224, 0.2),
    "efficientnet_b1": Form(0.5, 1.1, 1.0, 240, 0.2),
    "efficientnet_b2": Form(1, 1.2, 1.1, 260, 0.3),
    "efficientnet_b3": Form(2, 1.4, 1.2, 300, 0.3),
    "efficientnet_b4": Form(3, 1.8, 1.4, 380, 0.4),
    "efficientnet_b5": Form(4, 2.2, 1.6, 456, 0.4, epsilon=1e-3),
    "efficientnet_b6": Form(5, 2.6, 1.8, 528, 0.5, epsilon=1e-3),
    "efficientnet_b7": Form(6, 3.1, 2.0, 600, 0.5, epsilon=1e-3),
}


def compound_scaling(phi: float) -> tuple[float, float, float]:
    """Return the factors of depth, width and resolution by the paper's law, before any rounding.

    Args:
        phi: the compound coefficient; the cost grows by about 2^phi.

    Source: notes §3.5.7; Tan & Le 2019, equation 3.

    Example:
        >>> compound_scaling(1)
        (1.2, 1.1, 1.15)
    """
    return DEPTH**phi, WIDTH**phi, RESOLUTION**phi


def efficientnet(
    form: str,
    /,
    *,
    classes: int = 1000,
    channels: int = 3,
    dropped: float = 0.2,
    dropout: float | None = None,
    epsilon: float | None = None,
) -> nn.Module:
    """Return an EfficientNet for pictures of any size.

    Args:
        form: a key of `FORMS`.
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for color.
        dropped: probability in [0, 1) that stochastic depth leaves out the last block for a sample of a training
            step; it grows from 0 at the first block.
        dropout: probability in [0, 1) that an average is silent in a training step; None for the form's own.
        epsilon: what normalization adds to the variance; None for the form's own, that of torchvision's weights. All
            of timm's weights, but those named tf_, need 1e-5.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5.7; Tan & Le 2019, table 1.

    Example:
        >>> sum(weights.numel() for weights in efficientnet("efficientnet_b0").parameters())
        5288548
    """
    require_choice("efficientnet", FORMS, form=form)
    table = FORMS[form]
    dropout = table.dropout if dropout is None else dropout
    require_counts(form, classes=classes, channels=channels)
    require_share(form, dropped=dropped, dropout=dropout)
    epsilon = table.epsilon if epsilon is None else epsilon
    require_multiplier(form, epsilon=epsilon)
    stem, last = round_channels(32 * table.width), round_channels(1280 * table.width)
    stages = _stages(table, stem, dropped)
    network = nn.Sequential(  # the shape after each stage, for B0 and one picture of 224x224
        OrderedDict(
            stem=ConvNormAct(channels, stem, stride=2, activation="silu"),  # 32x112x112
            **stages,  # 16x112x112, 24x56x56, 40x28x28, 80x14x14, 112x14x14, 192x7x7, 320x7x7
            head=ConvNormAct(round_channels(320 * table.width), last, kernel=1, activation="silu"),  # 1280x7x7
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),  # 1280
            dropout=nn.Dropout(dropout),
            scores=scores_layer(last, classes),  # classes
        )
    )
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = epsilon
    return takes(network, form, channels=channels)


def _stages(table: Form, inputs: int, dropped: float) -> dict[str, nn.Module]:
    total = sum(ceil(table.depth * blocks) for *_, blocks, _ in STAGES)
    done = 0
    stages: dict[str, nn.Module] = {}
    for number, (expansion, kernel, base, blocks, first_stride) in enumerate(STAGES, start=1):
        outputs = round_channels(base * table.width)
        row = []
        for block in range(ceil(table.depth * blocks)):
            row.append(
                MBConv(
                    *(inputs, outputs),
                    expansion=expansion,
                    kernel=kernel,
                    stride=first_stride if block == 0 else 1,
                    squeezed=max(1, inputs // 4),
                    activation="silu",
                    dropped=dropped * done / total,
                )
            )
            inputs, done = outputs, done + 1
        stages[f"stage{number}"] = nn.Sequential(*row)
    return stages
