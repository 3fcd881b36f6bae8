"""Residual blocks: layers that learn what to add to their input, and the shortcuts that carry the input around them."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from percept.nn.activations import activation_layer
from percept.nn.blocks.convolution import ConvNormAct

Shortcut = Literal["A", "B"]


class PaddedIdentity(nn.Module):
    """The shortcut without weights: every stride-th pixel, with channels of zeros before and after.

    Args:
        inputs: channels that come in.
        outputs: channels that go out, no fewer; the zeros are shared equally between both ends.
        stride: pixels between those that are kept.

    Source: He et al. 2016, section 3.3, option A.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.kept = nn.AvgPool2d(1, stride)  # windows of one pixel
        before = (outputs - inputs) // 2
        self.zeros = (0, 0, 0, 0, before, outputs - inputs - before)

    def forward(self, features: Tensor) -> Tensor:
        """Return (samples, outputs, ceil(height / stride), ceil(width / stride))."""
        return functional.pad(self.kept(features), self.zeros)


def _shortcut(inputs: int, outputs: int, stride: int, kind: Shortcut) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if kind == "A":
        return PaddedIdentity(inputs, outputs, stride=stride)
    return ConvNormAct(inputs, outputs, kernel=1, stride=stride, activation="identity")


class BasicResidual(nn.Module):
    """Two 3x3 convolutions that learn what to add to their input: activation(shortcut(x) + F(x)).

    The shortcut is the input itself where shapes agree.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        stride: of the first convolution and of the shortcut.
        activation: a key of `ACTIVATIONS`, inside the block and after the addition.
        shortcut: where shapes differ, "A" pads the input with zeros, "B" projects it by a 1x1 convolution with
            normalization.

    Source: notes §3.5.5; He et al. 2016, figure 2 and section 3.3.
    """

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, activation: str = "relu", shortcut: Shortcut = "B"
    ) -> None:
        super().__init__()
        self.first = ConvNormAct(inputs, outputs, stride=stride, activation=activation)
        self.second = ConvNormAct(outputs, outputs, activation="identity")
        self.shortcut = _shortcut(inputs, outputs, stride, shortcut)
        self.activation = activation_layer(activation, in_place=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return the block's output.

        Args:
            features: (samples, inputs, height, width).

        Returns:
            (samples, outputs, ceil(height / stride), ceil(width / stride)).
        """
        branch = self.second(self.first(features))
        branch += self.shortcut(features)  # in place: the sum takes the branch's memory
        added: Tensor = self.activation(branch)
        return added


class BottleneckResidual(nn.Module):
    """A 1x1, a 3x3 and a 1x1 convolution that learn what to add to their input, the 3x3 one in fewer channels.

    With several groups the 3x3 convolution is ResNeXt's: as many paths of the same form side by side. The stride is
    that of the 3x3 convolution, as in torchvision, where the paper puts it on the first 1x1 one and so never looks at
    three of four pixels.

    Args:
        inputs: channels that come in.
        inner: channels of the 3x3 convolution.
        outputs: channels that go out.
        stride: of the 3x3 convolution and of the shortcut.
        groups: parts that the 3x3 convolution is split into.

    Source: notes §3.5.5 and §3.5.7; He et al. 2016, figure 5; Xie et al. 2017, figure 3c.
    """

    def __init__(self, inputs: int, inner: int, outputs: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.first = ConvNormAct(inputs, inner, kernel=1)
        self.second = ConvNormAct(inner, inner, stride=stride, groups=groups)
        self.third = ConvNormAct(inner, outputs, kernel=1, activation="identity")
        self.shortcut = _shortcut(inputs, outputs, stride, "B")
        self.activation = activation_layer("relu", in_place=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return (samples, outputs, ceil(height / stride), ceil(width / stride))."""
        branch = self.third(self.second(self.first(features)))
        branch += self.shortcut(features)  # in place: the sum takes the branch's memory
        added: Tensor = self.activation(branch)
        return added
