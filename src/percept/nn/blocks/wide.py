"""The wide residual block: normalization and activation before each convolution, and dropout between the two."""

from torch import Tensor, nn

from percept.nn.activations import activation_layer
from percept.nn.initializers import initialize


class WideResidual(nn.Module):
    """Two 3x3 convolutions, each after normalization and ReLU, whose result is added to the input.

    Where shapes agree the input is added untouched, else a 1x1 convolution of the normalized and activated input.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        stride: of the first convolution and of the shortcut.
        dropout: probability in [0, 1) that a value between the convolutions is silent in a training step.

    Source: notes §3.5.7; Zagoruyko & Komodakis 2016, figure 1d and section 2.4.

    Example:
        >>> sum(values.numel() for values in WideResidual(2, 4).parameters()) == 2 * 2 + 72 + 2 * 4 + 144 + 8
        True
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.BatchNorm2d(inputs), activation_layer("relu", in_place=True))
        self.first = _convolution(inputs, outputs, kernel=3, stride=stride)
        self.between = nn.Sequential(nn.BatchNorm2d(outputs), activation_layer("relu", in_place=True))
        self.dropout = nn.Dropout(dropout)
        self.second = _convolution(outputs, outputs, kernel=3, stride=1)
        self.projected = stride != 1 or inputs != outputs
        self.shortcut = _convolution(inputs, outputs, kernel=1, stride=stride) if self.projected else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Return (samples, outputs, ceil(height / stride), ceil(width / stride))."""
        entered = self.enter(features)
        branch: Tensor = self.second(self.dropout(self.between(self.first(entered))))
        around: Tensor = self.shortcut(entered if self.projected else features)
        return around + branch


def _convolution(inputs: int, outputs: int, *, kernel: int, stride: int) -> nn.Conv2d:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    initialize(convolution, "relu")
    return convolution
