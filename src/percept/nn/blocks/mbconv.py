"""The inverted residual block of networks for small devices, with squeeze-and-excitation and stochastic depth."""

import torch
from torch import Tensor, nn

from percept.nn.activations import activation_layer
from percept.nn.blocks.convolution import ConvNormAct
from percept.nn.initializers import initialize


class SqueezeExcite(nn.Module):
    """Scales each channel by a number in (0, 1) that two dense layers derive from the averages of all channels.

    Args:
        channels: that come in and go out.
        squeezed: channels between the two layers.
        activation: between the two layers.

    Source: Hu, Shen & Sun 2018, section 3.
    """

    def __init__(self, channels: int, squeezed: int, *, activation: str = "silu") -> None:
        super().__init__()
        self.average = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.activation = activation_layer(activation, in_place=True)
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.gate = activation_layer("logistic")
        initialize(self.reduce, activation)
        initialize(self.expand, "logistic")

    def forward(self, features: Tensor) -> Tensor:
        """Return (samples, channels, height, width), the input scaled by channel."""
        scales: Tensor = self.gate(self.expand(self.activation(self.reduce(self.average(features)))))
        return features * scales


class StochasticDepth(nn.Module):
    """In training, leaves out the branch of a residual block for some samples of the batch, drawn anew each step.

    What stays is divided by the probability of staying, so that evaluation takes it as it is.

    Args:
        dropped: probability in [0, 1) that a sample goes without the branch.

    Source: Huang et al. 2016, "Deep Networks with Stochastic Depth", equation 2.
    """

    def __init__(self, dropped: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropped)

    def forward(self, features: Tensor) -> Tensor:
        """Return (samples, channels, height, width), zeros for some samples."""
        if not self.training or self.dropout.p == 0:
            return features
        ones = torch.ones_like(features[:, :1, :1, :1])  # one a sample
        kept: Tensor = self.dropout(ones)
        return features * kept


class MBConv(nn.Module):
    """A 1x1 convolution to many channels, a depthwise one, and a 1x1 one back to few, added to the input.

    The last convolution has no activation: one would lose information in few channels. The input is added where
    stride and channels let it.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        expansion: channels of the depthwise convolution, in multiples of `inputs`; 1 leaves the first layer out.
        kernel: side of the depthwise filters, odd.
        stride: of the depthwise convolution.
        squeezed: channels of squeeze-and-excitation after it, 0 for none.
        activation: a name that `activation_layer` knows.
        dropped: probability in [0, 1) that stochastic depth leaves the branch out for a sample.

    Source: notes §3.5.6; Sandler et al. 2018, section 3; Tan & Le 2019, section 4.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        expansion: int = 6,
        kernel: int = 3,
        stride: int = 1,
        squeezed: int = 0,
        activation: str = "relu6",
        dropped: float = 0.0,
    ) -> None:
        super().__init__()
        wide = expansion * inputs
        self.expand: nn.Module = nn.Identity()
        if expansion > 1:
            self.expand = ConvNormAct(inputs, wide, kernel=1, activation=activation)
        self.depthwise = ConvNormAct(wide, wide, kernel=kernel, stride=stride, groups=wide, activation=activation)
        self.squeeze = SqueezeExcite(wide, squeezed, activation=activation) if squeezed else nn.Identity()
        self.project = ConvNormAct(wide, outputs, kernel=1, activation="identity")
        self.added = stride == 1 and inputs == outputs
        self.depth = StochasticDepth(dropped if self.added else 0.0)

    def forward(self, features: Tensor) -> Tensor:
        """Return (samples, outputs, ceil(height / stride), ceil(width / stride))."""
        branch: Tensor = self.project(self.squeeze(self.depthwise(self.expand(features))))
        return features + self.depth(branch) if self.added else branch
