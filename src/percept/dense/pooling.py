"""Reading poolings: over windows, to a given size, and over the whole patch."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, fx

from percept.dense.layers import Pool
from percept.dense.layout import MAP, Value
from percept.dense.point_layers import AcrossChannels
from percept.dense.reader import Reader
from percept.dense.refusal import UNEVEN, refusal
from percept.dense.steps import AXES, BATCH, CHANNELS, COLUMNS, ROWS, Pair, Window
from percept.nn.geometry.operations import Mix, Slide
from percept.nn.geometry.trace import kind_of, layer_of, value_of

MEANS = ("mean",)


def read_pool(reader: Reader, node: fx.Node, value: Value, what: Slide) -> None:
    """Read a max or average pooling, as a layer or as a function.

    Args:
        reader: the steps so far.
        node: the pooling.
        value: the map that it takes.
        what: its window.
    """
    largest = "max" in kind_of(node).lower()
    made = value_of(node)
    if not isinstance(made, Tensor):
        raise refusal(node, "it gives the places of the largest values too; take return_indices=False")
    kernel, stride, padding, dilation = (
        (each[0], each[1]) for each in (what.kernel, what.stride, what.padding, what.dilation)
    )
    layer: Any = layer_of(node)
    if layer is not None:
        counts, divisor = getattr(layer, "count_include_pad", True), getattr(layer, "divisor_override", None)
    else:
        names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
        given = {**dict(zip(names, node.args, strict=False)), **node.kwargs}
        counts, divisor = given.get("count_include_pad", True), given.get("divisor_override")
    window = Window(kernel, stride, padding, dilation, padding if counts else (0, 0))
    size = made.shape[-2], made.shape[-1]
    layer = Pool(kernel, largest=largest, divisor=divisor)
    reader.values[node] = reader.windowed(node, value, layer, value.sizes[CHANNELS], size, window)


def read_adaptive(reader: Reader, node: fx.Node) -> None:
    """Read a pooling to a given size: as one of windows where all are of one size, else left to the next layer."""
    value = reader.map_of(node)
    made, kind = value_of(node), kind_of(node).lower()
    if not isinstance(made, Tensor) or not ("avg" in kind or "max" in kind):
        raise refusal(node, "percept evaluates adaptive max and average pooling alone")
    after = made.shape[-2], made.shape[-1]
    before = value.sizes[ROWS], value.sizes[COLUMNS]
    regular = [_regular(*sides) for sides in zip(before, after, strict=True)]
    rows, columns = regular
    if rows is not None and columns is not None:
        window = Window((rows[0], columns[0]), (rows[1], columns[1]))
        pool = Pool(window.kernel, largest="max" in kind)
        reader.values[node] = reader.windowed(node, value, pool, value.sizes[CHANNELS], after, window)
    elif "max" in kind:
        place = 0 if rows is None else 1
        raise refusal(node, UNEVEN.format(before=before[place], after=after[place]))
    else:
        shares = _shares(before[0], after[0]), _shares(before[1], after[1])
        sizes = {**value.sizes, ROWS: after[0], COLUMNS: after[1]}
        reader.values[node] = Value(value.step, MAP, sizes, shares)


def _windows(before: int, after: int) -> list[range]:
    return [range(place * before // after, -(-(place + 1) * before // after)) for place in range(after)]


def _regular(before: int, after: int) -> Pair | None:
    """Return kernel and stride of an adaptive pooling; None where its windows differ."""
    windows = _windows(before, after)
    lengths = {len(window) for window in windows}
    strides = {second.start - first.start for first, second in pairwise(windows)} or {1}
    return (lengths.pop(), strides.pop()) if len(lengths) == len(strides) == 1 and 0 not in strides else None


def _shares(before: int, after: int) -> Tensor:
    """Return what each window of an adaptive average takes of each position: (after, before)."""
    shares = torch.zeros(after, before, dtype=torch.float64)
    for place, window in enumerate(_windows(before, after)):
        shares[place, window.start : window.stop] = 1 / len(window)
    return shares


def read_reduction(reader: Reader, node: fx.Node, what: Mix) -> None:
    """Read a mean, sum or maximum over rows and columns, or over channels."""
    value, kind = reader.taken(node), kind_of(node)
    if kind not in ("mean", "sum", "amax"):
        raise refusal(node, "percept evaluates mean, sum and amax over dimensions alone")
    axes = [axis for dim in what.dimensions for axis in value.dims[dim] if axis == CHANNELS or axis in value.along(dim)]
    if BATCH in axes:
        raise refusal(node, "it mixes the samples of a batch")
    dims: list[tuple[str, ...]] = [()] * len(value_of(node).shape)
    for dim, kept in enumerate(what.kept):
        if kept is not None:
            dims[kept] = value.dims[dim]
    if {ROWS, COLUMNS} & set(axes):
        value = _over_positions(reader, node, value, axes, kind)
    if CHANNELS in axes:
        step = AcrossChannels(_OverLast(kind))
        reader.point(node, [value], step, 1)
        value = reader.values[node]
    reader.values[node] = Value(value.step, tuple(dims), value.sizes)


def _over_positions(reader: Reader, node: fx.Node, value: Value, axes: list[str], kind: str) -> Value:
    sizes = [value.sizes[axis] if axis in axes else 1 for axis in AXES]
    left = [1 if axis in axes else value.sizes[axis] for axis in AXES]
    window = Window((sizes[0], sizes[1]))
    pool = Pool(window.kernel, largest=kind == "amax", divisor=1.0 if kind == "sum" else None)
    return reader.windowed(node, value, pool, value.sizes[CHANNELS], (left[0], left[1]), window)


class _OverLast(torch.nn.Module):
    """A mean, sum or maximum over the last dimension, which stays with one value.

    Args:
        kind: the name of the function.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, features: Tensor) -> Tensor:
        """Return (..., 1)."""
        made: Tensor = getattr(torch, self.kind)(features, dim=-1, keepdim=True)
        return made
