"""The body of a classifier: its layers up to the last map, with the map it has at each stride on the way there.

The layers are followed by torch.fx, and where each map lies on the picture is what receptive fields tell: how far its
values are apart, and where the first of them is centered. So any classifier will do, whatever its layers are called.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any, cast

from torch import Tensor, fx, nn

from percept.errors import OptionError
from percept.nn.blocks import Checkpointed, StochasticDepth
from percept.nn.geometry.along import Field
from percept.nn.geometry.fields import fields
from percept.nn.geometry.trace import trace, value_of

WHOLE = (Checkpointed, StochasticDepth)
"""Layers that run otherwise in training than in evaluation, and so are kept as they are written."""
WEIGHTED = (nn.Conv2d, nn.Linear)


@dataclass(frozen=True)
class Level:
    """Where the values of a map lie on the picture, along each axis: (rows, columns).

    Attributes:
        channels: of the map.
        stride: pixels from one value to the next.
        first: where the first value is centered, with pixel 0 at 0.
        positions: values for a picture of `Body.shape`.
    """

    channels: int
    stride: int
    first: tuple[Fraction, Fraction]
    positions: tuple[int, int]


@dataclass(frozen=True)
class Body:
    """A classifier without what makes one answer of its last map.

    Attributes:
        layers: from pictures (samples, channels, height, width) to the maps of `levels`, the weights those of the
            classifier and of the same names.
        levels: the finest first, each with a larger stride than the one before; the last is the last map.
        dense: the hidden dense layers behind the last map, in order, with what stands between them.
        shape: (channels, height, width) of the pictures for which it was followed.
    """

    layers: nn.Module
    levels: tuple[Level, ...]
    dense: tuple[nn.Module, ...]
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Classifier:
    """A classifier that a network for pixels is made from.

    Attributes:
        network: the classifier.
        size: height and width of its own pictures, pixels.
        smallest_side: the smallest side of a picture that the layers before its last map can take, pixels.
    """

    network: nn.Module
    size: tuple[int, int]
    smallest_side: int


FindClassifier = Callable[[str, int, Mapping[str, object] | None], Classifier]
"""From its name, the channels of the pictures, and its further arguments, None for its own."""


def body_of(classifier: nn.Module, shape: tuple[int, int, int], *, pooled: bool = False) -> Body:
    """Return the body of a classifier, which shares its weights.

    The map of a stride is the last one there that everything behind it is computed from: no branch of a block, but
    what the block gives. The last map is the one before global pooling or dense layers, or before the last convolution
    where that gives the scores.

    Args:
        classifier: any network for pictures that torch.fx can follow.
        shape: (channels, height, width) of a picture that it takes.
        pooled: whether the map of a stride that begins with max pooling is what the pooling gives, except for the last.

    Raises:
        OptionError: it cannot be followed, or has no map.

    Source: notes §3.6.4; Long, Shelhamer & Darrell 2015, section 4.

    Example:
        >>> from percept.models import build
        >>> body = body_of(build("resnet18"), (3, 64, 64))
        >>> [(level.stride, level.channels) for level in body.levels]
        [(2, 64), (4, 64), (8, 128), (16, 256), (32, 512)]
    """
    graph = _graph(classifier)
    run = _Run(fx.GraphModule(classifier, graph))
    found = fields(trace(run, shape))
    nodes = [node for node in graph.nodes if node in run.made]
    scores = next((place for place in reversed(range(len(nodes))) if _is(WEIGHTED, classifier, nodes[place])), 0)
    levels = {place: _level(run.made[nodes[place]], found) for place in _passed(nodes) if place < scores}
    maps = [(nodes[place], level) for place, level in levels.items() if level is not None]
    if not maps:
        raise OptionError(f"{type(classifier).__name__} has no maps that a class for every pixel could be made from")
    chosen: list[tuple[fx.Node, Level]] = []
    for stride, alike in reversed(
        [(stride, list(each)) for stride, each in groupby(maps, lambda each: each[1].stride)]
    ):
        if not chosen or stride < chosen[0][1].stride:
            begun = pooled and bool(chosen) and _is(nn.MaxPool2d, classifier, alike[0][0])
            chosen.insert(0, alike[0 if begun else -1])
    dense = _dense(classifier, nodes[nodes.index(maps[-1][0]) + 1 : scores])
    ends, kept = zip(*chosen, strict=True)
    return Body(_cut(classifier, graph, ends), kept, dense, shape)


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, WHOLE) or super().is_leaf_module(m, module_qualified_name)


def _graph(classifier: nn.Module) -> fx.Graph:
    modes = {module: module.training for module in classifier.modules()}
    try:
        return _Tracer().trace(classifier.eval())  # auxiliary heads are for training alone
    except Exception as error:  # whatever a user's code raises
        raise OptionError(f"{type(classifier).__name__} cannot be followed: {' '.join(str(error).split())}") from error
    finally:
        for module, mode in modes.items():
            module.training = mode


class _Run(nn.Module):
    """Runs a graph step by step, so that a trace of it tells which of its steps each of the graph's nodes became."""

    def __init__(self, network: fx.GraphModule) -> None:
        super().__init__()
        self.network = network
        self.made: dict[fx.Node, fx.Node] = {}

    def forward(self, images: Tensor) -> Any:
        interpreter = _Interpreter(self.network, self.made)
        return interpreter.run(images)


class _Interpreter(fx.Interpreter):
    def __init__(self, network: fx.GraphModule, made: dict[fx.Node, fx.Node]) -> None:
        super().__init__(network)
        self.made = made

    def fetch_args_kwargs_from_env(self, n: fx.Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, named = super().fetch_args_kwargs_from_env(n)
        # fx keeps its lists in a type of its own, which a function that is given one does not expect
        plain = [list(each) if isinstance(each, list) else each for each in (*args, *named.values())]
        return tuple(plain[: len(args)]), dict(zip(named, plain[len(args) :], strict=True))

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, fx.Proxy) and n.op not in ("placeholder", "output"):
            self.made[n] = result.node
        return result


def _is(kinds: type | tuple[type, ...], classifier: nn.Module, node: fx.Node) -> bool:
    return node.op == "call_module" and isinstance(classifier.get_submodule(str(node.target)), kinds)


def _level(node: fx.Node, found: Mapping[fx.Node, Field | OptionError]) -> Level | None:
    """Return where a map lies; None for what is no map, or not equally spaced along both axes."""
    field, value = found.get(node), value_of(node)
    if isinstance(field, OptionError):
        raise field
    if field is None or not isinstance(value, Tensor) or value.ndim != 4:
        return None
    strides = {along.windows.stride for along in field}
    firsts = [along.windows.first_center for along in field]
    if [along.dimension for along in field] != [2, 3] or len(strides) > 1 or None in firsts:
        return None
    stride = strides.pop()
    rows, columns = cast(list[Fraction], firsts)
    if stride.denominator != 1 or any(along.apart != 1 for along in field):
        return None
    return Level(value.shape[1], int(stride), (rows, columns), (value.shape[2], value.shape[3]))


def _passed(nodes: Sequence[fx.Node]) -> Iterator[int]:
    """Yield the places of the steps without which nothing behind them could be computed."""
    places = {node: place for place, node in enumerate(nodes)}
    needed = 0  # the last place that uses what was made before
    for place, node in enumerate(nodes):
        if needed <= place:
            yield place
        needed = max([needed, *(places.get(user, 0) for user in node.users)])


def _dense(classifier: nn.Module, nodes: Sequence[fx.Node]) -> tuple[nn.Module, ...]:
    """Return the layers from the first hidden dense one on; none where poolings or functions stand between."""
    layers = [classifier.get_submodule(str(node.target)) for node in nodes if node.op == "call_module"]
    linear = [place for place, layer in enumerate(layers) if isinstance(layer, nn.Linear)]
    return tuple(layers[linear[0] :]) if linear else ()


def _cut(classifier: nn.Module, graph: fx.Graph, ends: Sequence[fx.Node]) -> nn.Module:
    output = next(node for node in graph.nodes if node.op == "output")
    output.args = (tuple(ends),)
    graph.eliminate_dead_code()
    graph.lint()
    return fx.GraphModule(classifier, graph, "Body")
