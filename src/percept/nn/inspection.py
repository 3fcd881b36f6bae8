"""A network layer by layer: shapes, weights, multiplications, receptive field and memory, without running it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from torch import Tensor, fx, nn

from percept.errors import OptionError
from percept.nn.geometry.along import Field
from percept.nn.geometry.costs import formula, multiply_adds, weights_of
from percept.nn.geometry.fields import fields
from percept.nn.geometry.memory import Memory, memory
from percept.nn.geometry.trace import Trace, kind_of, layer_of, name_of, trace, value_of
from percept.nn.receptive_field import ReceptiveField, local_size, receptive_field

ADAM = 2  # numbers that the default optimizer keeps for each weight


@dataclass(frozen=True)
class InspectedLayer:
    """A layer, a function between layers, or several of them taken together.

    Attributes:
        name: its name in the network; "layer1.0 add" for a function of the module layer1.0.
        kind: its class, or the function's name.
        shape: what it gives for one sample.
        parameters: how many weights it has; 0 where an earlier layer has counted them.
        formula: these weights written out, such as "3x3x64x128 + 128".
        multiply_adds: multiplications, each with an addition, for one sample.
        field: its receptive field; None where there is none, as for rows of a table, or where it is not known.
        training_bytes: maps of one sample made by it and kept until the backward pass.
        inference_bytes: the most that maps of one sample take while it runs.
        repeats: how many layers alike it stands for, one behind the other.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    formula: str
    multiply_adds: int
    field: ReceptiveField | None
    training_bytes: int
    inference_bytes: int
    repeats: int = 1


@dataclass(frozen=True)
class Inspection:
    """A network layer by layer.

    Attributes:
        name: what the network is called.
        shape: of one sample.
        layers: in the order in which they run.
        parameters: weights of the whole network, of those too that only training uses.
        trainable: how many of them are trained.
        multiply_adds: for one sample.
        weight_bytes: what weights and running averages take.
        training_bytes: for one sample more: its maps that are kept until the backward pass.
        training_fixed: for any number of samples: weights, their gradients, and two numbers a weight of the optimizer.
        inference_bytes: for one sample more: the most that maps take at one time.
        modules: class of each module by its name.
        note: why receptive fields are missing; "" where none is.
    """

    name: str
    shape: tuple[int, ...]
    layers: tuple[InspectedLayer, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    weight_bytes: int
    training_bytes: int
    training_fixed: int
    inference_bytes: int
    modules: dict[str, str]
    note: str = ""

    @property
    def local_field(self) -> int:
        """Return the most pixels along an axis that a layer sees by convolutions and poolings, 0 without such."""
        return max((side for layer in self.layers if layer.field for side in layer.field.local), default=0)

    def table(self, depth: int | None = None) -> str:
        """Return a line for each layer, and what they come to.

        Args:
            depth: as for `folded`; None for every layer.

        Raises:
            OptionError: it is less than 1.
        """
        from percept.nn.inspection_table import inspection_table

        return inspection_table(self, self.layers if depth is None else self.folded(depth))

    def to_json(self, depth: int | None = None) -> dict[str, object]:
        """Return all of it as JSON values."""
        layers = self.layers if depth is None else self.folded(depth)
        named = ("parameters", "trainable", "multiply_adds", "weight_bytes", "training_bytes", "training_fixed")
        return {
            "network": self.name,
            "input": list(self.shape),
            "layers": [_json(layer) for layer in layers],
            **{name: getattr(self, name) for name in (*named, "inference_bytes", "note")},
        }

    def folded(self, depth: int) -> tuple[InspectedLayer, ...]:
        """Return the layers with each module of a depth as one, and modules alike in a row as one.

        Args:
            depth: 1 for the network's own children, 2 for theirs, and so on.

        Raises:
            OptionError: it is less than 1.
        """
        if depth < 1:
            raise OptionError(f"depth is {depth}; expected 1 or more")
        together = groupby(self.layers, key=lambda layer: _prefix(layer.name, depth))
        parts = [self._part(name, list(layers)) for name, layers in together]
        return tuple(_repeated(list(alike)) for _, alike in groupby(parts, key=_alike))

    def _part(self, name: str, layers: list[InspectedLayer]) -> InspectedLayer:
        if len(layers) == 1:
            return layers[0]
        return replace(
            layers[-1],
            name=name,
            kind=self.modules.get(name, layers[-1].kind),
            parameters=sum(layer.parameters for layer in layers),
            formula="",
            multiply_adds=sum(layer.multiply_adds for layer in layers),
            training_bytes=sum(layer.training_bytes for layer in layers),
            inference_bytes=max(layer.inference_bytes for layer in layers),
        )


@dataclass(frozen=True)
class Measures:
    """A network in three numbers: weights, multiply-adds, and the pixels that convolutions and poolings see at most."""

    parameters: int
    multiply_adds: int
    local_field: int


def measure_network(network: nn.Module, shape: Sequence[int]) -> Measures:
    """Return a network's measures alone, several times as fast as `inspect_network`; arguments as there.

    Example:
        >>> measure_network(nn.Conv2d(1, 2, 3), (1, 8, 8))
        Measures(parameters=20, multiply_adds=648, local_field=3)
    """
    traced = trace(network, shape)
    seen = [along for field in fields(traced).values() if isinstance(field, tuple) for along in field]
    return Measures(
        parameters=sum(each.numel() for each in network.parameters()),
        multiply_adds=sum(multiply_adds(node) for node in traced.nodes if node.op not in ("placeholder", "get_attr")),
        local_field=max((local_size(along) for along in seen), default=0),
    )


def inspect_network(network: nn.Module, shape: Sequence[int], name: str = "") -> Inspection:
    """Return a network layer by layer, for samples of one shape; it is not run, and left as it is.

    Args:
        network: any network of one input that torch.fx can follow, on any device, the meta device too.
        shape: of one sample: (channels, height, width), or (features,).
        name: what to call it; its class by default.

    Raises:
        OptionError: it cannot be followed; the sentence names the layer.

    Source: notes §3.3.1 (weights) and §3.3.6 (receptive field).

    Example:
        >>> found = inspect_network(nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3), nn.ReLU()), (3, 224, 224))
        >>> found.layers[0].formula, found.multiply_adds, str(found.layers[0].field)
        ('7x7x3x64 + 64', 118013952, '7x7')
    """
    traced, maps = trace(network, shape), memory(network, shape)
    found = fields(traced)
    layers = tuple(_layers(traced, maps, found))
    unknown = [field for field in found.values() if isinstance(field, OptionError)]
    weights = list(network.parameters())
    sizes = [each.numel() * each.element_size() for each in (*weights, *network.buffers())]
    trained = [each for each in weights if each.requires_grad]
    return Inspection(
        name=name or type(network).__name__,
        shape=tuple(shape),
        layers=layers,
        parameters=sum(each.numel() for each in weights),
        trainable=sum(each.numel() for each in trained),
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        weight_bytes=sum(sizes),
        training_bytes=sum(maps.kept.values()),
        training_fixed=sum(sizes) + sum((1 + ADAM) * each.numel() * each.element_size() for each in trained),
        inference_bytes=max(maps.alive.values()),
        modules={name: type(module).__name__ for name, module in network.named_modules()},
        note=str(unknown[0]) if unknown else "",
    )


def _layers(traced: Trace, maps: Memory, found: Mapping[fx.Node, Field | OptionError]) -> Iterator[InspectedLayer]:
    counted: set[int] = set()
    kept = dict(maps.kept)
    nodes = [node for node in traced.nodes if node.op not in ("placeholder", "get_attr") and _is_step(node)]
    last = {_module(node): node for node in nodes}  # what a module made beside its layers goes to its last function
    for node in nodes:
        field, weights = found.get(node), weights_of(node)
        new = [each for each in weights if id(each) not in counted]
        counted.update(map(id, weights))
        module = _module(node)
        yield InspectedLayer(
            name=name_of(node),
            kind=kind_of(node),
            shape=_shape(value_of(node)),
            parameters=sum(each.numel() for each in new),
            formula=formula(node) if new or not weights else f"{formula(node)}, shared",
            multiply_adds=multiply_adds(node),
            field=receptive_field(field) if isinstance(field, tuple) and field else None,
            training_bytes=kept.pop(module, 0) if last[module] is node else 0,
            inference_bytes=maps.alive.get(module, 0),
        )


def _json(layer: InspectedLayer) -> dict[str, object]:
    field = layer.field
    seen: dict[str, object] = {"receptive_field": None, "stride": None, "first_center": None, "whole_picture": None}
    if field is not None:
        seen = {
            "receptive_field": list(field.size),
            "stride": [float(each) for each in field.stride],
            "first_center": [None if each is None else float(each) for each in field.first_center],
            "whole_picture": field.whole,
        }
    return {
        **{name: value for name, value in vars(layer).items() if name != "field"},
        "shape": list(layer.shape),
        **seen,
    }


def _is_step(node: fx.Node) -> bool:
    if isinstance(layer_of(node), nn.Identity):
        return False
    return kind_of(node) != "slice" or isinstance(
        value_of(node.all_input_nodes[0]), Tensor
    )  # else one of several values


def _module(node: fx.Node) -> str:
    return str(node.target if node.op == "call_module" else node.meta["path"])


def _shape(value: object) -> tuple[int, ...]:
    first = value if isinstance(value, Tensor) else value[0]  # type: ignore[index]
    return tuple(first.shape[1:])


def _prefix(name: str, depth: int) -> str:
    path, _, function = name.partition(" ")
    parts = path.split(".")
    return name if len(parts) < depth or (function and len(parts) == depth - 1) else ".".join(parts[:depth])


def _alike(layer: InspectedLayer) -> tuple[object, ...]:
    sizes = layer.parameters, layer.multiply_adds, layer.training_bytes
    return _prefix(layer.name, 99).rpartition(".")[0], layer.kind, layer.shape, *sizes


def _repeated(layers: list[InspectedLayer]) -> InspectedLayer:
    last = layers[-1]
    if len(layers) == 1:
        return last
    return replace(
        last,
        name=f"{layers[0].name} to {last.name}",
        parameters=sum(layer.parameters for layer in layers),
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        training_bytes=sum(layer.training_bytes for layer in layers),
        inference_bytes=max(layer.inference_bytes for layer in layers),
        repeats=len(layers),
    )
