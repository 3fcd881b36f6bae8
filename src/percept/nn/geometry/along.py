"""What a value of a network sees along each axis of the picture, and which of its own dimensions runs along it.

A value has a dimension for each axis, until it is gone: pooled away, or flattened and then mixed by a linear layer.
What is merely flattened still sees what it saw.
"""

from dataclasses import dataclass

from percept.nn.geometry.operations import Sizes
from percept.nn.geometry.windows import Windows, everywhere


@dataclass(frozen=True)
class Along:
    """What a value sees along one axis of the picture.

    Attributes:
        windows: what each position sees.
        pixels: how many the picture has along the axis.
        positions: how many the value has along it.
        dimension: the dimension of the value that runs along the axis; None where all its values see the same.
        apart: how many places of that dimension lie from one position to the next, more than 1 where it was flattened.
    """

    windows: Windows
    pixels: int
    positions: int = 1
    dimension: int | None = None
    apart: int = 1

    def gone(self) -> "Along":
        """Return what a value sees that is computed from all positions."""
        return Along(everywhere(self.windows, self.positions, self.pixels), self.pixels)

    def fixed(self, position: int = 0) -> Windows:
        """Return the windows of a value that takes the same position everywhere."""
        return Windows((self.windows.at(position),), 0, self.windows.whole)


Field = tuple[Along, ...]
"""What a value sees along each axis of the picture: its rows, then its columns."""


class UnfollowedError(Exception):
    """A step whose receptive field is not known; says why."""


@dataclass(frozen=True)
class Given:
    """An input of a step: its shape, and what it sees."""

    shape: Sizes
    field: Field

    def map_along(self, along: Along) -> bool:
        """Return whether a dimension is this axis, and nothing else."""
        return along.dimension is not None and along.positions == self.shape[along.dimension]
