"""What tiles need to know of a network: how many answers a picture has, and which pixels each of them depends on."""

from dataclasses import dataclass, replace
from math import prod
from typing import Protocol

from torch import Tensor

from percept.dense.costs import Cost
from percept.dense.extension import Border
from percept.dense.lattice import Span
from percept.dense.network import DenseNetwork
from percept.dense.steps import Pair

ENDLESS = 2**20  # answers along an axis, next to which the halo is nothing


class Pieces(Protocol):
    """A network that answers for parts of a picture as it would for the whole."""

    @property
    def classes(self) -> int:
        """Return the scores of each answer."""
        ...

    @property
    def counts(self) -> Pair:
        """Return the rows and columns of the answers."""
        ...

    @property
    def offset(self) -> Pair:
        """Return the row and column of the pixel at position (0, 0), negative where the picture was extended."""
        ...

    @property
    def work(self) -> float:
        """Return the work of one answer where all that it shares with others is done once."""
        ...

    def pixels(self, axis: int, first: int, count: int) -> Pair:
        """Return the positions that some answers along an axis depend on: the first, and the one behind the last."""
        ...

    def answers(self, pixels: Tensor, corner: Pair, first: Pair, counts: Pair) -> Tensor:
        """Return answers from the pixels that they depend on.

        Args:
            pixels: (1, channels, rows, columns).
            corner: position of the upper left one.
            first: the first answer, row and column.
            counts: of the answers.
        """
        ...

    def cost(self, counts: Pair) -> Cost:
        """Return what so many answers cost that lie in the middle of the picture."""
        ...


@dataclass(frozen=True)
class DensePieces:
    """A dense network on one picture.

    Attributes:
        network: the dense network.
        counts: rows and columns of the answers.
        offset: row and column of the pixel at position (0, 0).
        every: pixels between answers.
        positions: of patches in the extended picture, along each axis.
    """

    network: DenseNetwork
    counts: Pair
    offset: Pair
    every: Pair
    positions: Pair

    @classmethod
    def of(cls, network: DenseNetwork, size: Pair, border: Border) -> "DensePieces":
        """Return a network on a picture of a size, extended so that every pixel has an answer unless "valid"."""
        patch, context = network.patch, network.context
        every = network.stride if network.method == "heatmap" else (1, 1)
        if border == "valid":
            rows, columns = (size[axis] - patch[axis] + 1 - sum(context[axis]) for axis in (0, 1))
            offset = context[0][0], context[1][0]
        else:
            rows, columns = size
            offset = -(patch[0] // 2), -(patch[1] // 2)
        counts = (rows - 1) // every[0] + 1, (columns - 1) // every[1] + 1
        return cls(network, counts, offset, every, (rows, columns))

    @property
    def classes(self) -> int:
        """Return the scores of each answer."""
        return self.network.classes

    @property
    def work(self) -> float:
        """Return the work of one answer where all that it shares with others is done once."""
        return self.cost((ENDLESS, ENDLESS)).work / ENDLESS**2

    def _span(self, axis: int, first: int, count: int) -> Span:
        ends = self.positions[axis] if self.network.semantics == "image" else None
        return Span(first * self.every[axis], self.every[axis], count, ends)

    def pixels(self, axis: int, first: int, count: int) -> Pair:
        """Return the positions that some answers along an axis depend on: the first, and the one behind the last."""
        return self.network.pixels(self._span(axis, first, count), axis)

    def answers(self, pixels: Tensor, corner: Pair, first: Pair, counts: Pair) -> Tensor:
        """Return answers from the pixels that they depend on."""
        rows, columns = (self._span(axis, first[axis], counts[axis]) for axis in (0, 1))
        if self.network.method == "shift-and-stitch" and prod(self.network.stride) > 1:
            return self.network.stitched(pixels, corner, (rows, columns))
        return self.network.answers(pixels, corner, (rows, columns))

    def cost(self, counts: Pair) -> Cost:
        """Return what so many answers cost that lie in the middle of the picture."""
        if self.network.method == "shift-and-stitch":
            shifts = prod(self.network.stride)
            stride = self.network.stride
            rows, columns = (Span(0, stride[axis], -(-counts[axis] // stride[axis])) for axis in (0, 1))
            once = self.network.cost((rows, columns)).times(shifts)
            return replace(once, peak=once.peak + self.classes * prod(counts))
        rows, columns = (Span(0, self.every[axis], counts[axis]) for axis in (0, 1))
        return self.network.cost((rows, columns))
