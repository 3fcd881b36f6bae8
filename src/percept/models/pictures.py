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
        step: pixels from one side that works to the next, counted from the smallest.
        instead: what else the user can do about a side between the steps, for the message.
    """

    network: str
    channels: int
    heights: Range = (1, None)
    widths: Range = (1, None)
    step: int = 1
    instead: str = ""

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
        nearest = self.nearest(height, width)
        if nearest[-1] != (height, width):
            takes = f"{self.network} takes heights {self._words(self.heights)} and widths {self._words(self.widths)}"
            sizes = " and ".join(f"{rows}x{columns}" for rows, columns in nearest)
            work = "sizes that work are" if len(nearest) > 1 else "size that works is"
            raise DataError(f"{takes}; got {height}x{width}: the nearest {work} {sizes}{self.instead}")

    def nearest(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """Return the nearest sizes that work, one no larger and one no smaller; one alone where there is no other.

        Args:
            height: of a picture, pixels.
            width: of the picture, pixels.

        Example:
            >>> Pictures("unet", 1, (188, None), (188, None), step=16).nearest(250, 316)
            ((236, 316), (252, 316))
        """
        rows, columns = self._around(height, self.heights), self._around(width, self.widths)
        return tuple(dict.fromkeys(zip(rows, columns, strict=True)))

    def _around(self, side: int, sides: Range) -> tuple[int, int]:
        smallest, largest = sides
        inside = max(smallest, side if largest is None else min(side, largest))
        over = (inside - smallest) % self.step
        below, above = inside - over, inside + (self.step - over if over else 0)
        return below, above if largest is None or above <= largest else below

    def _words(self, sides: Range) -> str:
        smallest, largest = sides
        if self.step > 1:
            return f"of {self.step} k + {smallest % self.step} from {smallest} on"
        return f"of at least {smallest}" if largest is None else f"from {smallest} to {largest}"


def takes(
    network: nn.Module,
    name: str,
    *,
    channels: int,
    heights: Range = (1, None),
    widths: Range = (1, None),
    step: int = 1,
    instead: str = "",
) -> nn.Module:
    """Make a network refuse pictures that it cannot take, and return it.

    Args:
        network: from (samples, channels, height, width).
        name: of the network, for the message.
        channels: of the pictures.
        heights: smallest and largest height, pixels; None for no largest.
        widths: the same of the width.
        step: pixels from one side that works to the next, counted from the smallest.
        instead: what else the user can do about a side between the steps, for the message.

    Example:
        >>> import torch
        >>> takes(nn.Conv2d(3, 8, 5), "first", channels=3, heights=(5, None))(torch.zeros(1, 3, 4, 9))
        Traceback (most recent call last):
            ...
        percept.errors.DataError: first takes heights of at least 5 and widths of at least 1; got 4x9: ...
    """
    network.register_forward_pre_hook(Pictures(name, channels, heights, widths, step, instead))
    return network


def taken_by(network: nn.Module) -> Pictures | None:
    """Return what a network says it takes; None where it says nothing, as one that percept did not build."""
    return next((check for check in network._forward_pre_hooks.values() if isinstance(check, Pictures)), None)


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


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
