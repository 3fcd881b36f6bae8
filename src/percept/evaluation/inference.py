"""A trained network made ready to predict much: the same function in fewer and faster steps.

Batch normalizations become part of the convolutions before them, weights lie in channels-last memory, and on CPUs each
layer takes its weights packed once, and the sum and the activation behind it along. torch.compile is left out: on top
of these it brought nothing on the CPU, for the tens of seconds that it takes to compile.
"""

from copy import deepcopy

import torch
from torch import Tensor, fx, nn

from percept.evaluation.fusing import CONVOLUTIONS, Noting, fold_normalizations, pack
from percept.evaluation.packed import PACKS
from percept.evaluation.predict import BATCH

ENOUGH = 10**11  # multiply-adds, some seconds of one core: from there on preparing takes less time than it saves


def ready_for(network: nn.Module, example: Tensor, samples: int) -> nn.Module:
    """Return the network made ready to predict so many samples, or as it is where that would not pay.

    Args:
        network: in evaluation mode.
        example: (1, ...) one sample as the network takes it.
        samples: how many there are to predict.
    """
    if example.ndim != 4 or network.training:
        return network
    if samples * _work(network, example) < ENOUGH:
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
        >>> any(isinstance(layer, nn.BatchNorm2d) for layer in ready.modules())
        False
        >>> torch.allclose(ready(picture), network(picture), atol=1e-5)
        True
    """
    copy = deepcopy(network).eval().requires_grad_(False)
    steps = _followed(copy, torch.cat([example, example]))
    if steps is None:
        return copy.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
    fold_normalizations(steps)
    steps.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if PACKS and all(each.device.type == "cpu" and each.dtype == torch.float32 for each in steps.parameters()):
        pack(steps, times=batch / 2)
    steps.graph.lint()
    steps.delete_all_unused_submodules()
    steps.recompile()
    return steps


def _followed(network: nn.Module, pair: Tensor) -> fx.GraphModule | None:
    """Return the steps of a network, which ran for two samples; None where torch.fx cannot follow or goes astray."""
    with torch.inference_mode():
        expected = network(pair)
        try:
            steps = fx.GraphModule(network, fx.Tracer().trace(network))
            same = torch.allclose(Noting(steps).run(pair), expected, 1e-3, 1e-3 * float(expected.abs().max()))
        except Exception:  # whatever a network does that fx cannot follow
            return None
    return steps if same else None


def _work(network: nn.Module, example: Tensor) -> int:
    """Return the multiply-adds of a network's convolutions and linear layers for a sample."""
    found: list[int] = []

    def note(layer: nn.Module, _: tuple[Tensor, ...], made: Tensor) -> None:
        found.append(layer.weight[0].numel() * made.numel())  # type: ignore[index]

    hooks = [
        layer.register_forward_hook(note)
        for layer in network.modules()
        if isinstance(layer, (*CONVOLUTIONS, nn.Linear))
    ]
    try:
        with torch.inference_mode():
            network(example)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(found)
