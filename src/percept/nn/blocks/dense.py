"""The dense block: every layer takes in the maps of all layers before it; and the transition between two blocks."""

import torch
from torch import Tensor, nn

from percept.nn.blocks.convolution import NormActConv


class DenseLayer(nn.Module):
    """A 1x1 and a 3x3 convolution, each after normalization and ReLU, whose maps are appended to the input.

    Args:
        inputs: channels that come in.
        growth: channels that are appended.
        bottleneck: channels between the two convolutions, in multiples of `growth`.

    Source: notes §3.5.7; Huang et al. 2017, section 3 (DenseNet-B).
    """

    def __init__(self, inputs: int, growth: int, *, bottleneck: int = 4) -> None:
        super().__init__()
        self.first = NormActConv(inputs, bottleneck * growth, kernel=1)
        self.second = NormActConv(bottleneck * growth, growth)

    def forward(self, features: Tensor) -> Tensor:
        """Return (samples, inputs + growth, height, width) from (samples, inputs, height, width)."""
        return torch.cat([features, self.second(self.first(features))], dim=1)


def dense_block(inputs: int, growth: int, *, layers: int) -> nn.Sequential:
    """Return dense layers in a row, from (samples, inputs, height, width) to `inputs + layers * growth` channels.

    Args:
        inputs: channels that come in.
        growth: channels that each layer appends.
        layers: how many.

    Source: notes §3.5.7; Huang et al. 2017, figure 1.

    Example:
        >>> dense_block(6, 4, layers=3)(torch.zeros(1, 6, 2, 2)).shape[1]
        18
    """
    return nn.Sequential(*(DenseLayer(inputs + number * growth, growth) for number in range(layers)))


def transition(inputs: int, outputs: int) -> nn.Sequential:
    """Return what stands between two dense blocks: a 1x1 convolution to fewer channels, and 2x2 average pooling.

    Args:
        inputs: channels that come in.
        outputs: channels that go out; height and width are halved and rounded down.

    Source: Huang et al. 2017, section 3 (pooling layers and compression).
    """
    return nn.Sequential(NormActConv(inputs, outputs, kernel=1), nn.AvgPool2d(2))
