"""One forward and one backward pass, with what each layer takes in, gives out, and gets back as a gradient."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from percept.nn.losses import Loss

# Told each call of a layer as it happens: the layer's name, the layer, its input and its output.
Seen = Callable[[str, nn.Module, Tensor | None, Tensor], None]


@dataclass(frozen=True)
class LayerPass:
    """What one call of a layer did to a batch.

    Attributes:
        name: the layer's name in its network; later calls of the same layer are numbered, "relu (2)".
        layer: the layer itself, of the copy that was run.
        inputs: what came in, part of the graph; None where it is no tensor.
        value: what came out, part of the graph.
        gradient: the derivative of the loss by `value`, of the same shape.
    """

    name: str
    layer: nn.Module
    inputs: Tensor | None
    value: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class BatchPass:
    """One batch through a network and back.

    Attributes:
        network: the copy of the network that was run.
        loss: the scalar that was derived, part of the graph.
        layers: every call of a layer, in the order of the forward pass.
        gradients: the derivative of the loss by each parameter that it depends on, by the parameter's name.
    """

    network: nn.Module
    loss: Tensor
    layers: tuple[LayerPass, ...]
    gradients: dict[str, Tensor]


def pass_through(network: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss) -> BatchPass:
    """Run a batch forward and backward through a copy of a network, and keep what happens at each layer.

    The network itself, its gradients, its batch averages and torch's random numbers stay as they are.

    Args:
        network: any network of one input; a layer is a module that holds no other.
        inputs: (samples, ...) what goes in.
        targets: (samples, ...) what the loss compares with.
        loss: from outputs and targets to a scalar.

    Source: notes §2.3.3.

    Example:
        >>> done = pass_through(nn.Linear(1, 1), torch.ones(1, 1), torch.ones(1, 1), lambda y, t: (y - t).sum())
        >>> done.layers[0].gradient
        tensor([[1.]])
    """
    copy = runnable_copy(network)
    calls: list[tuple[str, nn.Module, Tensor | None, Tensor]] = []

    def keep(name: str, layer: nn.Module, taken: Tensor | None, value: Tensor) -> None:
        if value.requires_grad:
            before = sum(each[1] is layer for each in calls)
            calls.append((f"{name} ({before + 1})" if before else name, layer, taken, value))

    start = inputs.detach().clone().requires_grad_(inputs.is_floating_point())
    with same_state(copy, inputs.device), torch.enable_grad(), watching(copy, keep):
        value = loss(copy(start), targets)
    parameters = {name: each for name, each in copy.named_parameters() if each.requires_grad}
    wanted = [*(call[3] for call in calls), *parameters.values()]
    found = torch.autograd.grad(value, wanted, retain_graph=True, allow_unused=True) if value.requires_grad else ()
    layers = tuple(
        LayerPass(*call, torch.zeros_like(call[3]) if gradient is None else gradient)
        for call, gradient in zip(calls, found, strict=False)
    )
    gradients = {
        name: gradient for name, gradient in zip(parameters, found[len(calls) :], strict=False) if gradient is not None
    }
    return BatchPass(copy, value, layers, gradients)


def runnable_copy(network: nn.Module) -> nn.Module:
    """Return a copy of a network whose activations do not overwrite their inputs."""
    copy = deepcopy(network)
    for layer in copy.modules():
        if getattr(layer, "inplace", False) is True:
            layer.inplace = False  # type: ignore[assignment]
    return copy


@contextmanager
def same_random_numbers(device: torch.device) -> Iterator[None]:
    """Draw (for dropout) from where torch's random numbers are, and put them back afterwards."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield


@contextmanager
def same_state(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Run a network with copies of its running averages, then put them and torch's random numbers back."""
    before = [(module, name, buffer) for module in network.modules() for name, buffer in module._buffers.items()]
    try:
        for module, name, buffer in before:
            module._buffers[name] = None if buffer is None else buffer.clone()
        with same_random_numbers(device):
            yield
    finally:
        for module, name, buffer in before:
            module._buffers[name] = buffer


@contextmanager
def watching(network: nn.Module, seen: Seen, shift: Callable[[Tensor], Tensor] = Tensor.clone) -> Iterator[None]:
    """Tell `seen` every call of a layer, and hand on its output through `shift`.

    The outputs handed on are copies, so that a later step that works in place leaves the recorded ones whole.

    Args:
        network: the network to watch.
        seen: told each call.
        shift: what is handed on in place of an output.
    """
    with ExitStack() as hooks:
        for name, layer in layers_of(network):
            hooks.enter_context(_hook(layer, name, seen, shift))
        yield


def _hook(layer: nn.Module, name: str, seen: Seen, shift: Callable[[Tensor], Tensor]) -> ExitStack:
    def hand_on(layer: nn.Module, taken: tuple[object, ...], output: object) -> object:
        value = _first_tensor(output)
        if value is None:
            return None
        seen(name, layer, _first_tensor(taken), value)
        return _with_first_tensor(output, value, shift(value))

    stack = ExitStack()
    stack.callback(layer.register_forward_hook(hand_on).remove)
    return stack


def layers_of(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the modules that hold no other, with their names.

    Example:
        >>> [name for name, layer in layers_of(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU())))]
        ['0', '1.0']
    """
    found: list[tuple[str, nn.Module]] = []
    whole: tuple[str, ...] = ()  # modules whose parts are no layers of their own
    for name, module in network.named_modules():
        if name.startswith(whole) and whole:
            continue
        parts = [part for part, _ in module.named_children() if part != "parametrizations"]
        if not parts or isinstance(module, nn.MultiheadAttention):
            found.append((name or type(module).__name__, module))
            whole = (*whole, f"{name}.")
    return found


def _first_tensor(values: object) -> Tensor | None:
    if isinstance(values, Tensor):
        return values
    if isinstance(values, Sequence) and not isinstance(values, str):
        return next((each for each in values if isinstance(each, Tensor)), None)
    return None


def _with_first_tensor(values: object, first: Tensor, new: Tensor) -> object:
    """Return an output of a layer with its first tensor, of perhaps several as a recurrent layer's, replaced."""
    if not isinstance(values, list | tuple):
        return new
    changed = [new if each is first else each for each in values]
    return values._make(changed) if hasattr(values, "_make") else type(values)(changed)
