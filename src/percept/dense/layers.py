"""What the steps that read windows compute, on maps of any size whose border is already there."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.dense.steps import Pair


class Filter(nn.Module):
    """A convolution, perhaps with the ReLU behind it.

    Args:
        weight: (outputs, inputs / groups, rows, columns).
        bias: (outputs,) or None.
        groups: parts that the channels are split into.
    """

    outside = 0.0

    def __init__(self, weight: Tensor, bias: Tensor | None, groups: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        self.bias = None if bias is None else nn.Parameter(bias)
        self.groups = groups
        self.rectified = False

    def forward(self, features: Tensor, stride: Pair, dilation: Pair, padding: Pair) -> Tensor:
        """Return the filtered map."""
        made = functional.conv2d(features, self.weight, self.bias, stride, padding, dilation, self.groups)
        return rectify(made) if self.rectified else made


class Pool(nn.Module):
    """A pooling: the largest value of each window, or the sum of its values.

    Args:
        kernel: taps of the window.
        largest: whether it is a max pooling; the sum otherwise.
        divisor: what sums are divided by; None for the number of values that count.
    """

    def __init__(self, kernel: Pair, *, largest: bool, divisor: float | None = None) -> None:
        super().__init__()
        self.kernel, self.largest, self.divisor = kernel, largest, divisor
        self.outside = -math.inf if largest else 0.0

    def forward(self, features: Tensor, stride: Pair, dilation: Pair, padding: Pair) -> Tensor:
        """Return the pooled map: of sums before they are divided."""
        if any(padding):
            features = functional.pad(features, (padding[1],) * 2 + (padding[0],) * 2, value=self.outside)
        for axis in (0, 1):
            features = self._along(features, axis + 2, self.kernel[axis], stride[axis], dilation[axis])
        return features

    def _along(self, features: Tensor, dim: int, kernel: int, stride: int, dilation: int) -> Tensor:
        """Pool along one axis by shifted slices, which run through memory in order at any dilation."""
        if stride > 1 and dilation == 1 and self.largest and kernel > 1:
            shape = (kernel, 1) if dim == 2 else (1, kernel)
            steps = (stride, 1) if dim == 2 else (1, stride)
            return functional.max_pool2d(features, shape, steps)
        count = features.shape[dim] - (kernel - 1) * dilation
        if stride > 1:
            taps = [shifted(features, dim, tap * dilation, count, stride) for tap in range(kernel)]
            return self._combined(taps)
        if not self.largest and kernel > 4:
            return box_sum(features, dim, kernel, dilation, count)
        return self._combined([features.narrow(dim, tap * dilation, count) for tap in range(kernel)])

    def _combined(self, taps: Sequence[Tensor]) -> Tensor:
        two: Callable[..., Tensor] = torch.maximum if self.largest else torch.add
        made = taps[0]
        for place, tap in enumerate(taps[1:]):
            own = place > 0 and not torch.is_grad_enabled()
            made = two(made, tap, out=made) if own else two(made, tap)
        return made


def shifted(features: Tensor, dim: int, start: int, count: int, stride: int) -> Tensor:
    """Return every stride-th of so many positions along a dimension, from a start on."""
    index = [slice(None)] * features.ndim
    index[dim] = slice(start, start + count, stride)
    return features[tuple(index)]


def box_sum(features: Tensor, dim: int, kernel: int, dilation: int, count: int) -> Tensor:
    """Return the sum of kernel values that lie dilation apart, from partial sums of 1, 2, 4, ... of them."""
    made: Tensor | None = None
    partial, length, done, left = features, 1, 0, kernel
    while left:
        if left & 1:
            part = partial.narrow(dim, done * dilation, count)
            made = part if made is None else made + part
            done += length
        left >>= 1
        if left:
            size = partial.shape[dim] - length * dilation
            partial = partial.narrow(dim, 0, size) + partial.narrow(dim, length * dilation, size)
            length *= 2
    return features if made is None else made


class Move(nn.Module):
    """The same values at other positions: a crop, every n-th position, or a border of one value.

    Args:
        outside: the value beyond the edge.
    """

    def __init__(self, outside: float = 0.0) -> None:
        super().__init__()
        self.outside = outside

    def forward(self, features: Tensor, stride: Pair, dilation: Pair, padding: Pair) -> Tensor:
        """Return the positions that are kept."""
        if any(padding):
            features = functional.pad(features, (padding[1],) * 2 + (padding[0],) * 2, value=self.outside)
        return features[:, :, :: stride[0], :: stride[1]]


def rectify(features: Tensor) -> Tensor:
    """Return ReLU of a map that nothing else reads."""
    return features.relu() if torch.is_grad_enabled() else features.relu_()


class Picture(nn.Module):
    """The picture itself, which no layer computes."""
