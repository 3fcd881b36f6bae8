"""A convolution written out as the weight matrix of the dense layer that does the same: sparse, its weights shared."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from torch import Tensor, nn

from percept.errors import OptionError

Sides = tuple[int, int]


def convolution_matrix(convolution: nn.Conv2d, size: Sequence[int]) -> csr_array:
    """Return the matrix W with which a convolution of a picture is W x, plus the bias of each output channel.

    Row and column numbers run as a picture's values lie in memory: channel by channel, row by row.

    Args:
        convolution: any stride, padding (with zeros), dilation and groups.
        size: (height, width) of the pictures, pixels.

    Returns:
        (output channels x height x width of the output, input channels x height x width) in the weights' precision.

    Raises:
        OptionError: the padding is not of zeros, or the picture is too small for the filters.

    Source: notes §3.3.5.

    Example:
        >>> convolution = nn.Conv2d(1, 1, kernel_size=(1, 2), bias=False)
        >>> _ = convolution.weight.data.copy_(torch.tensor([3.0, 4.0]))
        >>> convolution_matrix(convolution, (1, 3)).toarray().tolist()
        [[3.0, 4.0, 0.0], [0.0, 3.0, 4.0]]
    """
    weights = convolution.weight.detach().cpu().numpy()  # (outputs, inputs of a group, rows, columns of the filter)
    outputs, inputs = convolution.out_channels, convolution.in_channels
    (tall, seen_rows, row_taps), (wide, seen_columns, column_taps) = (_axis(convolution, size, axis) for axis in (0, 1))
    channel, slot, row, row_tap, column, column_tap = np.ix_(
        *map(np.arange, (outputs, weights.shape[1], tall, row_taps, wide, column_taps))
    )
    source = channel // (outputs // convolution.groups) * weights.shape[1] + slot  # a group sees its own channels
    seen_row, seen_column = seen_rows[row, row_tap], seen_columns[column, column_tap]
    values, places, pixels, inside = np.broadcast_arrays(
        weights[channel, slot, row_tap, column_tap],
        (channel * tall + row) * wide + column,
        (source * size[0] + seen_row) * size[1] + seen_column,
        (seen_row >= 0) & (seen_row < size[0]) & (seen_column >= 0) & (seen_column < size[1]),
    )
    shape = (outputs * tall * wide, inputs * size[0] * size[1])
    return csr_array(coo_array((values[inside], (places[inside], pixels[inside])), shape=shape))


def _axis(convolution: nn.Conv2d, size: Sequence[int], axis: int) -> tuple[int, NDArray[np.int64], int]:
    """Return positions of the output, (positions, taps) which pixel each tap lies on, and taps, along one axis."""
    if convolution.padding_mode != "zeros":
        raise OptionError(f"padding_mode is {convolution.padding_mode!r}; expected zeros")
    taps, stride, apart = (each[axis] for each in (convolution.kernel_size, convolution.stride, convolution.dilation))
    before, behind = _padding(convolution, axis, (taps - 1) * apart)
    count = (size[axis] + before + behind - (taps - 1) * apart - 1) // stride + 1
    if count < 1:
        reach = (taps - 1) * apart + 1 - before - behind
        raise OptionError(f"size is {size[0]}x{size[1]}; expected at least {reach} pixels along axis {axis}")
    return count, np.arange(count)[:, None] * stride - before + np.arange(taps) * apart, taps


def _padding(convolution: nn.Conv2d, axis: int, reach: int) -> Sides:
    if isinstance(convolution.padding, str):
        return (reach // 2, reach - reach // 2) if convolution.padding == "same" else (0, 0)
    return convolution.padding[axis], convolution.padding[axis]


def bias_vector(convolution: nn.Conv2d, positions: int) -> Tensor:
    """Return the bias of a convolution for each row of its matrix: that of a channel, at all of its positions.

    Args:
        convolution: with a bias or without.
        positions: height times width of the output.

    Source: notes §3.3.5.
    """
    bias = torch.zeros(convolution.out_channels) if convolution.bias is None else convolution.bias.detach().cpu()
    return bias.repeat_interleave(positions)
