"""A trained network made ready to predict much: the same function in fewer and faster steps.

Batch normalizations become part of the convolutions before them, weights lie in channels-last memory, and on CPUs each
convolution takes its weights packed once and its ReLU along. torch.compile is left out: on top of these it brought
nothing on the CPU, for the tens of seconds that it takes to compile.
"""

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from percept.evaluation.predict import BATCH

ENOUGH = 10**11  # multiply-adds, some seconds of one core: from there on preparing takes less time than it saves
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
PACKS: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # oneDNN is part of torch here
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def ready_for(network: nn.Module, example: Tensor, samples: int) -> nn.Module:
    """Return the network made ready to predict so many samples, or as it is where that would not pay.

    Args:
        network: in evaluation mode.
        example: (1, ...) one sample as the network takes it.
        samples: how many there are to predict.
    """
    if example.ndim != 4 or network.training:
        return network
    work = sum(layer.weight[0].numel() * made for layer, _, made in _calls(network, example).values())
    if samples * work < ENOUGH:
        return network
    return prepared_for_inference(network, example, batch=min(samples, BATCH))


def prepared_for_inference(network: nn.Module, example: Tensor, *, batch: int = 1) -> nn.Module:
    """Return a copy of a network that predicts the same, faster; the network is left as it is.

    What torch.fx cannot follow stays as it is written, in channels-last memory.

    Args:
        network: any network.
        example: (1, ...) one sample as the network takes it.
        batch: how many samples are predicted at a time: weights are packed for so many. Other batches give the same,
            and may take up to twice as long, since their weights are packed anew at each call.

    Returns:
        A network in evaluation mode that takes the same inputs and cannot be trained; its outputs are equal but for the
        last digits of float32.

    Source: Ioffe & Szegedy 2015, section 3.1: in inference a batch normalization is a linear function.

    Example:
        >>> network, picture = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval(), torch.ones(1, 3, 5, 5)
        >>> ready = prepared_for_inference(network, picture)
        >>> type(ready[1]).__name__, torch.allclose(ready(picture), network(picture), atol=1e-5)
        ('Identity', True)
    """
    copy = deepcopy(network).eval().requires_grad_(False)
    try:
        graph = fx.Tracer().trace(copy)
    except Exception:  # whatever a network does that fx cannot follow
        return copy.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
    for before, norm in _pairs(copy, graph, (*CONVOLUTIONS, nn.Linear), BATCH_NORMS):
        _fold(copy, before, norm)
    copy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if all(each.device.type == "cpu" for each in copy.parameters()):
        _pack(copy, graph, example, batch)
    return copy


def _pack(network: nn.Module, graph: fx.Graph, example: Tensor, batch: int) -> None:
    rectified = dict(_pairs(network, graph, (nn.Conv2d,), (nn.ReLU,)))
    for name, (layer, taken, _) in _calls(network, example).items():
        if type(layer) is nn.Conv2d and _can_be_packed(layer) and name not in _read(graph):
            _replace(network, name, PackedConvolution(layer, (batch, *taken[1:]), rectified=name in rectified))
            if name in rectified:
                _replace(network, rectified[name], nn.Identity())


class PackedConvolution(nn.Module):
    """A convolution on the CPU whose weights are packed for its instructions once, and not at each call.

    Args:
        convolution: padded by zeros, in float32.
        taken: shape of what it takes; it is fastest at a batch of that size.
        rectified: whether it takes the ReLU behind it along.
    """

    def __init__(self, convolution: nn.Conv2d, taken: tuple[int, ...], *, rectified: bool) -> None:
        super().__init__()
        self.sizes = convolution.padding, convolution.stride, convolution.dilation, convolution.groups
        self.then = "relu" if rectified else "none"
        self.bias = convolution.bias
        self.packed: Any = torch.ops.mkldnn._reorder_convolution_weight(convolution.weight, *self.sizes, list(taken))

    def forward(self, features: Tensor) -> Tensor:
        """Return the convolution of (samples, channels, height, width)."""
        made: Tensor = torch.ops.mkldnn._convolution_pointwise(
            features, self.packed, self.bias, *self.sizes, self.then, [], ""
        )
        return made


def _can_be_packed(layer: nn.Conv2d) -> bool:
    plain = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return plain and PACKS and layer.weight.dtype == torch.float32


def _pairs(
    network: nn.Module, graph: fx.Graph, first: tuple[type[nn.Module], ...], second: tuple[type[nn.Module], ...]
) -> Iterator[tuple[str, str]]:
    """Yield the names of layers of two kinds where the one's output goes to the other and nowhere else."""
    layers = dict(network.named_modules())
    calls = Counter(id(layers[str(node.target)]) for node in graph.nodes if node.op == "call_module")
    read = _read(graph)
    for node in graph.nodes:
        if node.op != "call_module" or not isinstance(layers.get(str(node.target)), second):
            continue
        given = _behind_identities(node.args[0], layers)
        if given is None or given.op != "call_module" or type(layers[str(given.target)]) not in first:
            continue
        names = str(given.target), str(node.target)
        if all(calls[id(layers[name])] == 1 and name not in read for name in names):
            yield names


def _read(graph: fx.Graph) -> set[str]:
    """Return the layers whose weights are read by others than themselves."""
    return {str(node.target).rpartition(".")[0] for node in graph.nodes if node.op == "get_attr"}


def _behind_identities(node: Any, layers: dict[str, nn.Module]) -> fx.Node | None:
    """Return the step whose output comes here, through layers that do nothing, if it goes nowhere else."""
    while isinstance(node, fx.Node) and len(node.users) == 1:
        if node.op != "call_module" or not isinstance(layers[str(node.target)], nn.Identity):
            return node
        node = node.args[0]
    return None


def _fold(network: nn.Module, before: str, norm: str) -> None:
    layer, second = network.get_submodule(before), network.get_submodule(norm)
    if not getattr(second, "track_running_stats", False) or second.running_mean is None:
        return  # it normalizes by the batch at hand
    fuse: Any = fuse_linear_bn_eval if isinstance(layer, nn.Linear) else fuse_conv_bn_eval
    _replace(network, before, fuse(layer, second))
    _replace(network, norm, nn.Identity())


def _replace(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, layer)


def _calls(network: nn.Module, example: Tensor) -> dict[str, tuple[Any, tuple[int, ...], int]]:
    """Return each convolution and linear layer that runs for a sample: itself, what it takes, and how many it makes."""
    found: dict[str, tuple[Any, tuple[int, ...], int]] = {}
    names: dict[nn.Module, str] = {
        each: name for name, each in network.named_modules() if isinstance(each, (*CONVOLUTIONS, nn.Linear))
    }

    def note(layer: nn.Module, taken: tuple[Tensor, ...], made: Tensor) -> None:
        found[names[layer]] = layer, tuple(taken[0].shape), made.numel()

    hooks = [layer.register_forward_hook(note) for layer in names]
    try:
        with torch.inference_mode():
            network(example)
    finally:
        for hook in hooks:
            hook.remove()
    return found
