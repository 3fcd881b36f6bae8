"""Which pixels each position of a map sees along one axis of the picture, and how layers change that.

Positions and pixels are counted from 0. A map made by convolutions and poolings sees the same window at every position,
moved on by the stride. Behind an upsampling neighboring positions may share a window, or see windows of different size;
these repeat after a few positions, so the windows of one period say all.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd, lcm

Window = tuple[int, int] | None
"""The first and the last pixel that a position sees; None where it sees no pixel at all."""
Taps = Callable[[int], Iterable[int]]
"""From a position of a layer's output to the positions of its input that it is computed from."""


@dataclass(frozen=True)
class Windows:
    """The windows of a map along one axis of the picture, as if the picture went on for ever.

    Attributes:
        period: the windows of positions 0, 1, ... until they repeat.
        step: how many pixels on they repeat.
        whole: whether each position sees the whole picture, by a global pooling or a linear layer; `period` and `step`
            then tell what it sees by the other layers alone, such as those beside a squeeze-excite.
    """

    period: tuple[Window, ...] = ((0, 0),)
    step: int = 1
    whole: bool = False

    @property
    def size(self) -> int:
        """Return how many pixels a position sees, the most of them where positions differ."""
        return max((last - first + 1 for first, last in filter(None, self.period)), default=0)

    @property
    def stride(self) -> Fraction:
        """Return how many pixels lie between the centers of neighboring windows, on average."""
        return Fraction(self.step, len(self.period))

    @property
    def first_center(self) -> Fraction | None:
        """Return where the center of the first position's window lies; None where it sees nothing."""
        return None if self.period[0] is None else Fraction(sum(self.period[0]), 2)

    def at(self, position: int) -> Window:
        """Return the first and the last pixel that a position sees; they may lie outside the picture.

        Example:
            >>> slide(Windows(), kernel=3, stride=2, padding=1).at(10)
            (19, 21)
        """
        turns, place = divmod(position, len(self.period))
        window = self.period[place]
        return None if window is None else (window[0] + turns * self.step, window[1] + turns * self.step)


def composed(windows: Windows, taps: Taps, *, advance: int, every: int = 1) -> Windows:
    """Return the windows of a layer's output.

    Args:
        windows: of its input.
        taps: which positions of the input a position of the output is computed from.
        advance: positions that the taps move on in the input ...
        every: ... when so many positions are passed in the output.
    """
    count = len(windows.period)
    rounds = count // gcd(count, advance)  # until the taps meet the input's period at the same place again
    period = [union(windows.at(tap) for tap in taps(position)) for position in range(every * rounds)]
    return shortest(period, advance * rounds // count * windows.step, whole=windows.whole)


def slide(windows: Windows, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Windows:
    """Return what the output of a convolution or pooling sees.

    Args:
        windows: of its input.
        kernel: taps of the filter.
        stride: positions between neighboring filter positions.
        padding: positions added before the first one.
        dilation: positions between neighboring taps.

    Source: notes §3.3.6; Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks".

    Example:
        >>> pooled = slide(slide(Windows(), kernel=3), kernel=2, stride=2)
        >>> pooled.size, int(pooled.stride)
        (4, 2)
    """
    return composed(
        windows,
        lambda position: range(
            position * stride - padding, position * stride - padding + (kernel - 1) * dilation + 1, dilation
        ),
        advance=stride,
    )


def spread(windows: Windows, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Windows:
    """Return what the output of a transposed convolution sees, arguments as those of `torch.nn.ConvTranspose2d`.

    Example:
        >>> spread(Windows(), kernel=4, stride=2, padding=1).period
        ((-1, 0), (0, 1))
    """

    def taps(position: int) -> Iterable[int]:
        places = (position + padding - tap * dilation for tap in range(kernel))
        return (place // stride for place in places if place % stride == 0)

    return composed(windows, taps, advance=1, every=stride)


def interpolated(windows: Windows, taps: Callable[[Fraction], Iterable[int]], ratio: Fraction, at: Fraction) -> Windows:
    """Return what the output of an upsampling sees.

    Args:
        windows: of its input.
        taps: the input's positions that take part at a place between them.
        ratio: how far the place moves on from one position of the output to the next, in positions of the input.
        at: the place of the output's first position.
    """
    return composed(
        windows, lambda position: taps(at + position * ratio), advance=ratio.numerator, every=ratio.denominator
    )


def everywhere(windows: Windows, positions: int, pixels: int) -> Windows:
    """Return what a value sees that is computed from all positions of a map.

    Args:
        windows: of the map.
        positions: how many positions it has.
        pixels: how many the picture has along this axis.
    """
    if windows.whole:
        return Windows(((0, pixels - 1),), 0, whole=True)
    window = union(windows.at(position) for position in range(positions))
    if window is None:
        return Windows((None,), 0)
    seen = max(window[0], 0), min(window[1], pixels - 1)
    return Windows((seen,), 0, whole=seen == (0, pixels - 1))


def joined(parts: Sequence[Windows], positions: int) -> Windows:
    """Return what a value sees that is computed from one position of each of several maps.

    Args:
        parts: the windows of each; with a step of 0 where one value is used at all positions.
        positions: how many there are.
    """
    if len(parts) == 1:
        return parts[0]
    whole = any(part.whole for part in parts)
    own = [part for part in parts if part.step or not part.whole] or list(parts)
    if len({part.stride for part in own}) == 1:
        length, step = lcm(*(len(part.period) for part in own)), own[0].stride
    else:  # branches that drift apart: every position has a window of its own
        length, step = positions, Fraction(ceil(positions * max(part.stride for part in own)), positions)
    period = [union(part.at(position) for part in own) for position in range(length)]
    return shortest(period, int(length * step), whole=whole)


def union(windows: Iterable[Window]) -> Window:
    """Return the smallest window that holds all of these."""
    seen = [window for window in windows if window is not None]
    return (min(first for first, _ in seen), max(last for _, last in seen)) if seen else None


def shortest(period: Sequence[Window], step: int, *, whole: bool = False) -> Windows:
    """Return windows by the shortest period that gives them."""
    windows = Windows(tuple(period), step, whole)
    for length in range(1, len(period)):
        if len(period) % length == 0 and step * length % len(period) == 0:
            shorter = Windows(tuple(period[:length]), step * length // len(period), whole)
            if all(shorter.at(place) == window for place, window in enumerate(period)):
                return shorter
    return windows
