"""A convolution with its normalization and activation, in both orders: the block that all others are made of."""

from torch import nn

from percept.nn.activations import activation_layer
from percept.nn.initializers import initialize


class ConvNormAct(nn.Sequential):
    """A convolution, batch normalization, and an activation, in that order.

    With stride 1 an odd kernel keeps height and width; with stride s they become ceil(side / s). The activation
    writes over its input, which nothing else reads.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        kernel: side of the square filters, odd.
        stride: pixels between neighbouring filter positions.
        padding: pixels of zeros around the map; None for as many as keep its sides at stride 1.
        dilation: pixels between neighbouring filter taps.
        groups: parts that the channels are split into, each filtered on its own.
        activation: a name that `activation_layer` knows; "identity" for none.
        normalized: whether there is batch normalization; where there is not, convolution and activation remain.
        bias: whether the convolution has one; None for only where there is no normalization, which has its own.

    Source: notes §2.3.4 (normalization before the nonlinearity) and §3.3.1; Ioffe & Szegedy 2015.

    Example:
        >>> [tuple(values.shape) for values in ConvNormAct(3, 8).parameters()]
        [(8, 3, 3, 3), (8,), (8,)]
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        padding: int | None = None,
        dilation: int = 1,
        groups: int = 1,
        activation: str = "relu",
        normalized: bool = True,
        bias: bool | None = None,
    ) -> None:
        padding = dilation * (kernel - 1) // 2 if padding is None else padding
        bias = not normalized if bias is None else bias
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=bias)
        initialize(convolution, activation)
        norm = [nn.BatchNorm2d(outputs)] if normalized else []
        super().__init__(convolution, *norm, activation_layer(activation, in_place=True))


class NormActConv(nn.Sequential):
    """Batch normalization, ReLU, and a convolution without bias, in that order.

    The convolution comes last, so that nothing but additions and concatenations stands between one block and the
    next. An odd kernel keeps height and width at stride 1.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        kernel: side of the square filters, odd.
        stride: pixels between neighbouring filter positions.

    Source: He et al. 2016, "Identity Mappings in Deep Residual Networks".
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> None:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=False)
        initialize(convolution, "relu")
        super().__init__(nn.BatchNorm2d(inputs), activation_layer("relu", in_place=True), convolution)
