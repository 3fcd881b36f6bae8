"""The depthwise-separable convolution: filtering each channel on its own, then mixing the channels pixel by pixel."""

from torch import nn

from percept.nn.blocks.convolution import ConvNormAct


class DepthwiseSeparable(nn.Sequential):
    """A 3x3 convolution of each channel alone, then a 1x1 convolution, both with normalization and activation.

    For c channels in and d out it has 9 c + c d weights, where a whole 3x3 convolution has 9 c d.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        stride: of the depthwise convolution.
        activation: a name that `activation_layer` knows.

    Source: notes §3.5.6; Howard et al. 2017, section 3.1.

    Example:
        >>> [tuple(values.shape) for values in DepthwiseSeparable(8, 16).parameters() if values.ndim > 1]
        [(8, 1, 3, 3), (16, 8, 1, 1)]
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, activation: str = "relu") -> None:
        super().__init__()
        self.depthwise = ConvNormAct(inputs, inputs, stride=stride, groups=inputs, activation=activation)
        self.pointwise = ConvNormAct(inputs, outputs, kernel=1, activation=activation)
