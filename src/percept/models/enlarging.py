"""Enlarging: a coarse map brought onto the grid of a finer one, each value to where its receptive field is centered."""

from fractions import Fraction
from math import ceil

from torch import Tensor, nn

from percept.models.body import Level
from percept.nn.blocks import transposed, upsampling


def picture_level(channels: int, height: int, width: int) -> Level:
    """Return the level of the picture itself."""
    return Level(channels, 1, (Fraction(0), Fraction(0)), (height, width))


class Enlarge(nn.Module):
    """Enlarges a map and cuts from it what lies on a finer map.

    The outermost values are repeated outwards first, as far as the finer map goes on, so that the output covers it
    whatever the network lost at the borders, and no value there is mixed with zeros.

    Args:
        enlarging: from a map to one with larger sides.
        outwards: how often the outermost values are repeated: (left, right, top, bottom).
        start: row and column of the enlarged map that lie on the first ones of the finer map.
    """

    def __init__(self, enlarging: nn.Module, outwards: tuple[int, int, int, int], start: tuple[int, int]) -> None:
        super().__init__()
        self.outwards = nn.ReplicationPad2d(outwards)
        self.enlarging = enlarging
        self.row, self.column = start

    def forward(self, features: Tensor, fine: Tensor) -> Tensor:
        """Return the enlarged map.

        Args:
            features: (samples, channels, height, width), the coarse map.
            fine: (samples, any, rows, columns), the finer map or the picture.

        Returns:
            (samples, channels, rows, columns).
        """
        large: Tensor = self.enlarging(self.outwards(features))
        return large[:, :, self.row : self.row + fine.shape[2], self.column : self.column + fine.shape[3]]


def enlarge(name: str, channels: int, coarse: Level, fine: Level) -> Enlarge:
    """Return an enlarging by name, which puts values where they belong to half a pixel of the finer map.

    Args:
        name: a key of `UPSAMPLINGS`.
        channels: of what is enlarged.
        coarse: the level that it lies on.
        fine: the level that it is brought to.
    """
    factor = coarse.stride // fine.stride
    center = Fraction(0) if name == "bed_of_nails" else Fraction(factor - 1, 2)
    return _placed(upsampling(name, channels, factor), center, coarse, fine)


def enlarge_bilinear(channels: int, coarse: Level, fine: Level, *, learned: bool) -> Enlarge:
    """Return a transposed convolution that starts as bilinear interpolation between the values, where they belong.

    Args:
        channels: of what is enlarged.
        coarse: the level that it lies on.
        fine: the level that it is brought to.
        learned: whether it can change.
    """
    factor = coarse.stride // fine.stride
    off = (Fraction(factor - 1, 2) - _first(coarse, fine)[0]) % 1
    centered = factor % 2 == 1 or min(off, 1 - off) <= Fraction(1, 4)
    layer = transposed(channels, factor, centered=centered, learned=learned)
    return _placed(layer, Fraction(factor - 1, 2) if centered else Fraction(0), coarse, fine)


def _first(coarse: Level, fine: Level) -> tuple[Fraction, Fraction]:
    """Return where the first value of a map belongs on a finer one, (row, column), in pixels of the finer one."""
    rows, columns = ((there - here) / fine.stride for there, here in zip(coarse.first, fine.first, strict=True))
    return rows, columns


def _placed(enlarging: nn.Module, center: Fraction, coarse: Level, fine: Level) -> Enlarge:
    """Return an enlarging that repeats and cuts as much as two levels ask for.

    Args:
        enlarging: by the ratio of their strides.
        center: where it puts the first value of a map, in pixels of its output.
        coarse: the level that is enlarged.
        fine: the level that it is brought to.
    """
    factor = coarse.stride // fine.stride
    before, behind, start = [], [], []
    for first, many, few in zip(_first(coarse, fine), fine.positions, coarse.positions, strict=True):
        before.append(max(ceil(first / factor), 0))
        exact = factor * before[-1] + center - first
        start.append(ceil(exact))
        # Pixels behind the last value, in a picture that is just too small for a further one.
        rest = many - 1 - (first + factor * (few - 1)) + factor - 1 + start[-1] - exact
        behind.append(max(ceil(rest / factor), 0))
    (top, left), (bottom, right) = before, behind
    return Enlarge(enlarging, (left, right, top, bottom), (start[0], start[1]))
