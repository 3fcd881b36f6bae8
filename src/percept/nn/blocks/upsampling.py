"""Upsampling: from a map to one whose sides are a whole number of times as long."""

from collections.abc import Callable
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.errors import OptionError


class BedOfNails(nn.Module):
    """Puts each value at the top left of a square of zeros.

    Args:
        factor: side of the square, pixels.

    Source: notes §3.6.2.

    Example:
        >>> BedOfNails(2)(torch.tensor([[[[1.0, 2.0]]]])).tolist()
        [[[[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]]
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, features: Tensor) -> Tensor:
        """Return (samples, channels, factor * height, factor * width) from (samples, channels, height, width)."""
        zeros = self.factor - 1
        squares = functional.pad(features[:, :, :, None, :, None], (0, zeros, 0, 0, 0, zeros))
        return squares.flatten(2, 3).flatten(3, 4)

    def extra_repr(self) -> str:
        """Return what its printed form shows."""
        return f"factor={self.factor}"


def transposed(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Return a transposed convolution whose weights are learned and start as bilinear interpolation.

    Args:
        channels: that come in and go out; at the start each channel is interpolated on its own.
        factor: how many times as long the sides become.

    Source: notes §3.6.2; Long, Shelhamer & Darrell 2015, section 3.3.

    Example:
        >>> transposed(1, 2)(torch.ones(1, 1, 3, 3))[0, 0, 1:-1, 1:-1].unique().tolist()
        [1.0]
    """
    kernel = 2 * factor - factor % 2
    layer = nn.ConvTranspose2d(channels, channels, kernel, factor, (kernel - factor) // 2, bias=False)
    # A tent of height 1 that falls to 0 one map pixel, `factor` picture pixels, from its centre.
    tent = 1 - (torch.arange(kernel) - (kernel - 1) / 2).abs() / factor
    with torch.no_grad():
        layer.weight.zero_()
        for channel in range(channels):
            layer.weight[channel, channel] = torch.outer(tent, tent)
    return layer


# Each from the channels of the map and the factor by which its sides grow.
UPSAMPLINGS: dict[str, Callable[[int, int], nn.Module]] = {
    "nearest": lambda channels, factor: nn.Upsample(scale_factor=factor, mode="nearest"),
    "bilinear": lambda channels, factor: nn.Upsample(scale_factor=factor, mode="bilinear"),
    "bed_of_nails": lambda channels, factor: BedOfNails(factor),
    "transposed": transposed,
}


def upsampling(name: str, channels: int, factor: int) -> nn.Module:
    """Return a layer that makes height and width of a map `factor` times as long.

    Args:
        name: a key of `UPSAMPLINGS`.
        channels: of the map.
        factor: a whole number of at least 1.

    Raises:
        OptionError: there is no upsampling of that name, or the factor is out of range.

    Source: notes §3.6.2.

    Example:
        >>> upsampling("nearest", 1, 2)(torch.ones(1, 1, 3, 5)).shape
        torch.Size([1, 1, 6, 10])
    """
    if name not in UPSAMPLINGS:
        near = get_close_matches(str(name), UPSAMPLINGS, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise OptionError(f"upsampling is {name!r}; expected one of {', '.join(UPSAMPLINGS)}{meant}")
    if not isinstance(factor, int) or factor < 1:
        raise OptionError(f"upsampling: factor is {factor!r}; expected a whole number of at least 1")
    return UPSAMPLINGS[name](channels, factor)
