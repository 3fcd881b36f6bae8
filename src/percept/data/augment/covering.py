"""What lies over a picture: another picture shining through it, or a patch that hides a part of it."""

import torch
from torch import Tensor

from percept.data.augment.draws import half, uniform

SMALLEST = 0.02  # share of the area that a patch hides at least
FLATTEST = 0.3  # height by width of a patch, at least; its inverse at most


def overlaid(pictures: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Return the pictures, in half of them another one of the batch superimposed.

    Args:
        pictures: (n, channels, height, width) float.
        largest: weight of the other picture, at most.
        generator: where the draws come from, on the CPU.

    Source: notes §3.4.1 (superimposing other images).
    """
    count = len(pictures)
    weights = uniform(count, 0, largest, generator) * half(count, generator)
    others = torch.randperm(count, generator=generator)
    return pictures.lerp(
        pictures[others.to(pictures.device)], weights.to(pictures.device, pictures.dtype)[:, None, None, None]
    )


def erased(pictures: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Return the pictures, in half of them a rectangle filled with the picture's mean color.

    Args:
        pictures: (n, channels, height, width) float.
        largest: share of the area that is hidden, at most.
        generator: where the draws come from, on the CPU.

    Source: Zhong et al. 2020, "Random Erasing Data Augmentation".
    """
    count, height, width = len(pictures), *pictures.shape[2:]
    area = uniform(count, min(SMALLEST, largest), largest, generator) * height * width
    flat = torch.tensor(FLATTEST, dtype=torch.float64).log()
    ratio = uniform(count, float(flat), -float(flat), generator).exp()
    rows = _span(height, (area * ratio).sqrt(), generator) & half(count, generator)[:, None]
    columns = _span(width, (area / ratio).sqrt(), generator)
    within = (rows[:, None, :, None] & columns[:, None, None, :]).to(pictures.device)
    return torch.where(within, pictures.mean((2, 3), keepdim=True), pictures)


def _span(side: int, extent: Tensor, generator: torch.Generator) -> Tensor:
    """Return (n, side) which places lie in a span of each extent (n,), at a random place."""
    length = extent.floor().clamp(max=side)
    first = (torch.rand(len(extent), generator=generator, dtype=torch.float64) * (side + 1 - length)).floor()
    places = torch.arange(side)
    return (places >= first[:, None]) & (places < (first + length)[:, None])
