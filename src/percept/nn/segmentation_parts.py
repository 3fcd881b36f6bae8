"""The parts of losses over pixels: cross-entropy, focal loss, Dice and Jaccard, each a mean over pixels or classes.

A pixel counts by its weight: 0 where its class is unknown or it is masked in this step, else what the weight map says,
or 1. As means they do not grow with the size of the pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

SMOOTHING = 1e-5
"""Added above and below the line of Dice and Jaccard, in pixels."""


@dataclass(frozen=True)
class Pixels:
    """What a part of a loss is computed from.

    Attributes:
        log_probabilities: (samples, classes, height, width) of the classes at each pixel.
        targets: (samples, height, width) class numbers, 0 where there is none.
        weights: (samples, height, width) weight of each pixel, 0 where there is no target or it is masked.
        class_weights: (classes,) weight of each class.
        gamma: how much less sure pixels count in focal loss.
    """

    log_probabilities: Tensor
    targets: Tensor
    weights: Tensor
    class_weights: Tensor
    gamma: float


def cross_entropy_part(pixels: Pixels) -> Tensor:
    """Return the mean cross-entropy, each pixel weighted by its own weight and that of its class.

    Source: notes §3.6.2 and §3.6.3; Ronneberger, Fischer & Brox 2015, equation 1, divided by the weights' sum.
    """
    return _mean(-_at_target(pixels), pixels)


def focal_part(pixels: Pixels) -> Tensor:
    """Return the focal loss, cross-entropy times (1 - p)^gamma for p the probability of the pixel's class.

    Source: Lin, Goyal, Girshick, He & Dollar 2017, "Focal Loss for Dense Object Detection", equation 5; the class
        weights are its alpha.
    """
    log_probability = _at_target(pixels)
    unsure = -torch.expm1(log_probability.clamp(max=-1e-7))  # 1 - p, above 0, whose powers all have a slope
    return _mean(-(unsure**pixels.gamma) * log_probability, pixels)


def dice_part(pixels: Pixels) -> Tensor:
    """Return 1 minus the soft Dice coefficient, averaged over the classes that occur in the batch.

    Source: Milletari, Navab & Ahmadi 2016, "V-Net", section 3, with plain sums below the line as in Drozdzal et al.
        2016.
    """
    both, predicted, true = _overlap(pixels)
    return _mean_of_classes(1 - (2 * both + SMOOTHING) / (predicted + true + SMOOTHING), true, pixels)


def jaccard_part(pixels: Pixels) -> Tensor:
    """Return 1 minus the soft Jaccard index, intersection over union, averaged over the classes in the batch.

    Source: Rahman & Wang 2016, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation".
    """
    both, predicted, true = _overlap(pixels)
    return _mean_of_classes(1 - (both + SMOOTHING) / (predicted + true - both + SMOOTHING), true, pixels)


PIXEL_LOSSES: dict[str, Callable[[Pixels], Tensor]] = {
    "cross_entropy": cross_entropy_part,
    "focal": focal_part,
    "dice": dice_part,
    "jaccard": jaccard_part,
}
"""The parts by name."""


def _at_target(pixels: Pixels) -> Tensor:
    return pixels.log_probabilities.gather(1, pixels.targets[:, None]).squeeze(1)


def _mean(values: Tensor, pixels: Pixels) -> Tensor:
    weights = pixels.weights * pixels.class_weights[pixels.targets]
    total = weights.sum()
    # without any pixel the loss is 0, and so is its slope
    return (weights * values).sum() / torch.where(total > 0, total, torch.ones_like(total))


def _overlap(pixels: Pixels) -> tuple[Tensor, Tensor, Tensor]:
    """Return (classes,) weighted sums of the probabilities inside the class, of all probabilities, and of the class."""
    weights = pixels.weights[:, None]
    probabilities = pixels.log_probabilities.exp()
    truth = torch.zeros_like(probabilities).scatter(1, pixels.targets[:, None], weights)
    over = (0, 2, 3)
    return (probabilities * truth).sum(over), (probabilities * weights).sum(over), truth.sum(over)


def _mean_of_classes(values: Tensor, true: Tensor, pixels: Pixels) -> Tensor:
    weights = pixels.class_weights * (true > 0)
    total = weights.sum()
    return (weights * values).sum() / torch.where(total > 0, total, torch.ones_like(total))
