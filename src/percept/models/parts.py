"""Where the body of a network ends and its head begins, and the body's stages: read off its steps, not its names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from percept.errors import OptionError
from percept.nn.geometry.layers import operation
from percept.nn.geometry.operations import Slide
from percept.nn.geometry.trace import Trace, kind_of, layer_of, name_of, trace, value_of

SCORES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""Layers that can give the scores of the classes: those with one output, or one map, a class."""


@dataclass(frozen=True)
class Part:
    """Steps of a network in a row.

    Attributes:
        layers: names of the layers that run, in their order.
        weights: names of the parameters that they use first.
        size: height and width of the map that the last layer with weights gives, pixels; None where it gives no map.
    """

    layers: tuple[str, ...]
    weights: tuple[str, ...]
    size: tuple[int, int] | None


@dataclass(frozen=True)
class Parts:
    """A network, taken apart.

    Attributes:
        stages: the body from the picture on. A new one begins wherever the map shrinks, and at each dense layer.
        head: the layer that gives the scores, dropout right before it, and all that follows.
        scores: name of that layer.
        beside: names of modules that run in training alone, as auxiliary heads do.
    """

    stages: tuple[Part, ...]
    head: Part
    scores: str
    beside: tuple[str, ...]


def find_parts(network: nn.Module, shape: Sequence[int]) -> Parts:
    """Return the head of a classifier and the stages of its body.

    The head begins at the last layer that mixes values, dense or a convolution with a map a class, wherever pooling and
    flattening stand.

    Args:
        network: any network of one input and one output that torch.fx can follow; it stays as it is.
        shape: of one sample: (channels, height, width), or (features,).

    Raises:
        OptionError: it cannot be followed, or ends in more than one layer.

    Source: notes §3.4.2.

    Example:
        >>> body = nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.Flatten()
        >>> network = nn.Sequential(*body, nn.Linear(8, 5))
        >>> parts = find_parts(network, (3, 8, 8))
        >>> parts.scores, [stage.layers for stage in parts.stages]
        ('4', [('0',), ('1', '2', '3')])
    """
    traced = trace(network, shape)
    nodes = [node for node in traced.nodes if node.op != "placeholder"]
    scores = _scores(traced)
    start = nodes.index(_with_dropout(scores))
    used: set[str] = set()
    stages = [_part(steps, traced, used) for steps in _stages(nodes[:start], traced)]
    head = _part(nodes[start:], traced, used)
    return Parts(tuple(stages), head, name_of(scores), tuple(_beside(traced)))


def _scores(traced: Trace) -> fx.Node:
    """Return the last step that mixes values, past all that only passes them on, class by class."""
    node = traced.nodes[0].graph.output_node().args[0]
    network = type(traced.network).__name__
    outputs = value_of(node) if isinstance(node, fx.Node) else None
    if not isinstance(node, fx.Node) or not isinstance(outputs, Tensor):
        raise OptionError(
            f"{network} gives several values; expected one tensor of scores: wrap it in a module that does"
        )
    while not isinstance(layer_of(node), SCORES):
        layer, inputs = layer_of(node), node.all_input_nodes
        mixes = layer is not None and any(True for _ in layer.parameters()) and not isinstance(layer, _BatchNorm)
        if mixes or len(inputs) != 1 or inputs[0] is traced.input:
            raise OptionError(
                f"{network} ends in {name_of(node)} ({kind_of(node)}), from which no head can be told; expected a last"
                " nn.Linear or convolution that gives the scores"
            )
        node = inputs[0]
    if outputs.shape[1] != len(layer_of(node).weight):  # type: ignore[arg-type, union-attr]
        raise OptionError(
            f"{network} gives {outputs.shape[1]} scores, but not one an output of its last layer, {name_of(node)};"
            " expected one a class: pool its maps to one value each"
        )
    if sum(name_of(each) == name_of(node) for each in traced.nodes) > 1:
        raise OptionError(
            f"{network} uses the layer of its scores, {name_of(node)}, more than once; it has no head alone"
        )
    return node


def _with_dropout(scores: fx.Node) -> fx.Node:
    node = scores
    before = node.all_input_nodes[0]
    while isinstance(layer_of(before), _DropoutNd) and len(before.users) == 1:
        node, before = before, before.all_input_nodes[0]
    return node


def _blocks(nodes: Sequence[fx.Node], traced: Trace) -> Iterator[list[fx.Node]]:
    """Yield the steps between places where one value alone goes on."""
    place = {node: number for number, node in enumerate(traced.nodes)}
    last = {node: max((place.get(user, len(place)) for user in node.users), default=-1) for node in traced.nodes}
    alive: set[fx.Node] = set()
    block: list[fx.Node] = []
    for node in nodes:
        if node.op != "get_attr":
            alive = {each for each in {*alive, node} if last[each] > place[node]}
        block.append(node)
        if alive == {node}:
            yield block
            block = []
    if block:
        yield block


def _stages(nodes: Sequence[fx.Node], traced: Trace) -> list[list[fx.Node]]:
    stages: list[list[fx.Node]] = [[]]
    sides = _size(traced.input)
    for block in _blocks(nodes, traced):
        made = _size(block[-1])
        shrinks = made != sides or any(_strides(node) for node in block)
        begins = shrinks if made is not None else any(_mixes(node, traced) for node in block)
        if begins and any(_weights(node, traced) for node in stages[-1]):
            stages.append([])
        stages[-1] += block
        sides = made
    if len(stages) > 1 and not any(_weights(node, traced) for node in stages[-1]):
        stages[-2:] = [stages[-2] + stages[-1]]
    return stages if any(_weights(node, traced) for node in stages[0]) else []


def _part(nodes: Sequence[fx.Node], traced: Trace, used: set[str]) -> Part:
    weights = dict.fromkeys(name for node in nodes for name in _weights(node, traced) if name not in used)
    used.update(weights)
    layers = dict.fromkeys(name_of(node) for node in nodes if node.op == "call_module")
    last = next((node for node in reversed(nodes) if _weights(node, traced)), None)
    return Part(tuple(layers), tuple(weights), None if last is None else _size(last))


def _size(node: fx.Node) -> tuple[int, int] | None:
    value = value_of(node)
    return (value.shape[2], value.shape[3]) if isinstance(value, Tensor) and value.ndim == 4 else None


def _strides(node: fx.Node) -> bool:
    if not node.all_input_nodes:
        return False
    done = operation(node)
    return isinstance(done, Slide) and max(done.stride) > 1


def _weights(node: fx.Node, traced: Trace) -> list[str]:
    name, layer = str(node.target), layer_of(node)
    if node.op == "get_attr":
        return [name] if any(name == each for each, _ in traced.network.named_parameters()) else []
    return [] if layer is None else [f"{name}.{each}" for each, _ in layer.named_parameters()]


def _mixes(node: fx.Node, traced: Trace) -> bool:
    return any(traced.network.get_parameter(name).ndim >= 2 for name in _weights(node, traced))


def _beside(traced: Trace) -> Iterator[str]:
    """Yield the largest modules with weights of which no part ran."""
    ran = [str(node.target) for node in traced.nodes if node.op in ("call_module", "get_attr")]
    on_the_way = {name.rsplit(".", depth)[0] for name in ran for depth in range(name.count(".") + 1)} | {""}
    found: list[str] = []
    for name, module in traced.network.named_modules():
        inside = any(name == each or name.startswith(f"{each}.") for each in (*found, *ran))
        if name not in on_the_way and not inside and any(True for _ in module.parameters()):
            found.append(name)
    yield from found


def replaced_layers(network: nn.Module, parts: Parts) -> tuple[str, ...]:
    """Return the names of all layers whose size goes with the number of classes: those of the head, and those beside.

    Args:
        network: that was taken apart.
        parts: its parts.
    """
    after = parts.head.layers[parts.head.layers.index(parts.scores) + 1 :]
    norms = [name for name in after if isinstance(network.get_submodule(name), _BatchNorm)]
    outputs = scores_of(network, parts)
    beside = []
    for root in parts.beside:
        layers = [
            (name, each) for name, each in network.get_submodule(root).named_modules() if isinstance(each, SCORES)
        ]
        if layers and len(layers[-1][1].weight) == outputs:
            beside.append(f"{root}.{layers[-1][0]}".rstrip("."))
    return (parts.scores, *norms, *beside)


def scores_of(network: nn.Module, parts: Parts) -> int:
    """Return how many scores a network gives."""
    layer = network.get_submodule(parts.scores)
    return len(layer.weight)  # type: ignore[arg-type]
