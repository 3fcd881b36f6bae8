"""What a dense evaluation is made of: the steps of a patch classifier, each a layer and the window it reads."""

from dataclasses import dataclass

from torch import nn

Pair = tuple[int, int]
"""One number for the rows and one for the columns."""
BATCH = "n"
CHANNELS = "c"
ROWS = "y"
COLUMNS = "x"
AXES = (ROWS, COLUMNS)


@dataclass(frozen=True)
class Window:
    """Which positions of its input a map reads: for position j and tap t, j * stride - before + t * dilation.

    Attributes:
        kernel: taps.
        stride: positions of the input from one position of the output to the next.
        before: positions that the first window begins before the first position of the input; negative for a crop.
        dilation: positions of the input between neighboring taps.
        counted: positions beyond each edge of the input that count in the divisor of a mean.
        mirrored: whether what lies beyond the edge is copied from within, as by reflection, and is not a fixed value.
    """

    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    dilation: Pair = (1, 1)
    counted: Pair = (0, 0)
    mirrored: bool = False

    def reach(self, axis: int) -> int:
        """Return how far the last tap of a window lies behind its first one."""
        return (self.kernel[axis] - 1) * self.dilation[axis]


@dataclass(frozen=True)
class Step:
    """One map of the classifier and how it is computed.

    Attributes:
        name: of the layer in the network.
        layer: what computes it: `Filter`, `Pool` or `Move` of one input and a window, or `Pointwise` of any number.
        inputs: places of the steps whose maps it takes; none for the picture.
        channels: of the map.
        size: rows and columns of the map of one patch.
        window: what each position reads; None where it works position by position.
    """

    name: str
    layer: nn.Module
    inputs: tuple[int, ...]
    channels: int
    size: Pair
    window: Window | None = None
