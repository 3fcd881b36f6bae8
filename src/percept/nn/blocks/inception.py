"""The inception module: filters of several sizes side by side, their maps concatenated."""

import torch
from torch import Tensor, nn

from percept.nn.blocks.convolution import ConvNormAct


class Inception(nn.Module):
    """Four branches over the same input, concatenated by channel; height and width are kept.

    1x1 convolutions before the large filters narrow their input, which is what keeps the module cheap.

    Args:
        inputs: channels that come in.
        pointwise: channels of the branch of 1x1 filters.
        three: channels of the 1x1 bottleneck and of the 3x3 filters after it.
        five: channels of the 1x1 bottleneck and of the 5x5 filters after it.
        pooled: channels of the 1x1 filters after 3x3 max pooling.
        largest: side of the filters of the branch `five`: 5 as in the paper, 3 as in torchvision.

    Source: notes §3.5.4; Szegedy et al. 2015, figure 2b.

    Example:
        >>> Inception(192, 64, (96, 128), (16, 32), 32)(torch.zeros(1, 192, 2, 2)).shape[1]
        256
    """

    def __init__(
        self,
        inputs: int,
        pointwise: int,
        three: tuple[int, int],
        five: tuple[int, int],
        pooled: int,
        *,
        largest: int = 5,
    ) -> None:
        super().__init__()
        self.pointwise = ConvNormAct(inputs, pointwise, kernel=1)
        self.three = nn.Sequential(ConvNormAct(inputs, three[0], kernel=1), ConvNormAct(*three, kernel=3))
        self.five = nn.Sequential(ConvNormAct(inputs, five[0], kernel=1), ConvNormAct(*five, kernel=largest))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNormAct(inputs, pooled, kernel=1))
        self.outputs = pointwise + three[1] + five[1] + pooled

    def forward(self, features: Tensor) -> Tensor:
        """Return the maps of all branches.

        Args:
            features: (samples, inputs, height, width).

        Returns:
            (samples, outputs, height, width), branches in the order of the arguments.
        """
        branches = (self.pointwise, self.three, self.five, self.pooled)
        return torch.cat([branch(features) for branch in branches], dim=1)
