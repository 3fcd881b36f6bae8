"""Reading what works position by position: activations, sums, normalization by running averages, scales."""

import operator
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from percept.dense.layout import Value
from percept.dense.point_layers import Add, Function, Layer, Rectify, Slot
from percept.dense.reader import Reader
from percept.dense.refusal import GATE, POSITION, refusal
from percept.dense.steps import CHANNELS
from percept.nn.geometry.shapes import HANDED_ON
from percept.nn.geometry.trace import kind_of, layer_of, value_of

CHANNEL_LAYERS = (nn.Softmax2d, nn.ChannelShuffle, nn.LocalResponseNorm, nn.PReLU)
"""Layers that work on the channels of each position, along dimension 1."""
SAME = ("contiguous", "clone", "detach", "to", "float", "double", "half", "bfloat16", "type_as", "expand", "expand_as")
"""Methods that leave the values as they are, where they leave the shape."""
SUMS = (operator.add, operator.iadd, torch.add, "add", "add_")
RECTIFIERS = (functional.relu, functional.relu_, torch.relu, torch.relu_, "relu", "relu_")
PLAIN: dict[Any, Callable[..., Any]] = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    functional.leaky_relu_: functional.leaky_relu,
    functional.elu_: functional.elu,
    functional.hardtanh_: functional.hardtanh,
}
"""Functions that write over their input, and those that do not."""


def read_pointwise(reader: Reader, node: fx.Node) -> None:
    """Read a layer or function that works position by position."""
    layer = layer_of(node)
    if layer is None:
        _read_function(reader, node)
        return
    value = reader.values[node.all_input_nodes[0]]
    if isinstance(layer, HANDED_ON):
        reader.values[node] = value
        return
    value = reader.even(node, value)
    if isinstance(layer, _BatchNorm):
        reader.normalized(node, value, layer)
    elif type(layer) is nn.ReLU:
        reader.point(node, [value], Rectify())
    else:
        if (
            isinstance(layer, CHANNEL_LAYERS)
            and not value.channels_alone(1)
            and getattr(layer, "num_parameters", 2) > 1
        ):
            raise refusal(node, POSITION)
        own = deepcopy(layer).eval()
        if hasattr(own, "inplace"):
            own.inplace = False  # type: ignore[assignment]
        reader.point(node, [value], Layer(own))


def _read_function(reader: Reader, node: fx.Node) -> None:
    kind, values = kind_of(node), [each for each in node.all_input_nodes if each in reader.values]
    first = reader.values[values[0]]
    if kind.startswith(("dropout", "alpha_dropout")):
        _read_dropout(reader, node, first)
        return
    if kind in SAME:
        if value_of(node).shape != value_of(values[0]).shape:
            raise refusal(node, GATE)
        reader.values[node] = first
        return
    taken = [reader.even(node, reader.values[each]) for each in values]
    if len({_of_size(each) for each in taken}) > 1:
        raise refusal(node, GATE)
    if kind == "batch_norm":
        _read_batch_norm(reader, node, taken[0])
        return
    if node.target in RECTIFIERS:
        reader.point(node, taken, Rectify())
        return
    plain = len(node.args) == 2 and not set(node.kwargs) - {"alpha"} and node.kwargs.get("alpha", 1) == 1
    if node.target in SUMS and plain and all(each in reader.values for each in node.args):
        maps = [reader.values[each] for each in node.args if isinstance(each, fx.Node)]
        reader.point(node, maps, Add(), max(each.sizes[CHANNELS] for each in maps))
        return
    _read_call(reader, node, values, taken)


def _of_size(value: Value) -> tuple[Any, ...]:
    """Return the layout by which values must agree to meet position by position, counted from the last dimension."""
    return tuple(sorted((axis, size) for axis, size in value.sizes.items() if axis != CHANNELS))


def _read_dropout(reader: Reader, node: fx.Node, value: Value) -> None:
    training = node.kwargs.get("training", node.args[2] if len(node.args) > 2 else True)
    if training:
        raise refusal(node, "it drops values at random in evaluation too; pass training=self.training")
    reader.values[node] = value


def _read_batch_norm(reader: Reader, node: fx.Node, value: Value) -> None:
    names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    given: dict[str, Any] = {**dict(zip(names, node.args, strict=False)), **node.kwargs}
    mean, variance, weight, bias = (reader.known(given.get(name)) for name in names[1:5])
    if given.get("training") or mean is None:
        raise refusal(node, "it normalizes by the mean and variance of the batch; train it with running averages")
    reader.scaled(node, value, mean, variance, weight, bias, given.get("eps", 1e-5))


def _read_call(reader: Reader, node: fx.Node, nodes: list[fx.Node], values: list[Value]) -> None:
    """Read a function with its arguments, those that depend on the picture and those that do not."""
    rank = len(value_of(node).shape)
    constants: list[Tensor] = []
    largest = max(values, key=lambda each: len(each.dims))

    def filled(each: fx.Node) -> Any:
        if each in reader.values:
            return Slot(nodes.index(each))
        held = reader.constants[each]
        if not isinstance(held, Tensor):
            return held
        constants.append(held if kind_of(node) == "prelu" else _by_channel(node, held, largest, rank))
        return Slot(len(nodes) + len(constants) - 1)

    args, kwargs = fx.map_arg((node.args, node.kwargs), filled)
    kwargs = {name: each for name, each in kwargs.items() if name not in ("inplace", "out")}
    channels = _channels_made(node, largest)
    reader.point(node, values, Function(_function(node), args, kwargs, constants), channels)


def _function(node: fx.Node) -> Callable[..., Any]:
    if node.op == "call_method":
        method: Callable[..., Any] = getattr(torch.Tensor, str(node.target).rstrip("_"))
        return method
    target: Any = node.target
    function: Callable[..., Any] = PLAIN.get(target, target)
    return function


def _channels_made(node: fx.Node, value: Value) -> int:
    made = value_of(node).shape
    dims = [dim for dim in range(len(value.dims)) if CHANNELS in value.dims[dim]]
    if not dims:
        return value.sizes[CHANNELS]
    others = [axis for axis in value.dims[dims[0]] if axis != CHANNELS]
    count: int = made[dims[0] - len(value.dims)]
    for axis in others:
        count //= value.sizes[axis]
    return count


def _by_channel(node: fx.Node, held: Tensor, value: Value, rank: int) -> Tensor:
    """Return a tensor that is the same for every picture as (channels, 1, 1), or as one number."""
    wide = [place for place, side in enumerate(held.shape) if side > 1]
    if not wide:
        return held.reshape(())
    dim = wide[0] - held.ndim + len(value.dims)
    if len(wide) > 1 or rank != len(value.dims) or not value.channels_alone(dim):
        raise refusal(node, POSITION)
    return held.reshape(-1, 1, 1)
