"""Fully convolutional networks: a classifier's own layers, a score for each class at each place, enlarged again.

    FCN-8s on VGG-16, 224x224x3               scores, 1x1        enlarged
    stage 3 with its pooling     28x28x256    28x28xclasses      8x with what is added, to 224x224xclasses
    stage 4 with its pooling     14x14x512    14x14xclasses      2x with what is added, to the line above
    stage 5 with its pooling     7x7x512
    dense 4096 as 7x7            7x7x4096
    dense 4096 as 1x1            7x7x4096     7x7xclasses        2x, to stage 4

FCN-32s has the last line alone and enlarges it 32 times, FCN-16s the last two scores. Claimed: 62.7 % mean IoU on the
test pictures of PASCAL VOC 2011, a fifth better than what was best before, in 1/5 s a picture; on validation pictures
59.4 % for 32s, 62.4 % for 16s, 62.7 % for 8s.

The body is that of any classifier here. Of a body whose last map has stride f, "32s" enlarges f times at once, "16s"
goes by the next finer map, "8s" by two. Where the paper pads the picture by 100 pixels so that its 7x7 filters fit,
here the last map is padded by 3. Every score is put where its receptive field is centered, to half a pixel, the
outermost ones are repeated outwards, and the output is cut to the picture's own size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import torch
from torch import Tensor, nn

from percept.errors import OptionError
from percept.models.arguments import require_counts
from percept.models.body import Body, FindClassifier, Level, body_of
from percept.models.enlarging import enlarge_bilinear, picture_level
from percept.models.pictures import takes


class FCN(nn.Module):
    """The network, from a classifier's body.

    Args:
        classes: outputs at each pixel.
        body: of the classifier.
        skips: finer maps that scores are computed from besides the last.
    """

    def __init__(self, classes: int, body: Body, skips: int) -> None:
        super().__init__()
        self.body = body.layers
        self.dense = nn.Sequential(*convolutions(body))
        *finer, last = body.levels[-1 - skips :]
        made = [layer.out_channels for layer in self.dense if isinstance(layer, nn.Conv2d)]
        self.scores = nn.ModuleList(_scores(each.channels, classes) for each in finer)
        self.scores.append(_scores((made or [last.channels])[-1], classes))
        levels = [*finer, _behind_dense(last) if made else last]
        self.up = nn.ModuleList(
            enlarge_bilinear(classes, coarse, fine, learned=True) for fine, coarse in pairwise(levels)
        )
        picture = picture_level(*body.shape)
        self.last_up = enlarge_bilinear(classes, levels[0], picture, learned=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return a score for each class and pixel.

        Args:
            images: (samples, channels, height, width).

        Returns:
            (samples, classes, height, width).
        """
        maps = self.body(images)[-len(self.scores) :]
        features: Tensor = self.scores[-1](self.dense(maps[-1]))
        for place in reversed(range(len(self.up))):
            beside = self.scores[place](maps[place])
            features = beside + self.up[place](features, beside)
        output: Tensor = self.last_up(features, images)
        return output


def fcn(
    name: str,
    skips: int,
    find: FindClassifier,
    /,
    *,
    classes: int = 21,
    channels: int = 3,
    body: str = "vgg16",
    body_arguments: Mapping[str, object] | None = None,
) -> nn.Module:
    """Return a fully convolutional network, for pictures of any size that its body can take.

    Scores start at zero, as in the paper. The transposed convolutions between maps start as bilinear interpolation and
    are learned; the last one stays bilinear.

    Args:
        name: of the network, for messages.
        skips: finer maps that scores are computed from besides the last: 0 for FCN-32s, 1 for 16s, 2 for 8s.
        find: from the body's name, the channels and the body's arguments to the classifier.
        classes: outputs at each pixel.
        channels: 1 for grey pictures, 3 for color.
        body: a name of `percept.models.names("image")`, but not "linear" or "mlp".
        body_arguments: arguments of the body's builder besides classes and channels; None for its own.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes, height, width) scores.

    Raises:
        OptionError: an argument is out of range, or the body has too few strides.

    Source: notes §3.6.2 and §3.6.4; Long, Shelhamer & Darrell 2015, "Fully Convolutional Networks for Semantic
        Segmentation", sections 3 and 4.

    Example:
        >>> from percept.models import build
        >>> network = build("fcn8s", classes=3, body="cifar_resnet20")
        >>> network(torch.zeros(1, 3, 45, 70)).shape
        torch.Size([1, 3, 45, 70])
    """
    require_counts(name, classes=classes, channels=channels)
    found = find(body, channels, body_arguments)
    layers = body_of(found.network, (channels, *found.size), pooled=True)
    if len(layers.levels) <= skips:
        strides = ", ".join(str(level.stride) for level in layers.levels)
        raise OptionError(f"{name} needs maps of {skips + 1} strides; {body} has {strides}: choose another body")
    sides = (found.smallest_side, None)
    return takes(FCN(classes, layers, skips), name, channels=channels, heights=sides, widths=sides)


def convolutions(body: Body) -> Sequence[nn.Module]:
    """Return the hidden dense layers of a classifier as convolutions, with the same weights.

    The first one's filters are as large as the last map of the classifier's pictures, and keep its size by padding with
    zeros: at a place whose filter lies inside the map they give what the classifier gives for the picture there.

    Source: notes §3.6.4; Long, Shelhamer & Darrell 2015, section 3.1.
    """
    sides, inputs = body.levels[-1].positions, body.levels[-1].channels
    layers: list[nn.Module] = []
    for layer in body.dense:
        if not isinstance(layer, nn.Linear):
            layers.append(layer)
            continue
        made = nn.Conv2d(inputs, layer.out_features, sides, padding="same", bias=layer.bias is not None)
        with torch.no_grad():
            made.weight.copy_(layer.weight.reshape(made.weight.shape))
            if made.bias is not None:
                made.bias.copy_(layer.bias)
        layers.append(made)
        sides, inputs = (1, 1), layer.out_features
    return layers


def _behind_dense(last: Level) -> Level:
    """Return the level behind the dense layers: filters with even sides look further down and right by half a value."""
    row, column = (
        first + Fraction(last.stride * (1 - side % 2), 2)
        for first, side in zip(last.first, last.positions, strict=True)
    )
    return replace(last, first=(row, column))


def _scores(inputs: int, classes: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, classes, 1)
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
