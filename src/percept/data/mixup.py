"""Soft targets: labels as probabilities, smoothed, and pictures mixed in pairs together with their targets."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from percept.errors import OptionError


@dataclass(frozen=True)
class Mixing:
    """How the targets of a training batch are softened.

    Attributes:
        classes: number of classes; 0 for figures, which are mixed but not smoothed.
        mixup: alpha of the Beta distribution that pairs of samples are mixed by; 0 for none.
        cutmix: the same for pictures that get a rectangle of another; 0 for none. Each batch takes one of the two.
        label_smoothing: share of the target that is spread over all classes. [0, 1)

    Raises:
        OptionError: a value is out of its range.
    """

    classes: int
    mixup: float = 0.0
    cutmix: float = 0.0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mixup", "cutmix"):
            if not 0 <= getattr(self, name) < math.inf:
                raise OptionError(f"--{name} is {getattr(self, name)}; expected 0 (off) or more, such as 0.2")
        if not 0 <= self.label_smoothing < 1:
            raise OptionError(f"--label-smoothing is {self.label_smoothing}; expected 0 (off) to below 1, such as 0.1")
        if not self.classes and (self.cutmix or self.label_smoothing):
            raise OptionError("--cutmix and --label-smoothing are for classes; the target is a number: leave them out")

    def __call__(self, pictures: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return a batch mixed; targets become (samples, classes) float32 where anything is softened.

        Args:
            pictures: (samples, ...) floating.
            targets: (samples,) class numbers or figures.
            generator: where the draws come from, on the CPU.
        """
        if not (self.mixup or self.cutmix or self.label_smoothing):
            return pictures, targets
        soft = soft_targets(targets, self.classes, smoothing=self.label_smoothing) if self.classes else targets
        if self.mixup and (not self.cutmix or bool(torch.rand((), generator=generator) < 0.5)):
            return mixup(pictures, soft, self.mixup, generator)
        if self.cutmix:
            return cutmix(pictures, soft, self.cutmix, generator)
        return pictures, soft


def soft_targets(labels: Tensor, classes: int, *, smoothing: float = 0.0) -> Tensor:
    """Return class numbers as probabilities, a share of them spread evenly over all classes.

    Args:
        labels: (samples,) class numbers.
        classes: number of classes.
        smoothing: share that is spread. [0, 1)

    Returns:
        (samples, classes) float32; each row sums to 1.

    Source: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7.

    Example:
        >>> soft_targets(torch.tensor([1]), 2, smoothing=0.5).tolist()
        [[0.25, 0.75]]
    """
    return functional.one_hot(labels, classes).to(torch.float32) * (1 - smoothing) + smoothing / classes


def mixup(pictures: Tensor, targets: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return each sample mixed with another one of the batch, and its target in the same proportion.

    Args:
        pictures: (samples, ...) floating.
        targets: (samples, classes) probabilities of `soft_targets`, or (samples,) figures.
        alpha: of Beta(alpha, alpha), from which each sample draws the share that is its own; above 0, or 0 for none.
        generator: where the draws come from, on the CPU.

    Returns:
        Pictures and targets of the same shapes; rows of probabilities still sum to 1.

    Raises:
        OptionError: the targets are class numbers, or alpha is negative.

    Source: notes §3.4.1; Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization".

    Example:
        >>> black_and_white, targets = torch.tensor([[0.0], [1.0]]), torch.eye(2)
        >>> mixed, soft = mixup(black_and_white, targets, 1.0, torch.Generator().manual_seed(0))
        >>> bool((mixed[:, 0] - soft[:, 1]).abs().max() < 1e-6)  # as white as it is of class 1
        True
    """
    own, others = _pairs(len(pictures), targets, alpha, generator)
    return _blend(pictures, others, own), _blend(targets, others, own)


def cutmix(pictures: Tensor, targets: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return each picture with a rectangle of another one of the batch, and its target in proportion to the areas.

    Args:
        pictures: (samples, channels, height, width) floating.
        targets: (samples, classes) probabilities of `soft_targets`.
        alpha: of Beta(alpha, alpha), from which each sample draws the share of the area that stays; 0 for none.
        generator: where the draws come from, on the CPU.

    Raises:
        OptionError: the targets are class numbers, or alpha is negative.

    Source: Yun et al. 2019, "CutMix", section 3.1; the rectangle is cut at the picture's border, and counts as it is.
    """
    own, others = _pairs(len(pictures), targets, alpha, generator)
    inside = []
    for side in pictures.shape[2:]:
        length = ((1 - own).sqrt() * side).round()
        middle = torch.rand(len(own), generator=generator, dtype=torch.float64) * side
        first = (middle - length / 2).round()
        places = torch.arange(side)
        inside.append((places >= first[:, None]) & (places < (first + length)[:, None]))  # (samples, side)
    pasted = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    kept = 1 - pasted.to(torch.float64).mean((1, 2, 3))
    there = others.to(pictures.device)
    return torch.where(pasted.to(pictures.device), pictures[there], pictures), _blend(targets, others, kept)


def _pairs(count: int, targets: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return (count,) shares that samples keep, and (count,) with whom each is mixed."""
    if not targets.dtype.is_floating_point:
        raise OptionError(
            f"targets are {targets.dtype}; mixed targets are probabilities: pass soft_targets(labels, classes)"
        )
    if not 0 <= alpha < math.inf:
        raise OptionError(f"alpha is {alpha}; expected 0 (off) or more, such as 0.2")
    others = torch.randperm(count, generator=generator)
    if not alpha:
        return torch.ones(count, dtype=torch.float64), others
    drawn = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))  # torch's Beta takes no generator
    return torch.from_numpy(drawn.beta(alpha, alpha, count)), others


def _blend(values: Tensor, others: Tensor, own: Tensor) -> Tensor:
    share = own.to(values.device, values.dtype).view(-1, *([1] * (values.ndim - 1)))
    return values * share + values[others.to(values.device)] * (1 - share)
