"""Upsampling: from a map to one whose sides are a whole number of times as long."""

from collections.abc import Callable
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.errors import OptionError
from percept.nn.initializers import initialize


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


def transposed(channels: int, factor: int, *, centered: bool = True, learned: bool = True) -> nn.ConvTranspose2d:
    """Return a transposed convolution whose weights start as bilinear interpolation.

    Args:
        channels: that come in and go out; at the start each channel is interpolated on its own.
        factor: how many times as long the sides become.
        centered: whether a value comes to lie at the center of its square of factor x factor outputs, as pixels are
            interpolated; else at the square's top left, where a bed of nails has it.
        learned: whether the weights can change, and channels mix; else each channel stays interpolated on its own.

    Source: notes §3.6.2; Long, Shelhamer & Darrell 2015, section 3.3.

    Example:
        >>> transposed(1, 2)(torch.ones(1, 1, 3, 3))[0, 0, 1:-1, 1:-1].unique().tolist()
        [1.0]
    """
    kernel = 2 * factor - factor % 2 if centered else 2 * factor - 1
    padding = (kernel - factor) // 2 if centered else factor - 1
    behind = 0 if centered else factor - 1
    groups = 1 if learned else channels
    layer = nn.ConvTranspose2d(channels, channels, kernel, factor, padding, behind, groups, bias=False)
    # A tent of height 1 that falls to 0 one map pixel, `factor` picture pixels, from its center.
    tent = 1 - (torch.arange(kernel) - (kernel - 1) / 2).abs() / factor
    with torch.no_grad():
        layer.weight.zero_()
        for channel in range(channels):
            layer.weight[channel, channel if learned else 0] = torch.outer(tent, tent)
    layer.weight.requires_grad_(learned)
    return layer


# Each from the channels of the map and the factor by which its sides grow.
UPSAMPLINGS: dict[str, Callable[[int, int], nn.Module]] = {
    "nearest": lambda channels, factor: nn.Upsample(scale_factor=factor, mode="nearest"),
    "bilinear": lambda channels, factor: nn.Upsample(scale_factor=factor, mode="bilinear"),
    "bed_of_nails": lambda channels, factor: BedOfNails(factor),
    "transposed": transposed,
}

# Pixels at each border that `up_convolution` gives up where it must not see beyond the map.
UP_CONVOLUTION_LOSSES = {"transposed": 0, "bed_of_nails": 0, "nearest": 1, "bilinear": 2}


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
    _require_known(name)
    if not isinstance(factor, int) or factor < 1:
        raise OptionError(f"upsampling: factor is {factor!r}; expected a whole number of at least 1")
    return UPSAMPLINGS[name](channels, factor)


def up_convolution(name: str, inputs: int, outputs: int, *, padded: bool) -> nn.Sequential:
    """Return an upsampling by 2 and the convolution with it, whose weights are drawn by He's rule.

    "transposed" is one 2x2 transposed convolution of stride 2; "bed_of_nails" is the same function in two steps, nails
    and a 2x2 convolution; "nearest" and "bilinear" are an interpolation and a 3x3 convolution. No activation follows.

    Args:
        name: a key of `UPSAMPLINGS`.
        inputs: channels that come in.
        outputs: channels that go out.
        padded: whether the output has exactly twice the sides; else it gives up the pixels that would be computed from
            beyond the map's border, `UP_CONVOLUTION_LOSSES` of them at each border.

    Raises:
        OptionError: there is no upsampling of that name.

    Source: notes §3.6.2 and §3.6.3; Ronneberger, Fischer & Brox 2015; Odena, Dumoulin & Olah 2016.

    Example:
        >>> up_convolution("nearest", 4, 2, padded=False)(torch.ones(1, 4, 5, 5)).shape
        torch.Size([1, 2, 8, 8])
    """
    _require_known(name)
    if name == "transposed":
        return nn.Sequential(_one_tap(nn.ConvTranspose2d(inputs, outputs, 2, stride=2)))
    enlarged = UPSAMPLINGS[name](inputs, 2)
    if name == "bed_of_nails":
        # the row and the column in front are zeros, as nails would have there
        return nn.Sequential(enlarged, nn.ZeroPad2d((1, 0, 1, 0)), _one_tap(nn.Conv2d(inputs, outputs, 2)))
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1 if padded else 0)
    initialize(convolution, "relu")
    # the outermost pixels of a bilinear map repeat the border instead of interpolating
    cut = [nn.ZeroPad2d(-1)] if name == "bilinear" and not padded else []
    return nn.Sequential(enlarged, *cut, convolution)


def _one_tap(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """Draw weights by He's rule where each output has one tap on every input channel: the others meet zeros."""
    nn.init.normal_(layer.weight, 0.0, (2 / layer.in_channels) ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _require_known(name: str) -> None:
    if name not in UPSAMPLINGS:
        near = get_close_matches(str(name), UPSAMPLINGS, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise OptionError(f"upsampling is {name!r}; expected one of {', '.join(UPSAMPLINGS)}{meant}")
