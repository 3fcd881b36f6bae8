"""Reading convolutions and linear layers: both become filters."""

from math import prod
from typing import Any

from torch import Tensor, einsum, fx

from percept.dense.layers import Filter
from percept.dense.layout import Value
from percept.dense.reader import Reader
from percept.dense.refusal import POSITION, refusal
from percept.dense.steps import BATCH, CHANNELS, COLUMNS, ROWS, Pair, Window
from percept.nn.geometry.operations import Slide
from percept.nn.geometry.trace import layer_of, value_of


def read_convolution(reader: Reader, node: fx.Node, value: Value, what: Slide) -> None:
    """Read a convolution, as a layer or as a function.

    Args:
        reader: the steps so far.
        node: the convolution.
        value: the map that it takes.
        what: its window.
    """
    layer: Any = layer_of(node)
    if layer is not None:
        weight, bias, groups = layer.weight.detach(), layer.bias, layer.groups
        mirrored = layer.padding_mode != "zeros"
    else:
        given = dict(
            zip(("input", "weight", "bias", "stride", "padding", "dilation", "groups"), node.args, strict=False)
        )
        given.update(node.kwargs)
        if given["weight"] not in reader.constants:
            raise refusal(node, "its weights are computed from the picture")
        weight, bias, mirrored = reader.known(given["weight"]), reader.known(given.get("bias")), False
        groups = given.get("groups", 1)
    filters = Filter(weight.clone(), None if bias is None else bias.detach().clone(), groups)
    kernel, stride, before, dilation = (
        (each[0], each[1]) for each in (what.kernel, what.stride, what.padding, what.dilation)
    )
    window = Window(kernel, stride, before, dilation, mirrored=mirrored and any(before))
    rows, columns = value_of(node).shape[-2:]
    reader.values[node] = reader.windowed(node, value, filters, weight.shape[0], (rows, columns), window)


def read_linear(reader: Reader, node: fx.Node) -> None:
    """Read a linear layer: a filter over the whole patch, or over the channels of each position."""
    value = reader.values[node.all_input_nodes[0]]
    layer: Any = layer_of(node)
    if layer is not None:
        weight, bias = layer.weight.detach(), layer.bias
    else:
        given = {**dict(zip(("input", "weight", "bias"), node.args, strict=False)), **node.kwargs}
        if given["weight"] not in reader.constants:
            raise refusal(node, "its weights are computed from the picture")
        weight, bias = reader.known(given["weight"]), reader.known(given.get("bias"))
    bias = None if bias is None else bias.detach().clone()
    last = value.dims[-1]
    elsewhere = [axis for dim in value.dims[:-1] for axis in dim if axis != BATCH and value.sizes[axis] > 1]
    if not set(value.along(len(value.dims) - 1)) & {ROWS, COLUMNS}:
        filters = _over_channels(reader.even(node, value), weight)
        if filters is None:
            raise refusal(node, "it mixes the rows or columns of a map, not its channels")
        made = reader.windowed(node, value, Filter(filters, bias), weight.shape[0], _size(value), Window())
        dims = (*value.dims[:-1], (CHANNELS,))
        reader.values[node] = Value(made.step, dims, made.sizes)
        return
    if elsewhere:
        raise refusal(node, POSITION + ", and it mixes one of the map's dimensions alone")
    filters = _over_patch(value, last, weight)
    kernel = filters.shape[2], filters.shape[3]
    made = reader.windowed(node, value, Filter(filters, bias), weight.shape[0], (1, 1), Window(kernel))
    reader.values[node] = Value(made.step, (*value.dims[:-1], (CHANNELS,)), made.sizes)


def _size(value: Value) -> Pair:
    return value.sizes[ROWS], value.sizes[COLUMNS]


def _over_channels(value: Value, weight: Tensor) -> Tensor | None:
    """Return the weights of a linear layer over the channels as filters; None where others lie in its dimension."""
    return weight[:, :, None, None].clone() if weight.shape[1] == value.sizes[CHANNELS] else None


def _over_patch(value: Value, last: tuple[str, ...], weight: Tensor) -> Tensor:
    """Return the weights of a linear layer over a flattened map as filters (outputs, channels, rows, columns)."""
    order = [axis for axis in last if axis != BATCH]
    order += [axis for axis in (CHANNELS, ROWS, COLUMNS) if axis not in order]
    sizes = [value.sizes[axis] for axis in order]
    if prod(sizes) != weight.shape[1]:
        raise ValueError(f"{weight.shape[1]} weights for {sizes}")
    filters = weight.reshape(-1, *sizes).permute(0, *(1 + order.index(axis) for axis in (CHANNELS, ROWS, COLUMNS)))
    if value.shares is not None:
        filters = einsum("ncij,iy,jx->ncyx", filters, *(each.to(weight) for each in value.shares))
    return filters.clone()
