"""Activation checkpointing: layers that are computed twice in a training step so that little of them is kept."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from math import ceil, sqrt
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import get_device_states, set_device_states


class Checkpointed(nn.Sequential):
    """Layers in a row of which a training step keeps the maps between sections alone, and computes the rest again.

    n layers are cut into sections of about sqrt(n), so that the maps of 2 sqrt(n) layers are in memory at once
    instead of those of n, for one more forward pass. Outputs, gradients and running averages are those of
    `nn.Sequential`, to which it also comes down in evaluation.

    `torch.utils.checkpoint` either cannot be derived by `torch.autograd.grad`, or keeps a record of every operation
    of the first pass. Those are small, but lie between the maps, whose memory then is not used again: on a CPU 1202
    layers took four times as much.

    Source: Chen, Xu, Zhang & Guestrin 2016, "Training Deep Nets with Sublinear Memory Cost", section 3.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return the output of the last layer.

        Args:
            features: (samples, ...) what the first layer takes.
        """
        layers = list(self)
        if isinstance(features, fx.Proxy) or not (self.training and torch.is_grad_enabled()):
            for layer in layers:
                features = layer(features)
            return features
        length = ceil(sqrt(len(layers)))
        for start in range(0, len(layers), length):
            section = nn.Sequential(*layers[start : start + length])
            features = _Section.apply(section, features, *section.parameters())  # type: ignore[no-untyped-call]
        return features


class _Section(torch.autograd.Function):
    """A few layers as one step of autograd, whose backward pass computes them again."""

    @staticmethod
    def forward(ctx: Any, section: nn.Sequential, features: Tensor, *weights: Tensor) -> Tensor:
        ctx.section, ctx.weights = section, weights
        ctx.precision = _precision(features.device.type)
        ctx.random = torch.get_rng_state(), get_device_states(features)
        ctx.save_for_backward(features)
        values: Tensor = section(features)
        return values

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (features,) = ctx.saved_tensors
        again = features.detach().requires_grad_(ctx.needs_input_grad[1])
        with torch.enable_grad(), _same_pass(ctx.section, *ctx.random), ctx.precision():
            values = ctx.section(again)
        inputs = (again, *ctx.weights)
        wanted = [each for each in inputs if each.requires_grad]
        found = iter(torch.autograd.grad(values, wanted, gradient, allow_unused=True))
        return (None, *(next(found) if each.requires_grad else None for each in inputs))


def _precision(device: str) -> Callable[[], AbstractContextManager[Any]]:
    """Return what makes a later pass compute in the precision of this moment."""
    if not torch.amp.is_autocast_available(device):
        return nullcontext
    return partial(torch.autocast, device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device))


@contextmanager
def _same_pass(section: nn.Module, state: Tensor, device_states: tuple[list[int], list[Tensor]]) -> Iterator[None]:
    """Let the second pass draw and normalize as the first did, without moving the running averages again."""
    norms = [layer for layer in section.modules() if isinstance(layer, _BatchNorm)]
    before = [(layer, layer.momentum, layer.num_batches_tracked) for layer in norms]
    devices, states = device_states
    with torch.random.fork_rng(devices):
        torch.set_rng_state(state)
        set_device_states(devices, states)
        for layer in norms:
            layer.momentum, layer.num_batches_tracked = 0.0, None
        try:
            yield
        finally:
            for layer, momentum, counter in before:
                layer.momentum, layer.num_batches_tracked = momentum, counter
