"""How bright, colorful, sharp and noisy a picture is: changes of values that move nothing."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from percept.data.augment.draws import either_way, half, uniform
from percept.data.augment.recipe import Augmentation

GREY = (0.299, 0.587, 0.114)  # share of red, green and blue in grey: ITU-R recommendation BT.601
TRUNCATE = 3  # a Gaussian is cut at so many standard deviations of the widest


@dataclass(frozen=True)
class Light:
    """What happens to the values of each picture of a batch, on the CPU.

    Attributes:
        brightness: (n,) factor of all values.
        contrast: (n,) factor of the distance from the picture's mean grey.
        saturation: (n,) factor of the distance of colors from their grey.
        blur: (n,) standard deviation of a Gaussian, pixels; 0 for none.
        noise: (n,) standard deviation, white being 1; 0 for none.
        radius: pixels after which a Gaussian is cut.
    """

    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    blur: Tensor
    noise: Tensor
    radius: int

    def __getitem__(self, rows: slice) -> "Light":
        return Light(
            self.brightness[rows],
            self.contrast[rows],
            self.saturation[rows],
            self.blur[rows],
            self.noise[rows],
            self.radius,
        )

    @property
    def colors(self) -> bool:
        """Whether brightness, contrast or saturation change."""
        return any(bool((part != 1).any()) for part in (self.brightness, self.contrast, self.saturation))


def draw_light(recipe: Augmentation, count: int, generator: torch.Generator) -> Light:
    """Return what happens to the values of some pictures, each drawn on its own."""

    def factor(reach: float) -> Tensor:
        return 1 + either_way(count, reach, generator) if reach else torch.ones(count, dtype=torch.float64)

    def sometimes(largest: float) -> Tensor:
        if not largest:
            return torch.zeros(count, dtype=torch.float64)
        return uniform(count, 0, largest, generator) * half(count, generator)

    return Light(
        factor(recipe.brightness),
        factor(recipe.contrast),
        factor(recipe.saturation),
        sometimes(recipe.blur),
        sometimes(recipe.noise),
        math.ceil(TRUNCATE * recipe.blur),
    )


def relit(pictures: Tensor, light: Light, generator: torch.Generator) -> Tensor:
    """Return pictures in another light, cut to [0, 1].

    Args:
        pictures: (n, channels, height, width) float32 in [0, 1].
        light: of the same pictures.
        generator: of the noise, on the pictures' device.

    Source: notes §3.4.1 (noise, average intensity, contrast).
    """
    changed = pictures
    if light.colors:
        changed = recolored(changed, light.brightness, light.contrast, light.saturation)
    for amounts, change in ((light.blur, _blur), (light.noise, _noise)):
        rows = amounts.nonzero()[:, 0]
        if len(rows):
            there = rows.to(pictures.device)
            changed = changed.index_copy(0, there, change(changed[there], amounts[rows], light.radius, generator))
    return pictures if changed is pictures else changed.clamp_(0, 1)


def recolored(pictures: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Return brightness, contrast and saturation changed, in this order, by one linear map of the colors; not cut.

    Args:
        pictures: (n, channels, height, width) float; the saturation of pictures that have not 3 channels stays.
        brightness: (n,) factors of the values.
        contrast: (n,) factors of the distance from the picture's mean grey.
        saturation: (n,) factors of the distance from each pixel's grey.

    Source: Haeberli 1993, "Matrix Operations for Image Processing": each is a blend with black, with the mean grey, or
        with the grey picture, so that all are one matrix and one vector.

    Example:
        >>> one, double = torch.ones(1), torch.full((1,), 2.0)
        >>> recolored(torch.full((1, 3, 1, 1), 0.25), double, one, one).flatten().tolist()
        [0.5, 0.5, 0.5]
    """
    channels, device, dtype = pictures.shape[1], pictures.device, pictures.dtype
    colored = channels == 3
    shares = torch.tensor(GREY if colored else [1 / channels] * channels, device=device, dtype=dtype)
    bright, strong, vivid = (
        factor.to(device, dtype)[:, None, None]
        for factor in (brightness, contrast, saturation if colored else 1 + 0 * saturation)
    )  # (n, 1, 1)
    same = torch.eye(channels, device=device, dtype=dtype)
    matrix = bright * strong * (vivid * same + (1 - vivid) * shares)  # (n, channels, channels)
    grey = pictures.mean((2, 3)) @ shares  # (n,)
    offset = bright * (1 - strong) * grey[:, None, None]
    flat = torch.baddbmm(offset.expand(-1, channels, 1), matrix, pictures.flatten(2))
    return flat.view_as(pictures)


def blurred(pictures: Tensor, deviations: Tensor, radius: int) -> Tensor:
    """Return pictures convolved with Gaussians, the pictures mirrored at the middle of their border pixels.

    Args:
        pictures: (n, channels, height, width) float.
        deviations: (n,) standard deviations, pixels, above 0.
        radius: pixels after which the Gaussians are cut; less where the picture is smaller.
    """
    for axis in (2, 3):
        reach = min(radius, pictures.shape[axis] - 1)
        steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
        weights = (-0.5 * (steps / deviations[:, None]) ** 2).exp()
        weights = (weights / weights.sum(1, keepdim=True)).to(pictures.device, pictures.dtype)  # (n, steps)
        margins = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        padded = functional.pad(pictures, margins, mode="reflect")
        total = torch.zeros_like(pictures)
        for step in range(2 * reach + 1):
            total.addcmul_(padded.narrow(axis, step, pictures.shape[axis]), weights[:, step, None, None, None])
        pictures = total
    return pictures


def _blur(pictures: Tensor, deviations: Tensor, radius: int, _: torch.Generator) -> Tensor:
    return blurred(pictures, deviations, radius)


def _noise(pictures: Tensor, deviations: Tensor, _: int, generator: torch.Generator) -> Tensor:
    drawn = torch.randn(pictures.shape, generator=generator, device=pictures.device)
    return pictures + drawn * deviations.to(pictures.device, pictures.dtype)[:, None, None, None]
