"""What a step can do in space: a small vocabulary that all of torch's layers and functions are told in."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Slide:
    """A filter that slides: convolution or pooling over the last dimensions, one number for each of them."""

    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes


@dataclass(frozen=True)
class Spread:
    """A transposed convolution over the last dimensions."""

    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes


@dataclass(frozen=True)
class Resize:
    """An interpolation of the last dimensions.

    Attributes:
        mode: as torch calls it.
        ratios: positions of the input from one of the output to the next.
        corners: whether the centers of the corner pixels are kept.
    """

    mode: str
    ratios: tuple[Fraction, ...]
    corners: bool


@dataclass(frozen=True)
class Adapt:
    """A pooling of the last dimensions to a given size, each output of its own share of the input."""

    sizes: Sizes


@dataclass(frozen=True)
class Take:
    """A slice, a crop or a padding: position p of a dimension comes from position start + p * step.

    Attributes:
        places: dimension of the input to start and step; a step of 0 where one position is taken.
        kept: the dimension of the output that each dimension of the input becomes; None where it is gone.
    """

    places: Mapping[int, tuple[int, int]]
    kept: tuple[int | None, ...]


@dataclass(frozen=True)
class Mix:
    """All positions of some dimensions take part in each value: mean, normalization, a linear layer.

    Attributes:
        dimensions: of the input, counted from 0.
        reduced: whether one value is left of them; else each position stays, its own value among all.
        kept: the dimension of the output that each dimension of the input becomes; None where it is gone.
    """

    dimensions: Sizes
    reduced: bool
    kept: tuple[int | None, ...]


@dataclass(frozen=True)
class Join:
    """Value by value, of one input or several, smaller ones repeated to the size of the largest."""


@dataclass(frozen=True)
class Stack:
    """Several inputs one behind the other along a dimension."""

    dimension: int


@dataclass(frozen=True)
class Reshape:
    """The same values in another shape, in the same order."""


@dataclass(frozen=True)
class Permute:
    """Dimensions in another order: dimension d of the output is dimension order[d] of the input."""

    order: Sizes


@dataclass(frozen=True)
class Unknown:
    """A step that is not in this list, and why."""

    reason: str


Operation = Slide | Spread | Resize | Adapt | Take | Mix | Join | Stack | Reshape | Permute | Unknown
