"""Activation checkpointing: layers that are computed twice in a training step so that little of them is kept."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from math import ceil, sqrt

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


class Checkpointed(nn.Sequential):
    """Layers in a row of which a training step keeps the maps between sections alone, and computes the rest again.

    n layers are cut into sections of about sqrt(n), so that the maps of 2 sqrt(n) layers are in memory at once
    instead of those of n, for one more forward pass. Outputs, gradients and running averages are those of
    `nn.Sequential`, to which it also comes down in evaluation.

    Source: Chen, Xu, Zhang & Guestrin 2016, "Training Deep Nets with Sublinear Memory Cost", section 3.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return the output of the last layer.

        Args:
            features: (samples, ...) what the first layer takes.
        """
        if isinstance(features, fx.Proxy) or not (self.training and torch.is_grad_enabled()):
            for layer in self:
                features = layer(features)
            return features
        layers, length = list(self), ceil(sqrt(len(self)))
        for start in range(0, len(layers), length):
            section = nn.Sequential(*layers[start : start + length])
            features = checkpoint(section, features, use_reentrant=False, context_fn=partial(_contexts, section))
        return features


def _contexts(section: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _averages_kept(section)


@contextmanager
def _averages_kept(section: nn.Module) -> Iterator[None]:
    """Let the second pass normalize by its batch as the first did, without moving the running averages again."""
    layers = [layer for layer in section.modules() if isinstance(layer, _BatchNorm)]
    before = [(layer, layer.momentum, layer.num_batches_tracked) for layer in layers]
    for layer in layers:
        layer.momentum, layer.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for layer, momentum, counter in before:
            layer.momentum, layer.num_batches_tracked = momentum, counter
