"""What training minimizes: losses from maximum likelihood, weighted by class where asked."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor], Tensor]


class WithAuxiliary(NamedTuple):
    """What a network with auxiliary heads gives in training; the losses here add those of the heads to its own.

    Attributes:
        main: (samples, outputs) of the network itself.
        auxiliary: (samples, outputs) of each head.
        weight: what the loss of each head is multiplied by.
    """

    main: Tensor
    auxiliary: tuple[Tensor, ...]
    weight: float


def with_auxiliary(loss: Loss) -> Loss:
    """Return a loss that takes `WithAuxiliary` as well as plain outputs: its own plus `weight` times the heads' sum.

    Args:
        loss: from outputs and targets to a scalar.

    Source: notes §3.5.4; Szegedy et al. 2015, section 5.

    Example:
        >>> mean = with_auxiliary(lambda outputs, targets: (outputs - targets).mean())
        >>> one, ten = torch.tensor([1.0]), torch.tensor([10.0])
        >>> mean(WithAuxiliary(one, (ten, ten), 0.25), torch.zeros(1))
        tensor(6.)
    """

    def total(outputs: Tensor | WithAuxiliary, targets: Tensor) -> Tensor:
        if not isinstance(outputs, WithAuxiliary):
            return loss(outputs, targets)
        return loss(outputs.main, targets) + outputs.weight * sum(loss(head, targets) for head in outputs.auxiliary)

    return total


def cross_entropy(class_weights: Tensor | None = None) -> Loss:
    """Return the mean cross-entropy of softmax scores, the negative log-likelihood of categorical targets.

    Args:
        class_weights: (classes,) weight of each class, or None for equal ones; the mean is divided by the weights'
            sum over the batch.

    Returns:
        A function of scores (samples, classes), or `WithAuxiliary`, and class numbers (samples,) or probabilities of
        the classes (samples, classes), giving a scalar.

    Source: notes §2.4.1; Bishop 1995, chapter 6; notes §3.4.1 (probabilities as targets, from mixup).

    Example:
        >>> loss = cross_entropy()
        >>> round(float(loss(torch.zeros(1, 2), torch.tensor([1]))), 4)  # log 2
        0.6931
    """

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        scores = _at_least_float32(outputs)
        weights = None if class_weights is None else class_weights.to(scores.dtype)
        if not targets.dtype.is_floating_point:
            return functional.cross_entropy(scores, targets, weight=weights)
        soft = targets.to(scores.dtype)  # torch would divide weighted ones by the samples, not by the weights' sum
        total = functional.cross_entropy(scores, soft, weight=weights, reduction="sum")
        return total / (soft.sum() if weights is None else (soft * weights).sum())

    return with_auxiliary(loss)


def squared_error() -> Loss:
    """Return the mean squared error, up to a factor the negative log-likelihood of Gaussian targets.

    Returns:
        A function of outputs (samples, 1), or `WithAuxiliary`, and figures (samples,), giving a scalar.

    Source: notes §2.4; Bishop 1995, chapter 6.

    Example:
        >>> float(squared_error()(torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 1.0])))
        2.0
    """

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(_at_least_float32(outputs).squeeze(1), targets)

    return with_auxiliary(loss)


def balanced_weights(targets: Tensor, classes: int) -> Tensor:
    """Return class weights that give each class the same say: samples / (classes * samples of the class).

    Args:
        targets: (samples,) class numbers, or (samples, classes) probabilities; every class occurs.
        classes: number of classes.

    Source: King & Zeng 2001, "Logistic Regression in Rare Events Data".

    Example:
        >>> balanced_weights(torch.tensor([0, 0, 0, 1]), 2)
        tensor([0.6667, 2.0000])
    """
    soft = targets.dtype.is_floating_point
    counts = (targets.sum(0) if soft else torch.bincount(targets, minlength=classes)).clamp(min=1)
    return len(targets) / (classes * counts.to(torch.float32))


def _at_least_float32(outputs: Tensor) -> Tensor:
    return outputs.to(torch.promote_types(outputs.dtype, torch.float32))
