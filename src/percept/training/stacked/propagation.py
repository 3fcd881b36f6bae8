"""Forward and backward through every network of a stack at once, by batched products in torch.

Source: notes §2.3.3 (backpropagation), §2.3.4 (batch normalization), §2.5.3 (dropout).
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from percept.errors import OptionError
from percept.training.stacked.design import Layer, Network
from percept.training.stacked.formulas import ACTIVATIONS, DERIVATIVES, loss_each, loss_slope
from percept.training.stacked.forward import VARIANCE_FLOOR

MOMENTUM = 0.1  # weight of the newest batch in the running statistics, torch's default


@dataclass(frozen=True)
class Parts:
    """Views of a stack's parameters or gradients, layer by layer, sharing its memory.

    Matrices are (models, inputs, outputs), biases, scales and shifts (models, 1, outputs); the last two are None
    without batch normalization.
    """

    matrices: list[Tensor]
    biases: list[Tensor]
    scales: list[Tensor | None]
    shifts: list[Tensor | None]


def parts_of(layers: list[Layer], flat: Tensor) -> Parts:
    """Return the views of (models, parameters), layer by layer."""
    return Parts(
        [flat[:, layer.weights].view(len(flat), layer.inputs, layer.outputs) for layer in layers],
        [flat[:, None, layer.biases] for layer in layers],
        [None if layer.scale is None else flat[:, None, layer.scale] for layer in layers],
        [None if layer.shift is None else flat[:, None, layer.shift] for layer in layers],
    )


@dataclass(frozen=True)
class Pass:
    """What the backward pass needs of a layer's forward pass.

    All are (models, samples, units), but for the deviation (models, 1, units). `values` are the activations before
    dropout, `passed` those that the next layer saw, `kept` the factors of dropout.
    """

    values: Tensor
    passed: Tensor
    kept: Tensor | None
    normalized: Tensor | None
    deviation: Tensor | None


def gradients(
    network: Network,
    own: Parts,
    gradient: Parts,
    X: Tensor,
    T: Tensor,
    weights: Tensor | None,
    total: Tensor,
    kept: list[Tensor | None],
    statistics: list[Tensor],
) -> Tensor:
    """Fill in the gradient of the mean loss over a batch, without the penalty, and return that loss (models,).

    Args:
        network: the design.
        own: the parameters.
        gradient: written to.
        X: (models, samples, features).
        T: (models or 1, samples, outputs).
        weights: (models or 1, samples, 1) of the samples, or None.
        total: (models, 1) sum of the weights of the batch, or its number of samples.
        kept: dropout's factors (models, samples, units) of each hidden layer, 0 or 1 / (1 - chance); None for none.
        statistics: (models, 2 * units) of each hidden layer with batch normalization, updated in place.
    """
    passes: list[Pass] = []
    values, top = X, network.layers - 1
    for number in range(top):
        sums = torch.baddbmm(own.biases[number], values, own.matrices[number])
        scale, shift = own.scales[number], own.shifts[number]
        passes.append(_forward(network, sums, scale, shift, kept[number], statistics[number] if statistics else None))
        values = passes[-1].passed
    sums = torch.baddbmm(own.biases[top], values, own.matrices[top])
    losses, signal = loss_and_signal(network, sums, T, weights, total)
    signal = signal / total[:, :, None]
    for number in range(top, -1, -1):
        below = passes[number - 1].passed if number else X
        gradient.matrices[number].copy_(below.mT @ signal)
        torch.sum(signal, 1, keepdim=True, out=gradient.biases[number])
        if number:
            before = number - 1
            signal = signal @ own.matrices[number].mT
            signal = _backward(
                network, passes[before], own.scales[before], signal, gradient.scales[before], gradient.shifts[before]
            )
    return losses


def _forward(
    network: Network,
    sums: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    kept: Tensor | None,
    running: Tensor | None,
) -> Pass:
    normalized = deviation = None
    if scale is not None and shift is not None and running is not None:
        mean, variance = sums.mean(1, keepdim=True), sums.var(1, keepdim=True, unbiased=False)
        deviation = (variance + VARIANCE_FLOOR).sqrt()
        normalized = (sums - mean) / deviation
        samples = sums.shape[1]
        sums = normalized * scale + shift
        if samples > 1:
            newest = torch.cat([mean[:, 0], variance[:, 0] * (samples / (samples - 1))], 1)
            running.lerp_(newest, MOMENTUM)
    values = ACTIVATIONS[network.activation](torch, sums)
    return Pass(values, values if kept is None else values * kept, kept, normalized, deviation)


def _backward(
    network: Network,
    seen: Pass,
    scale: Tensor | None,
    signal: Tensor,
    scale_gradient: Tensor | None,
    shift_gradient: Tensor | None,
) -> Tensor:
    """Return the gradient by a hidden layer's sums from that by what it passed on."""
    if seen.kept is not None:
        signal = signal * seen.kept
    signal = DERIVATIVES[network.activation](torch, seen.values, signal)
    if scale is None or scale_gradient is None or shift_gradient is None:
        return signal
    if seen.normalized is None or seen.deviation is None:
        return signal
    scale_gradient.copy_((signal * seen.normalized).sum(1, keepdim=True))
    shift_gradient.copy_(signal.sum(1, keepdim=True))
    signal = signal * scale
    centred = signal - signal.mean(1, keepdim=True)
    shared = (signal * seen.normalized).mean(1, keepdim=True)
    return (centred - seen.normalized * shared) / seen.deviation


def loss_and_signal(
    network: Network, sums: Tensor, T: Tensor, weights: Tensor | None, total: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the weighted mean loss (models,) and its gradient by the last sums, times `total`, shaped like them."""
    if callable(network.loss):
        return _own_loss(network, sums, T, weights, total)
    Y = ACTIVATIONS[network.output](torch, sums)
    each = loss_each(torch, network.loss, network.output, Y, T).sum(2, keepdim=True)
    signal = loss_slope(torch, network.loss, network.output, Y, T)
    if weights is not None:
        each, signal = each * weights, signal * weights
    return each.sum((1, 2)) / total[:, 0], signal


def _own_loss(
    network: Network, sums: Tensor, T: Tensor, weights: Tensor | None, total: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the same for a loss that the caller wrote, whose gradient by the outputs autograd finds."""
    function: Any = network.loss
    with torch.enable_grad():
        sums = sums.detach().requires_grad_()
        Y = ACTIVATIONS[network.output](torch, sums)
        means = []
        for model in range(len(Y)):
            loss = _checked(function(Y[model], T[model % len(T)]), Y.shape[1])
            if loss.ndim:
                loss = loss.flatten(1).sum(1) if loss.ndim > 1 else loss
                factor = 1 if weights is None else weights[model % len(weights), :, 0]
                means.append((loss * factor).sum() / total[model % len(total), 0])
            elif weights is not None:
                raise OptionError(
                    "loss gives one mean of a batch; with weights it must give one number for each sample"
                )
            else:
                means.append(loss)
        losses = torch.stack(means)
        (signal,) = torch.autograd.grad(losses.sum(), sums)
    return losses.detach(), signal * total[:, None]


def _checked(loss: object, samples: int) -> Tensor:
    """Return what a loss of the caller's gave, a scalar or of shape (samples, ...), if training can go by it."""
    if not isinstance(loss, Tensor):
        raise OptionError(
            f"loss gives {type(loss).__name__}; expected a torch tensor computed from the outputs by torch's functions"
        )
    if loss.numel() == 1 and samples != 1:
        loss = loss.reshape(())
    if loss.ndim and len(loss) != samples:
        raise OptionError(
            f"loss gives shape {tuple(loss.shape)} for a batch of {samples} samples; expected one mean, or one number"
            " for each sample"
        )
    if not loss.requires_grad:
        raise OptionError("loss has no gradient; compute it from the outputs by torch's functions, without detach()")
    return loss
