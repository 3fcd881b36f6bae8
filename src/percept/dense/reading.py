"""From a network to the steps of its dense evaluation: each layer is read once, for one size of patch."""

import operator
from typing import Any

from torch import Tensor, fx, nn

from percept.dense.layers import Picture
from percept.dense.layout import MAP, Value, regrouped
from percept.dense.point_layers import AcrossChannels
from percept.dense.pointwise import read_pointwise
from percept.dense.pooling import read_adaptive, read_pool, read_reduction
from percept.dense.reader import Reader
from percept.dense.refusal import POSITION, STATISTICS, refusal
from percept.dense.steps import CHANNELS, COLUMNS, ROWS, Step
from percept.dense.weighted import read_convolution, read_linear
from percept.errors import OptionError
from percept.nn.geometry.layers import operation
from percept.nn.geometry.operations import Adapt, Join, Mix, Permute, Reshape, Slide, Stack, Take, Unknown
from percept.nn.geometry.trace import kind_of, layer_of, trace, value_of


def read_steps(network: nn.Module, channels: int, patch: tuple[int, int]) -> tuple[Step, ...]:
    """Return the steps of a patch classifier, the picture first, each behind those that it takes.

    Args:
        network: any network that torch.fx can follow; it is left as it is, and its weights are copied.
        channels: of the picture.
        patch: rows and columns of the patches that it classifies.

    Raises:
        OptionError: a layer has no exact dense form, or it does not give one vector of scores a patch.
    """
    traced = trace(network, (channels, *patch))
    reader = Reader(network)
    sizes = {CHANNELS: channels, ROWS: patch[0], COLUMNS: patch[1]}
    reader.steps.append(Step("picture", Picture(), (), channels, patch))
    reader.values[traced.input] = Value(0, MAP, sizes)
    for node in traced.nodes:
        if node is traced.input or value_of(node) is None:
            continue
        if any(each in reader.values for each in node.all_input_nodes):
            _read(reader, node)
        else:
            reader.constants[node] = reader.constant(node)
    return _ended(reader, traced.nodes[-1])


def _ended(reader: Reader, last: fx.Node) -> tuple[Step, ...]:
    outputs = [argument for node in last.graph.nodes if node.op == "output" for argument in node.args]
    node = outputs[0]
    value = reader.values.get(node) if isinstance(node, fx.Node) else None
    if not isinstance(value, Value):
        raise OptionError("the network gives more than one value a patch; expected one vector of scores")
    value = reader.even(node, value)
    if value.spread or CHANNELS not in (axis for dim in value.dims for axis in dim):
        given = "x".join(map(str, value_of(node).shape[1:]))
        raise OptionError(
            f"the network gives {given} values for a patch of {reader.steps[0].size[0]}x{reader.steps[0].size[1]};"
            " expected one vector of scores: take the patch that it classifies, or predict_tiled for a network that"
            " gives a map"
        )
    return reader.ending_at(value.step)


def _read(reader: Reader, node: fx.Node) -> None:
    what = operation(node)
    for kind, read in READINGS.items():
        if isinstance(what, kind):
            read(reader, node, what)
            return
    why = what.reason if isinstance(what, Unknown) else "it makes maps larger; a network that gives a map needs none"
    raise refusal(node, why)


def _read_slide(reader: Reader, node: fx.Node, what: Slide) -> None:
    kind = kind_of(node).lower()
    value = reader.map_of(node)
    if len(what.kernel) != 2:
        raise refusal(node, "percept evaluates layers over rows and columns alone")
    if "conv" in kind:
        read_convolution(reader, node, value, what)
    elif "max" in kind or "avg" in kind:
        read_pool(reader, node, value, what)
    else:
        raise refusal(node, "percept evaluates convolutions, max and average pooling alone")


def _read_mix(reader: Reader, node: fx.Node, what: Mix) -> None:
    kind, layer = kind_of(node), layer_of(node)
    if kind in ("Linear", "linear"):
        read_linear(reader, node)
    elif what.reduced:
        read_reduction(reader, node, what)
    elif isinstance(layer, nn.InstanceNorm2d) and layer.track_running_stats:
        reader.normalized(node, reader.map_of(node), layer)
    elif isinstance(layer, nn.GroupNorm):
        _read_group_norm(reader, node, layer)
    else:
        _read_across(reader, node, what)


def _read_group_norm(reader: Reader, node: fx.Node, layer: nn.GroupNorm) -> None:
    value = reader.taken(node)
    if value.spread or not value.channels_alone(1):
        raise refusal(node, STATISTICS)
    own = nn.GroupNorm(layer.num_groups, layer.num_channels, layer.eps, layer.affine, device="meta")
    reader.point(node, [value], AcrossChannels(_OfVectors(reader.copied(layer, own))))


class _OfVectors(nn.Module):
    """A layer for (samples, channels), on vectors in any shape.

    Args:
        layer: the layer.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, vectors: Tensor) -> Tensor:
        """Return what the layer makes of (..., channels)."""
        made: Tensor = self.layer(vectors.reshape(-1, vectors.shape[-1]))
        return made.reshape(vectors.shape)


def _read_across(reader: Reader, node: fx.Node, what: Mix) -> None:
    """Read softmax or layer normalization, where they work on the channels of each position alone."""
    value = reader.taken(node)
    axes = {axis for dim in what.dimensions for axis in value.along(dim)}
    if axes != {CHANNELS} or (value.dims[what.dimensions[0]] != (CHANNELS,) and value.spread):
        raise refusal(node, STATISTICS if "norm" in kind_of(node).lower() else POSITION)
    layer = layer_of(node)
    if isinstance(layer, nn.LayerNorm):
        vector = nn.LayerNorm(value.sizes[CHANNELS], layer.eps, layer.elementwise_affine, device="meta")
        reader.point(node, [value], AcrossChannels(reader.copied(layer, vector)))
    elif kind_of(node) in ("Softmax", "softmax"):
        reader.point(node, [value], AcrossChannels(nn.Softmax(dim=-1)))
    elif kind_of(node) in ("LogSoftmax", "log_softmax"):
        reader.point(node, [value], AcrossChannels(nn.LogSoftmax(dim=-1)))
    else:
        raise refusal(node, "percept knows its dense form as a layer, not as a function")


def _read_layout(reader: Reader, node: fx.Node, what: Reshape | Permute) -> None:
    value = reader.values[node.all_input_nodes[0]]
    if isinstance(what, Permute):
        dims = tuple(value.dims[dim] for dim in what.order)
    else:
        made = value_of(node).shape
        found = regrouped(value, value_of(node.all_input_nodes[0]).shape[0], made)
        if found is None:
            raise refusal(node, "it splits the channels, the rows or the columns of a map into several dimensions")
        dims = found
    reader.values[node] = Value(value.step, dims, value.sizes, value.shares)


def _read_stack(reader: Reader, node: fx.Node, what: Stack) -> None:
    if not isinstance(value_of(node), Tensor):
        value = reader.taken(node)
        if not value.channels_alone(what.dimension):
            raise refusal(node, "it cuts a map along its rows or columns")
        reader.parts[node] = value, [part.shape[what.dimension] for part in value_of(node)]
        reader.values[node] = value
        return
    given: Any = node.args[0] if node.args else node.kwargs["tensors"]
    reader.concatenate(node, given, what.dimension)


def _read_take(reader: Reader, node: fx.Node, what: Take) -> None:
    value = reader.taken(node)
    before, made = value_of(node.all_input_nodes[0]).shape, value_of(node).shape
    dims, (fill, mirrored) = _kept(value, what, len(made)), _outside(node)
    for dim, kept in enumerate(what.kept):
        start, step = what.places.get(dim, (0, 1))
        count = 1 if kept is None else made[kept]
        if (start, step, count) == (0, 1, before[dim]):
            continue
        axes = value.along(dim) or value.dims[dim]
        if len(axes) != 1 or axes[0] not in (CHANNELS, ROWS, COLUMNS) or step < 0:
            raise refusal(node, "it takes parts of a flattened map, of the samples, or turns a map over")
        value = reader.cut(node, value, axes[0], range(start, start + count * (step or 1), step or 1), fill, mirrored)
    reader.values[node] = Value(value.step, dims, value.sizes)


def _outside(node: fx.Node) -> tuple[float, bool]:
    """Return the value that a padding puts beyond the edges, and whether it mirrors what lies within instead."""
    layer: Any = layer_of(node)
    if layer is not None:
        return float(getattr(layer, "value", 0.0)), not isinstance(layer, nn.ConstantPad2d)
    if kind_of(node) != "pad":
        return 0.0, False
    given: dict[str, Any] = {**dict(zip(("input", "pad", "mode", "value"), node.args, strict=False)), **node.kwargs}
    return float(given.get("value") or 0.0), given.get("mode", "constant") != "constant"


def _kept(value: Value, what: Take, count: int) -> tuple[tuple[str, ...], ...]:
    dims: list[tuple[str, ...]] = [()] * count
    for dim, kept in enumerate(what.kept):
        if kept is not None:
            dims[kept] = value.dims[dim]
    return tuple(dims)


def _read_join(reader: Reader, node: fx.Node, what: Join) -> None:
    if node.target is operator.getitem:
        value, sizes = reader.parts[node.all_input_nodes[0]]
        index: Any = node.args[1]
        place = range(len(sizes))[index]
        start = sum(sizes[:place])
        reader.values[node] = reader.channels(node, value, range(start, start + sizes[place]))
    else:
        read_pointwise(reader, node)


READINGS: dict[type, Any] = {
    Slide: _read_slide,
    Adapt: lambda reader, node, what: read_adaptive(reader, node),
    Mix: _read_mix,
    Reshape: _read_layout,
    Permute: _read_layout,
    Stack: _read_stack,
    Take: _read_take,
    Join: _read_join,
}


def channels_of(network: nn.Module, patch: tuple[int, int]) -> int:
    """Return the channels of the pictures that a network takes, by its first convolution or linear layer.

    Raises:
        OptionError: it has neither.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            return layer.in_channels
        if isinstance(layer, nn.Linear):
            return max(1, layer.in_features // (patch[0] * patch[1]))
    raise OptionError("the network has no convolution that tells the channels of its pictures; pass channels=...")
