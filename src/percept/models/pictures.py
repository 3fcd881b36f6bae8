"""The pictures that a network takes: any other is refused in one sentence before it reaches the first layer."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, fx, nn

from percept.errors import DataError

Range = tuple[int, int | None]


@dataclass(frozen=True)
class Pictures:
    """What a network takes, checked before each forward pass.

    Attributes:
        network: its name, for the message.
        channels: of the pictures.
        heights: smallest and largest height, pixels; None for no largest.
        widths: the same of the width.
    """

    network: str
    channels: int
    heights: Range = (1, None)
    widths: Range = (1, None)

    def __call__(self, module: nn.Module, arguments: tuple[object, ...]) -> None:
        """Refuse what the network cannot take; while torch.fx traces there is nothing to look at.

        Args:
            module: the network.
            arguments: of its forward pass, the pictures first.

        Raises:
            DataError: the pictures are of another shape.
        """
        images = arguments[0] if arguments else None
        if isinstance(images, fx.Proxy) or not isinstance(images, Tensor):
            return
        if images.ndim != 4:
            raise DataError(
                f"{self.network} takes pictures of shape (samples, {self.channels}, height, width);"
                f" got {tuple(images.shape)}"
            )
        _, channels, height, width = images.shape
        if channels != self.channels:
            raise DataError(
                f"{self.network} takes pictures of {_counted(self.channels, 'channel')}; got"
                f" {channels}: build it with channels={channels}"
            )
        nearest = _into(height, self.heights), _into(width, self.widths)
        if nearest != (height, width):
            raise DataError(
                f"{self.network} takes heights {_words(self.heights)} and widths {_words(self.widths)}; got"
                f" {height}x{width}: the nearest size that works is {nearest[0]}x{nearest[1]}"
            )


def takes(
    network: nn.Module, name: str, *, channels: int, heights: Range = (1, None), widths: Range = (1, None)
) -> nn.Module:
    """Make a network refuse pictures that it cannot take, and return it.

    Args:
        network: from (samples, channels, height, width).
        name: of the network, for the message.
        channels: of the pictures.
        heights: smallest and largest height, pixels; None for no largest.
        widths: the same of the width.

    Example:
        >>> import torch
        >>> takes(nn.Conv2d(3, 8, 5), "first", channels=3, heights=(5, None))(torch.zeros(1, 3, 4, 9))
        Traceback (most recent call last):
            ...
        percept.errors.DataError: first takes heights of at least 5 and widths of at least 1; got 4x9: ...
    """
    network.register_forward_pre_hook(Pictures(name, channels, heights, widths))
    return network


def sides_alike(side: int, pixels: Callable[[int], int]) -> tuple[int, int]:
    """Return the smallest and the largest side whose last map has as many pixels as that of this side.

    Args:
        side: of the picture, pixels.
        pixels: of the side of the last map, from the side of the picture.

    Example:
        >>> sides_alike(224, lambda side: side // 32)
        (224, 255)
    """
    smallest = largest = side
    while smallest > 1 and pixels(smallest - 1) == pixels(side):
        smallest -= 1
    while pixels(largest + 1) == pixels(side):
        largest += 1
    return smallest, largest


def _into(side: int, sides: Range) -> int:
    smallest, largest = sides
    return max(smallest, side if largest is None else min(side, largest))


def _words(sides: Range) -> str:
    smallest, largest = sides
    return f"of at least {smallest}" if largest is None else f"from {smallest} to {largest}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
