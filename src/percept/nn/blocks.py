"""The blocks that convolutional networks are stacked from: convolution with its norm, and the residual block."""

from torch import Tensor, nn

from percept.nn.activations import activation_layer
from percept.nn.initializers import initialize


class ConvNormAct(nn.Sequential):
    """A convolution, batch normalization, and an activation, in that order.

    The convolution has no bias, since the normalization has its own. With stride 1 an odd kernel keeps height and
    width; with stride s they become ceil(side / s).

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        kernel: side of the square filters, odd.
        stride: pixels between neighbouring filter positions.
        dilation: pixels between neighbouring filter taps.
        groups: parts that the channels are split into, each filtered on its own.
        activation: a key of `ACTIVATIONS`; "identity" for none.

    Source: notes §2.3.4 (normalization before the nonlinearity) and §3.3.1; Ioffe & Szegedy 2015.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        activation: str = "relu",
    ) -> None:
        padding = dilation * (kernel - 1) // 2
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)
        initialize(convolution, activation)
        super().__init__(convolution, nn.BatchNorm2d(outputs), activation_layer(activation))


class BasicResidual(nn.Module):
    """Two 3x3 convolutions that learn what to add to their input: activation(shortcut(x) + F(x)).

    The shortcut is the input itself where shapes agree, else a 1x1 convolution with normalization (option B of the
    paper).

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        stride: of the first convolution and of the shortcut.
        activation: a key of `ACTIVATIONS`, inside the block and after the addition.

    Source: notes §3.5.5; He et al. 2016, figure 2 and section 3.3.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, activation: str = "relu") -> None:
        super().__init__()
        self.first = ConvNormAct(inputs, outputs, stride=stride, activation=activation)
        self.second = ConvNormAct(outputs, outputs, activation="identity")
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = ConvNormAct(inputs, outputs, kernel=1, stride=stride, activation="identity")
        self.activation = activation_layer(activation)

    def forward(self, features: Tensor) -> Tensor:
        """Return the block's output.

        Args:
            features: (samples, inputs, height, width).

        Returns:
            (samples, outputs, ceil(height / stride), ceil(width / stride)).
        """
        added: Tensor = self.activation(self.shortcut(features) + self.second(self.first(features)))
        return added
