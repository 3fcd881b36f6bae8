"""What training minimizes where every pixel has a class: a weighted sum of parts, over the pixels that count."""

from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor
from torch.nn import functional

from percept.errors import DataError, OptionError
from percept.nn.segmentation_parts import PIXEL_LOSSES, Pixels


@dataclass(frozen=True)
class PixelLoss:
    """A weighted sum of parts over the pixels of a batch; `pixel_loss` makes it from its name.

    Attributes:
        parts: name and weight of each part.
        ignore: class number of pixels that do not count; None where all do.
        class_weights: (classes,) weight of each class; None for equal ones.
        masked: share of the pixels that is left out of each step, drawn anew from torch's global generator.
        masked_side: side of the squares that are left out as a whole, pixels.
        gamma: how much less sure pixels count in focal loss.
    """

    parts: tuple[tuple[str, float], ...]
    ignore: int | None = None
    class_weights: Tensor | None = None
    masked: float = 0.0
    masked_side: int = 1
    gamma: float = 2.0

    def __call__(self, scores: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the loss of a batch, a scalar in float32 at least.

        Args:
            scores: (samples, classes, height, width), before softmax.
            targets: (samples, rows, columns) class numbers, no smaller than the scores, whose place is their center.
            weights: (samples, rows, columns) weight of each pixel, at least 0; None for equal ones.

        Raises:
            DataError: the targets or the weights are smaller than the scores.
        """
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        count, classes, height, width = scores.shape
        targets = center_crop(targets, height, width).long()
        known = torch.ones_like(targets, dtype=torch.bool) if self.ignore is None else targets != self.ignore
        counted = known.to(scores.dtype)
        if weights is not None:
            counted = counted * center_crop(weights, height, width).to(scores.dtype)
        if self.masked > 0:
            counted = counted * self._kept((count, height, width), scores.device)
        even = torch.ones(classes, device=scores.device)
        pixels = Pixels(
            functional.log_softmax(scores, dim=1),
            torch.where(known, targets, 0),
            counted,
            (even if self.class_weights is None else self.class_weights.to(scores.device)).to(scores.dtype),
            self.gamma,
        )
        total = torch.zeros((), dtype=scores.dtype, device=scores.device)
        for name, weight in self.parts:
            total = total + weight * PIXEL_LOSSES[name](pixels)
        return total

    def _kept(self, shape: tuple[int, int, int], device: torch.device) -> Tensor:
        count, height, width = shape
        squares = (count, -(-height // self.masked_side), -(-width // self.masked_side))
        kept = torch.rand(squares, device=device) >= self.masked
        large = kept.repeat_interleave(self.masked_side, 1).repeat_interleave(self.masked_side, 2)
        return large[:, :height, :width]


def pixel_loss(
    name: str = "cross_entropy",
    *,
    ignore: int | None = None,
    class_weights: Tensor | None = None,
    masked: float = 0.0,
    masked_side: int = 1,
    gamma: float = 2.0,
) -> PixelLoss:
    """Return a loss over pixels by name.

    Args:
        name: a key of `PIXEL_LOSSES`, or several joined by "+", each with a weight in front where it is not 1:
            "cross_entropy+dice", "0.5*cross_entropy + 2*dice".
        ignore: class number of pixels that do not count; None where all do.
        class_weights: (classes,) weight of each class, at least 0; None for equal ones. In Dice and Jaccard they weight
            the classes, elsewhere each pixel by its class.
        masked: share in [0, 1) of the pixels that is left out of each step, to make steps more random.
        masked_side: side of the squares that are left out as a whole, pixels.
        gamma: how much less sure pixels count in focal loss, at least 0; with 0 it is cross-entropy.

    Raises:
        OptionError: there is no such part, or an argument is out of range.

    Source: notes §3.6.2, §3.6.3 and §3.6.6 (random masking, after Long, Shelhamer & Darrell 2015, section 4.4).

    Example:
        >>> loss = pixel_loss("cross_entropy+dice", ignore=255)
        >>> scores, targets = torch.zeros(1, 2, 1, 3), torch.tensor([[[0, 1, 255]]])
        >>> round(float(loss(scores, targets)), 4)  # log 2 + 1/2
        1.1931
    """
    if not 0 <= masked < 1:
        raise OptionError(f"masked is {masked}; expected a share from 0 up to, but not including, 1")
    if masked_side < 1:
        raise OptionError(f"masked side is {masked_side}; expected a whole number of pixels of at least 1")
    if not 0 <= gamma < float("inf"):
        raise OptionError(f"gamma is {gamma}; expected 0 or a positive number")
    if class_weights is not None and not bool(torch.all((class_weights >= 0) & class_weights.isfinite())):
        raise OptionError(f"class weights are {class_weights.tolist()}; expected numbers of at least 0")
    parts = tuple(_part(text) for text in str(name).split("+"))
    return PixelLoss(parts, ignore, class_weights, masked, masked_side, gamma)


def _part(text: str) -> tuple[str, float]:
    factor, star, name = text.rpartition("*")
    name = name.strip()
    if name not in PIXEL_LOSSES:
        near = get_close_matches(name, PIXEL_LOSSES, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise OptionError(f"loss is {name!r}; expected {', '.join(PIXEL_LOSSES)}, or several joined by +{meant}")
    try:
        weight = float(factor) if star else 1.0
    except ValueError:
        weight = -1.0
    if not 0 < weight < float("inf"):
        raise OptionError(f"loss has {text.strip()!r}; expected a positive number in front of the star")
    return name, weight


def center_crop(values: Tensor, height: int, width: int) -> Tensor:
    """Return the center of maps or masks, which is what a network without padding gives an answer for.

    Args:
        values: (..., rows, columns).
        height: rows of the center.
        width: columns of the center.

    Raises:
        DataError: the values are smaller.

    Source: notes §3.6.3; Ronneberger, Fischer & Brox 2015.

    Example:
        >>> center_crop(torch.arange(16).reshape(4, 4), 2, 2).tolist()
        [[5, 6], [9, 10]]
    """
    rows, columns = values.shape[-2:]
    if rows < height or columns < width:
        raise DataError(f"masks have {rows}x{columns} pixels; expected {height}x{width} of the output, or more")
    top, left = (rows - height) // 2, (columns - width) // 2
    return values[..., top : top + height, left : left + width]
