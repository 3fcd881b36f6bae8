"""The steps found so far while a network is read, and what is common to reading any layer."""

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from percept.dense.layers import Move
from percept.dense.layout import MAP, Value
from percept.dense.point_layers import Affine, ChannelCut, Concatenate, Pointwise
from percept.dense.refusal import GATE, UNEVEN, refusal
from percept.dense.steps import AXES, CHANNELS, COLUMNS, ROWS, Pair, Step, Window
from percept.nn.geometry.trace import name_of


class Reader:
    """The dense steps of a network, one behind the other, and where the values of its nodes are among them.

    Args:
        network: that is read.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.steps: list[Step] = []
        self.values: dict[fx.Node, Value] = {}
        self.constants: dict[fx.Node, Any] = {}
        self.parts: dict[fx.Node, tuple[Value, list[int]]] = {}

    def taken(self, node: fx.Node, place: int = 0) -> Value:
        """Return the value of one of a node's inputs, whose windows are all of one size."""
        given = [each for each in node.all_input_nodes if each in self.values][place]
        return self.even(node, self.values[given])

    def map_of(self, node: fx.Node) -> Value:
        """Return the value of a node's first input, which must be laid out as a map."""
        value = self.taken(node)
        if not value.is_map():
            raise refusal(node, "it takes a map whose dimensions are not samples, channels, rows and columns")
        return value

    def even(self, node: fx.Node, value: Value) -> Value:
        """Return the value, or refuse it where it was pooled into windows of different size."""
        if value.shares is None:
            return value
        before, after = (value.shares[0].shape[way] for way in (1, 0))
        raise refusal(node, "the pooling before it: " + UNEVEN.format(before=before, after=after))

    def constant(self, node: fx.Node) -> Any:
        """Return what a node gives that does not depend on the picture."""
        if node.op == "get_attr":
            return operator.attrgetter(str(node.target))(self.network).detach()
        with torch.no_grad():
            args, kwargs = fx.map_arg((node.args, node.kwargs), lambda each: self.constants[each])
            if node.op == "call_module":
                return node.meta["layer"](*args, **kwargs)
            if node.op == "call_method":
                return getattr(args[0], str(node.target))(*args[1:], **kwargs)
            target: Any = node.target
            return target(*args, **kwargs)

    def known(self, given: Any) -> Any:
        """Return an argument that does not depend on the picture."""
        return fx.map_arg(given, lambda each: self.constants[each])

    def add(
        self,
        node: fx.Node,
        layer: nn.Module,
        inputs: Sequence[int],
        channels: int,
        size: Pair,
        window: Window | None = None,
    ) -> int:
        """Add a step and return its place."""
        if window is not None:
            single = tuple(1 if size[axis] == 1 else window.stride[axis] for axis in (0, 1))
            window = replace(window, stride=(single[0], single[1]))
        self.steps.append(Step(name_of(node), layer, tuple(inputs), channels, size, window))
        return len(self.steps) - 1

    def windowed(
        self, node: fx.Node, value: Value, layer: nn.Module, channels: int, size: Pair, window: Window
    ) -> Value:
        """Add a step that reads windows of a map, and return its value, laid out as a map."""
        step = self.add(node, layer, [value.step], channels, size, window)
        return Value(step, MAP, {CHANNELS: channels, ROWS: size[0], COLUMNS: size[1]})

    def point(self, node: fx.Node, values: Sequence[Value], layer: Pointwise, channels: int | None = None) -> None:
        """Add a step that works position by position, whose value is laid out as the first of its inputs."""
        for dim in range(-1, -1 - max(len(each.dims) for each in values), -1):
            if len({each.along(dim) for each in values if len(each.dims) >= -dim and each.along(dim)}) > 1:
                raise refusal(node, "it brings different dimensions together, such as rows and columns")
        sizes = {axis: self.common(node, values, axis) for axis in AXES}
        count = values[0].sizes[CHANNELS] if channels is None else channels
        step = self.add(node, layer, [each.step for each in values], count, (sizes[ROWS], sizes[COLUMNS]))
        longest = max(values, key=lambda each: len(each.dims))
        self.values[node] = Value(step, longest.dims, {CHANNELS: count, **sizes})

    def common(self, node: fx.Node, values: Sequence[Value], axis: str) -> int:
        """Return the positions of values that meet, which must be as many."""
        sizes = {each.sizes[axis] for each in values}
        if len(sizes) > 1:
            raise refusal(node, GATE)
        return sizes.pop()

    def normalized(self, node: fx.Node, value: Value, layer: Any) -> None:
        """Add the step of a normalization by running averages."""
        if layer.running_mean is None or layer.running_var is None:
            raise refusal(node, "it normalizes by the mean and variance of the batch; train it with running averages")
        self.scaled(node, value, layer.running_mean, layer.running_var, layer.weight, layer.bias, layer.eps)

    def scaled(
        self,
        node: fx.Node,
        value: Value,
        mean: Tensor,
        variance: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        epsilon: float,
    ) -> None:
        """Add the step of a normalization by known averages, one for each channel."""
        if not value.channels_alone(1):
            raise refusal(node, "it normalizes each position of the patch on its own; put it before the flattening")
        scale = (variance.detach() + epsilon).rsqrt()
        scale = scale if weight is None else scale * weight.detach()
        shift = -mean.detach() * scale
        self.point(node, [value], Affine(scale, shift if bias is None else shift + bias.detach()))

    def cut(
        self, node: fx.Node, value: Value, axis: str, places: range, fill: float = 0.0, mirrored: bool = False
    ) -> Value:
        """Add the step of some positions of an axis, which may lie beyond its edges, and return its value.

        Args:
            node: that takes them.
            value: of which.
            axis: along which.
            places: the positions.
            fill: what lies beyond the edges.
            mirrored: whether that is copied from within instead.
        """
        if axis == CHANNELS:
            return self.channels(node, value, places, fill)
        count = len(places)
        sizes = {**value.sizes, axis: count}
        moved = [(1, 0), (1, 0)]
        moved[AXES.index(axis)] = places.step, -places.start
        (row_stride, rows), (column_stride, columns) = moved
        window = Window(stride=(row_stride, column_stride), before=(rows, columns), mirrored=mirrored)
        size = sizes[ROWS], sizes[COLUMNS]
        place = self.add(node, Move(fill), [value.step], value.sizes[CHANNELS], size, window)
        return Value(place, value.dims, sizes)

    def channels(self, node: fx.Node, value: Value, places: range, fill: float = 0.0) -> Value:
        """Add the step of some of the channels, and of new ones beyond them, and return its value."""
        count = len(places)
        size = value.sizes[ROWS], value.sizes[COLUMNS]
        step = self.add(node, ChannelCut(places, fill), [value.step], count, size)
        return Value(step, value.dims, {**value.sizes, CHANNELS: count})

    def concatenate(self, node: fx.Node, given: Sequence[Any], dim: int) -> None:
        """Add the step of maps one behind the other along the channels."""
        if any(each not in self.values for each in given):
            raise refusal(node, "it puts values that are the same for every picture beside those of the picture")
        values = [self.even(node, self.values[each]) for each in given]
        if not all(each.channels_alone(dim) for each in values):
            raise refusal(node, "it puts maps side by side, or flattened maps one behind the other")
        self.point(node, values, Concatenate(), sum(each.sizes[CHANNELS] for each in values))

    def copied(self, layer: nn.Module, into: nn.Module) -> nn.Module:
        """Return a layer built without weights, with those of another whose shapes may differ."""
        real = into.to_empty(device="cpu") if list(into.parameters()) else into
        for name, values in layer.named_parameters():
            setattr(real, name, nn.Parameter(values.detach().clone().reshape(getattr(real, name).shape)))
        return real.eval()

    def ending_at(self, last: int) -> tuple[Step, ...]:
        """Return the steps that a step needs, and itself as the last of them."""
        needed = {last}
        for place in range(last, -1, -1):
            if place in needed:
                needed.update(self.steps[place].inputs)
        needed.add(0)
        order = sorted(needed)
        at = {place: number for number, place in enumerate(order)}
        return tuple(
            replace(self.steps[place], inputs=tuple(at[each] for each in self.steps[place].inputs)) for place in order
        )
