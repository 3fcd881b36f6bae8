"""The mlpconv layer: a convolution whose filter is a small multilayer perceptron, slid over the picture."""

from torch import nn

from percept.nn.blocks.convolution import ConvNormAct


class MlpConv(nn.Sequential):
    """A convolution and two 1x1 convolutions, each followed by ReLU.

    A 1x1 convolution is a dense layer that every pixel goes through on its own.

    Args:
        inputs: channels that come in.
        outputs: channels that each of the three layers gives.
        kernel: side of the first layer's filters, odd; height and width are kept.
        normalized: whether batch normalization stands before each ReLU.

    Source: notes §3.5.3; Lin, Chen & Yan 2014, section 3.1.

    Example:
        >>> [tuple(values.shape) for values in MlpConv(3, (8, 6, 4)).parameters() if values.ndim > 1]
        [(8, 3, 5, 5), (6, 8, 1, 1), (4, 6, 1, 1)]
    """

    def __init__(
        self, inputs: int, outputs: tuple[int, int, int], *, kernel: int = 5, normalized: bool = False
    ) -> None:
        first, second, third = outputs
        super().__init__(
            ConvNormAct(inputs, first, kernel=kernel, normalized=normalized),
            ConvNormAct(first, second, kernel=1, normalized=normalized),
            ConvNormAct(second, third, kernel=1, normalized=normalized),
        )
