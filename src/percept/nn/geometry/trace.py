"""A network's steps in the order in which they run, found by torch.fx with the shape of every value.

Meanwhile its weights are replaced by tensors without values (of torch's meta device), so that the largest networks take
no memory and hardly any time. What the shape of a value decides, such as padding by size, is followed as it would run.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import Attribute
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from percept.errors import OptionError, PerceptError
from percept.nn.geometry.shapes import run_layer, shape_of_call

META = torch.device("meta")
DRAWS = {
    *(Tensor.normal_, Tensor.uniform_, Tensor.zero_, Tensor.fill_, nn.init.normal_, nn.init.uniform_, nn.init.zeros_),
    *(nn.init.ones_, nn.init.constant_, nn.init.xavier_normal_, nn.init.xavier_uniform_, nn.init.kaiming_normal_),
    *(nn.init.kaiming_uniform_, nn.init.trunc_normal_),
}
"""Functions that give weights their first values."""
SAMPLES = 2  # in the batch that is followed: with one, batch normalization has nothing to average in training


@dataclass(frozen=True)
class Trace:
    """A network in evaluation mode, step by step.

    Attributes:
        network: the network.
        nodes: its steps, read by `value_of`, `layer_of`, `name_of` and `kind_of`; `meta` of each holds its "value", its
            "layer", and the "path" of the module that it runs in.
        input: the node of the input.
    """

    network: nn.Module
    nodes: tuple[fx.Node, ...]
    input: fx.Node


def trace(network: nn.Module, shape: Sequence[int]) -> Trace:
    """Return the steps of a network for one shape of samples; the network itself is left as it is.

    Args:
        network: any network of one input that torch.fx can follow.
        shape: of one sample: (channels, height, width), or (features,).

    Raises:
        OptionError: it cannot be followed, or does not take such samples; the sentence names the layer.

    Example:
        >>> [name_of(node) for node in trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (1, 8, 8)).nodes]
        ['input', '0', '1']
    """
    dtype = next((each.dtype for each in network.parameters() if each.is_floating_point()), None)
    inputs = torch.empty(SAMPLES, *shape, dtype=dtype, device=META)
    tracer = _ShapeTracer(network, inputs)
    try:
        with without_weights(network, training=False):
            for key, check in network._forward_pre_hooks.items():
                if key not in network._forward_pre_hooks_with_kwargs:
                    check(network, (inputs,))  # fx leaves them out; percept's networks say there what they take
            graph = tracer.trace(network)
    except PerceptError:
        raise
    except Exception as error:  # whatever a user's code raises
        raise refused(type(network).__name__, shape, error) from error
    nodes = tuple(node for node in graph.nodes if node.op != "output")
    given = [node for node in nodes if node.op == "placeholder" and node.meta["value"] is not None]
    return Trace(network, nodes, given[0])


class _Undrawn(TorchFunctionMode):
    """Leaves weights as they are where a layer would draw them."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in DRAWS:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


@contextmanager
def undrawn() -> Iterator[None]:
    """Build networks on the meta device, without the time that drawing their weights takes even there."""
    with META, _Undrawn():
        yield


@contextmanager
def without_weights(network: nn.Module, *, training: bool) -> Iterator[None]:
    """Let a network's parameters and buffers lie on the meta device, without values, and put them back afterwards.

    Args:
        network: the network.
        training: the mode that it is in meanwhile.
    """
    modules = list(network.modules())
    modes = [module.training for module in modules]
    tables: list[dict[str, Any]] = [table for each in modules for table in (each._parameters, each._buffers)]
    weights = [dict(table) for table in tables]
    bare: dict[int, Tensor] = {}  # by the weight it stands for: what layers share stays shared
    try:
        for module in modules:
            module.training = training
        for table in tables:
            for name, values in table.items():
                if values is not None:
                    bare[id(values)] = bare.get(id(values), _bare(values))
                    table[name] = bare[id(values)]
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        for table, before in zip(tables, weights, strict=True):
            table.update(before)


def _bare(values: Tensor) -> Tensor:
    moved = values.detach().to(META)
    return nn.Parameter(moved, values.requires_grad) if isinstance(values, nn.Parameter) else moved


def value_of(node: fx.Node) -> Any:
    """Return what a step gives: a tensor without values, whose batch is of two samples, or several of them."""
    return node.meta["value"]


def layer_of(node: fx.Node) -> nn.Module | None:
    """Return the layer that a step calls; None where it calls a function."""
    layer: nn.Module | None = node.meta.get("layer")
    return layer


def name_of(node: fx.Node) -> str:
    """Return what a step is called: its layer's name, or the module it stands in and the function, "layer1.0 add"."""
    if node.op in ("call_module", "get_attr"):
        return str(node.target)
    return f"{node.meta['path']} {kind_of(node)}".strip() if node.op != "placeholder" else str(node.target)


def kind_of(node: fx.Node) -> str:
    """Return the kind of a step: its layer's class, or its function's name."""
    if node.op == "call_module":
        return type(node.meta["layer"]).__name__
    if node.op == "call_function":
        return _FUNCTION_NAMES.get(node.target, getattr(node.target, "__name__", str(node.target)))
    return str(node.target)


_FUNCTION_NAMES: Mapping[Any, str] = {operator.iadd: "add", operator.imul: "mul", operator.getitem: "slice"}


class _ShapedProxy(fx.Proxy):
    """Stands for a value during tracing, and knows its shape."""

    def __getattr__(self, name: str) -> Any:
        known = getattr(value_of(self.node), name)
        if callable(known):
            return Attribute(self, name)
        if isinstance(known, Tensor):  # x.T
            return self.tracer.create_proxy("call_function", getattr, (self, name), {})
        return known

    def __iter__(self) -> Iterator[Any]:
        return (cast(Any, self)[place] for place in range(len(self)))

    def __len__(self) -> int:
        return len(value_of(self.node))

    def __bool__(self) -> bool:
        raise OptionError(f"{name_of(self.node)}: what runs next depends on the picture's values, not its shape alone")


class _ShapeTracer(fx.Tracer):
    """Follows a forward pass while it runs on the meta device."""

    def __init__(self, network: nn.Module, inputs: Tensor) -> None:
        super().__init__()
        self.network, self.inputs = network, cast(Tensor | None, inputs)
        self.layers = dict(network.named_modules(remove_duplicate=False))
        self.running = False  # a layer or function for its shape, which is not to be followed

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _ShapedProxy(node, self)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self.running:
            return forward(*args, **kwargs)
        try:
            return super().call_module(m, forward, args, kwargs)
        except PerceptError:
            raise
        except Exception as error:  # whatever a user's code raises
            name, given = f"layer {self.path_of_module(m)} ({type(m).__name__})", _value(args)
            raise refused(name, given[0].shape[1:] if isinstance(given[0], Tensor) else (), error) from error

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        return attr_val if self.running else super().getattr(attr, attr_val, parameter_proxy_cache)

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *rest: Any, **named: Any) -> Any:
        made = super().create_proxy(kind, target, args, kwargs, *rest, **named)
        node = made.node
        node.meta["path"] = self.scope.module_path
        if kind == "call_module":
            node.meta["layer"] = self.layers[target]
        with self._running():
            value = self._value(kind, target, *(_value(each) for each in (args, kwargs)))
        if not _holds_tensors(value) and kind != "placeholder":
            self.graph.erase_node(node)  # a size, or another number: the graph is for this shape alone
            return value
        node.meta["value"] = value
        return made if value is not None else args[0]

    def _value(self, kind: str, target: Any, args: Any, kwargs: Any) -> Any:
        if kind == "placeholder":
            if args:
                return None  # an argument with a default
            taken, self.inputs = self.inputs, None
            if taken is None:
                raise OptionError(f"{type(self.network).__name__} takes more than one input; expected one")
            return taken
        if kind == "get_attr":
            return operator.attrgetter(target)(self.network)
        if kind == "call_module":
            return run_layer(self.layers[target], args, kwargs)
        shape = shape_of_call(target, args, kwargs)
        if shape is not None:
            return tree_leaves(args)[0].new_empty(shape)
        function = getattr(args[0], target) if kind == "call_method" else target
        return function(*(args[1:] if kind == "call_method" else args), **kwargs)

    @contextmanager
    def _running(self) -> Iterator[None]:
        self.running = True
        try:
            yield
        finally:
            self.running = False


def _value(given: Any) -> Any:
    """Return an argument with every proxy in it replaced by the value that it stands for."""
    if isinstance(given, fx.Proxy):
        return value_of(given.node)
    if isinstance(given, Tensor):
        return given.to(META)
    if isinstance(given, dict):
        return {name: _value(each) for name, each in given.items()}
    if type(given) in (list, tuple):
        return type(given)(_value(each) for each in given)
    return given


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return any(isinstance(each, Tensor) for each in value)
    return isinstance(value, Tensor)


def refused(who: str, shape: Sequence[int], error: Exception) -> OptionError:
    """Return the user's sentence on an error that a layer raised for an input of this shape."""
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return OptionError(f"{who} cannot be followed for an input of {'x'.join(map(str, shape))}: {reason}")
