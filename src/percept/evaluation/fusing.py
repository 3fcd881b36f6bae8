"""A network's graph with fewer steps: normalizations inside the layers before them, sums and activations along."""

import operator
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from percept.evaluation.packed import NOTHING, RELU, PackedConvolution, PackedLinear, Step, can_be_packed, step_of

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
IDLE = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)  # in evaluation
SUMS_IN_PLACE = (operator.iadd, "add_")  # into the first of the two
SUMS = (operator.add, torch.add, "add", *SUMS_IN_PLACE)
RECTIFIERS = (functional.relu, torch.relu, torch.relu_, "relu", "relu_")


class Noting(fx.Interpreter):
    """Runs a graph and notes at each step the shape and number type of what it gives."""

    def run_node(self, node: fx.Node) -> Any:
        """Return what the step gives."""
        made = super().run_node(node)
        if isinstance(made, Tensor):
            node.meta |= {"shape": tuple(made.shape), "dtype": made.dtype}
        return made


def fold_normalizations(network: fx.GraphModule) -> None:
    """Let convolutions and linear layers do the batch normalization behind them; the graph is rewritten in place.

    Args:
        network: in evaluation mode, run by `Noting`.

    Source: Ioffe & Szegedy 2015, section 3.1: in inference a batch normalization is a linear function.
    """
    for node in network.graph.nodes:
        if isinstance(_layer(network, node), IDLE):
            node.replace_all_uses_with(node.args[0])
            network.graph.erase_node(node)
    for node, layer, given in _called_once(network):
        reader = _reader(node)
        norm: Any = _layer(network, reader)
        if reader is None or not isinstance(norm, BATCH_NORMS) or norm.running_mean is None:
            continue
        if type(layer) in CONVOLUTIONS:
            _replace(network, [node, reader], node, fuse_conv_bn_eval(layer, norm), given)
        elif type(layer) is nn.Linear and len(node.meta["shape"]) == 2:  # else it normalizes by another dimension
            _replace(network, [node, reader], node, fuse_linear_bn_eval(layer, norm), given)


def pack(network: fx.GraphModule, *, times: float) -> None:
    """Let oneDNN's layers do the sums and activations behind them, and other normalizations take one product.

    Args:
        network: as `fold_normalizations` leaves it; in float32 on the CPU.
        times: how many times as many samples are predicted at a time as `Noting` ran.
    """
    for node, layer, given in _called_once(network):
        if isinstance(layer, BATCH_NORMS) and layer.running_mean is not None:
            _replace(network, [node], node, Scaling(layer, len(node.meta["shape"])), given)
        elif can_be_packed(layer, given.meta.get("shape", ())):
            samples, *rest = given.meta["shape"]
            _pack(network, node, layer, (round(samples * times), *rest), given)


def _pack(network: fx.GraphModule, node: fx.Node, layer: Any, taken: tuple[int, ...], given: fx.Node) -> None:
    """Put a packed layer in the place of a layer, a sum that it goes into, and an activation."""
    found = _sum_behind(network, node) if isinstance(layer, nn.Conv2d) else None
    nodes = [node] if found is None else [node, found[0]]
    added = () if found is None else (found[1],)
    at, reader = nodes[-1], _reader(nodes[-1])
    step = _step(network, reader)
    if added and step != RELU:
        step = None
    if reader is not None and step is not None:
        nodes.append(reader)
    packed = PackedConvolution if isinstance(layer, nn.Conv2d) else PackedLinear
    _replace(network, nodes, at, packed(layer, taken, step or NOTHING), given, *added)


class Scaling(nn.Module):
    """A batch normalization in evaluation that stands by itself: a product and a sum.

    Args:
        norm: a batch normalization with running averages.
        dimensions: of what it takes, samples and channels among them.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, norm: Any, dimensions: int) -> None:
        super().__init__()
        scale = (norm.running_var + norm.eps).rsqrt()
        if norm.affine:
            scale = scale * norm.weight
        shift = (norm.bias if norm.affine else 0) - norm.running_mean * scale
        for name, values in (("scale", scale), ("shift", shift)):
            self.register_buffer(name, values.detach().reshape(-1, *[1] * (dimensions - 2)))

    def forward(self, features: Tensor) -> Tensor:
        """Return (samples, channels, ...), scaled and shifted by channel."""
        return torch.addcmul(self.shift, features, self.scale)


def _layer(network: fx.GraphModule, node: fx.Node | None) -> nn.Module | None:
    """Return the layer that a step calls on one input and nothing else."""
    if node is None or node.op != "call_module" or node.kwargs or list(node.args) != node.all_input_nodes[:1]:
        return None
    layer = network.get_submodule(str(node.target))
    return None if layer._forward_hooks or layer._forward_pre_hooks else layer  # what a hook does is not known


def _called_once(network: fx.GraphModule) -> Iterator[tuple[fx.Node, Any, Any]]:
    """Yield each step that calls a layer that no other step calls, whose weights need no copy each; layer and input."""
    calls = Counter(node.target for node in network.graph.nodes if node.op == "call_module")
    for node in network.graph.nodes:
        layer = _layer(network, node)
        if layer is not None and calls[node.target] == 1:
            yield node, layer, node.args[0]


def _reader(node: fx.Node) -> fx.Node | None:
    """Return the one step that reads what a step gives."""
    return next(iter(node.users)) if len(node.users) == 1 else None


def _calls(node: fx.Node | None, functions: Iterable[Any]) -> bool:
    """Return whether a step calls one of some functions or methods."""
    return node is not None and node.op in ("call_function", "call_method") and node.target in functions


def _sum_behind(network: fx.GraphModule, node: fx.Node) -> tuple[fx.Node, fx.Node] | None:
    """Return the sum that a map goes into and nowhere else, and what it is added to, where they can be one step."""
    reader = _reader(node)
    if reader is None or not _calls(reader, SUMS) or len(reader.args) != 2 or reader.kwargs:
        return None
    first, second = reader.args
    if first is second or (first is not node and reader.target in SUMS_IN_PLACE):
        return None
    other: Any = second if first is node else first
    if not isinstance(other, fx.Node) or any(other.meta.get(key) != node.meta[key] for key in ("shape", "dtype")):
        return None
    step = node.next
    while step is not reader:  # as late as the sum, the layer's input must still be what it was
        if step.op != "call_module" or getattr(network.get_submodule(str(step.target)), "inplace", False):
            return None
        step = step.next
    return reader, other


def _step(network: fx.GraphModule, node: fx.Node | None) -> Step | None:
    """Return the activation that a step of the graph is, as packed layers take it along."""
    if _calls(node, RECTIFIERS):
        return RELU
    layer = _layer(network, node)
    return None if layer is None else step_of(layer)


def _replace(network: fx.GraphModule, nodes: list[fx.Node], at: fx.Node, layer: nn.Module, *args: fx.Node) -> None:
    """Put one step, at the place of one of them, for a few of which each is read by the next alone."""
    name = f"prepared.{nodes[0].name}"
    network.add_submodule(name, layer)
    with network.graph.inserting_before(at):
        made = network.graph.call_module(name, args)
    made.meta |= {key: nodes[-1].meta[key] for key in ("shape", "dtype")}
    nodes[-1].replace_all_uses_with(made)
    for node in reversed(nodes):
        network.graph.erase_node(node)
