"""An encoder-decoder over any classifier: its body on the way down, and U-Net's way up with what lies across.

    on resnet18, for a picture of 224x224   body         enlarged and concatenated   two 3x3 convolutions
    stage 4                                 7x7x512
    stage 3                                 14x14x256    14x14x(512 + 256)           14x14x256
    stage 2                                 28x28x128    28x28x(256 + 128)           28x28x128
    stage 1                                 56x56x64     56x56x(128 + 64)            56x56x64
    stem                                    112x112x64   112x112x(64 + 64)           112x112x32
    picture                                 224x224x3    224x224x32                  224x224x16, 1x1 to classes

There is a level for each stride of the body. What comes up is put where its receptive fields are centered on the map
beside it, to half a pixel, its outermost values are repeated outwards where the body lost pixels, and it is cut to that
map; so every size of picture that the body takes gives an output of its own size.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from percept.models.arguments import require_choice, require_counts
from percept.models.body import Body, FindClassifier, body_of
from percept.models.enlarging import enlarge, picture_level
from percept.models.pictures import takes
from percept.nn.blocks import UPSAMPLINGS, ConvNormAct
from percept.nn.initializers import initialize

WIDEST = 16  # strides beyond have no more channels than this one


class EncoderDecoder(nn.Module):
    """The network, from a classifier's body.

    Args:
        classes: outputs at each pixel.
        body: of the classifier.
        upsampling: a key of `UPSAMPLINGS`.
        width: channels at the picture's own size; a level of stride s has s times as many, up to 16 times.
        normalized: whether batch normalization follows each convolution on the way up.
    """

    def __init__(self, classes: int, body: Body, *, upsampling: str, width: int, normalized: bool) -> None:
        super().__init__()
        self.body = body.layers
        levels = list(body.levels)
        if levels[0].stride > 1:
            levels.insert(0, picture_level(*body.shape))
        inputs = levels[-1].channels
        up, convolutions = [], []
        for coarse, fine in pairwise(reversed(levels)):
            up.append(enlarge(upsampling, inputs, coarse, fine))
            across = fine.channels if fine in body.levels else 0
            outputs = width * min(fine.stride, WIDEST)
            convolutions.append(_two(inputs + across, outputs, normalized))
            inputs = outputs
        self.up, self.convolutions = nn.ModuleList(up), nn.ModuleList(convolutions)
        self.scores = nn.Conv2d(inputs, classes, 1)
        initialize(self.scores, "identity")

    def forward(self, images: Tensor) -> Tensor:
        """Return a score for each class and pixel.

        Args:
            images: (samples, channels, height, width).

        Returns:
            (samples, classes, height, width).
        """
        *maps, features = self.body(images)
        for up, convolutions in zip(self.up, self.convolutions, strict=True):
            if maps:
                beside = maps.pop()
                features = torch.cat([beside, up(features, beside)], dim=1)
            else:
                features = up(features, images)
            features = convolutions(features)
        scores: Tensor = self.scores(features)
        return scores


def encoder_decoder(
    find: FindClassifier,
    /,
    *,
    classes: int = 2,
    channels: int = 3,
    body: str = "resnet18",
    body_arguments: Mapping[str, object] | None = None,
    upsampling: str = "nearest",
    width: int = 16,
    normalization: Literal["none", "batch"] = "batch",
) -> nn.Module:
    """Return an encoder-decoder, for pictures of any size that its body can take.

    Args:
        find: from the body's name, the channels and the body's arguments to the classifier.
        classes: outputs at each pixel.
        channels: 1 for grey pictures, 3 for color.
        body: a name of `percept.models.names("image")`, but not "linear" or "mlp".
        body_arguments: arguments of the body's builder besides classes and channels; None for its own.
        upsampling: a key of `UPSAMPLINGS`; two 3x3 convolutions follow.
        width: channels at the picture's own size; a level of stride s has s times as many, up to 16 times.
        normalization: "batch" for batch normalization behind each convolution on the way up, or "none".

    Returns:
        A network from (samples, channels, height, width) to (samples, classes, height, width) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.6.2; Ronneberger, Fischer & Brox 2015.

    Example:
        >>> from percept.models import build
        >>> network = build("encoder_decoder", classes=3, body="cifar_resnet20", width=4)
        >>> network(torch.zeros(1, 3, 45, 70)).shape
        torch.Size([1, 3, 45, 70])
    """
    require_counts("encoder_decoder", classes=classes, channels=channels, width=width)
    require_choice("encoder_decoder", UPSAMPLINGS, upsampling=upsampling)
    require_choice("encoder_decoder", ("none", "batch"), normalization=normalization)
    found = find(body, channels, body_arguments)
    layers = body_of(found.network, (channels, *found.size))
    network = EncoderDecoder(classes, layers, upsampling=upsampling, width=width, normalized=normalization == "batch")
    sides = (found.smallest_side, None)
    return takes(network, "encoder_decoder", channels=channels, heights=sides, widths=sides)


def _two(inputs: int, outputs: int, normalized: bool) -> nn.Module:
    first, second = (ConvNormAct(each, outputs, normalized=normalized) for each in (inputs, outputs))
    return nn.Sequential(first, second)
