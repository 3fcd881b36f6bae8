"""A network that gives a map, on parts of a picture: each with as much around it as its receptive field asks for."""

from dataclasses import dataclass
from math import lcm, prod
from typing import Any

from torch import Tensor, nn

from percept.dense.costs import Cost
from percept.dense.extension import Border
from percept.dense.steps import Pair
from percept.errors import OptionError
from percept.models.pictures import Pictures, taken_by
from percept.nn.geometry.along import Along
from percept.nn.geometry.fields import fields
from percept.nn.geometry.memory import memory
from percept.nn.geometry.trace import Trace, kind_of, name_of, trace, value_of
from percept.nn.geometry.windows import Windows

WIDEST = 4096  # pixels after which the windows of a map must repeat


@dataclass(frozen=True)
class SegmenterPieces:
    """A network with one answer for each pixel, on one picture.

    Attributes:
        network: from (samples, channels, height, width) to (samples, classes, rows, columns).
        classes: scores of each answer.
        counts: rows and columns of the answers.
        offset: row and column of the pixel at position (0, 0).
        sides: of the extended picture, which the network takes as a whole.
        windows: what the answers see of it, along the rows and the columns.
        aligned: pixels from one place at which a part may begin to the next.
        channels: of the picture.
    """

    network: nn.Module
    classes: int
    counts: Pair
    offset: Pair
    sides: Pair
    windows: tuple[Windows, Windows]
    aligned: Pair
    channels: int

    @classmethod
    def of(cls, network: nn.Module, channels: int, size: Pair, border: Border) -> "SegmenterPieces":
        """Return a network on a picture, extended by as much as its answers are fewer than the pixels unless "valid".

        Raises:
            OptionError: the network takes no such picture, gives no answer for each pixel, or an answer depends on the
                whole picture; the sentence names the layer.
        """
        check = taken_by(network)
        if border != "valid" and check is not None and check.step > 1:
            return cls._extended(network, channels, size, check)
        traced = trace(network, (channels, *size))
        made = _made(traced, network)
        short = size[0] - made[1], size[1] - made[2]
        sides = size
        if border != "valid" and any(short):
            sides = size[0] + short[0], size[1] + short[1]
            traced = trace(network, (channels, *sides))
            made = _made(traced, network)
            if made[1:] != size:
                raise OptionError(
                    f"the network gives {made[1]}x{made[2]} answers for {sides[0]}x{sides[1]} pixels, not one for each"
                    f' of {size[0]}x{size[1]}; take border="valid", or a picture of another size'
                )
        offset = (-(short[0] // 2), -(short[1] // 2)) if border != "valid" else (0, 0)
        return cls._on(network, traced, channels, (made[1], made[2]), offset, sides)

    @classmethod
    def _extended(cls, network: nn.Module, channels: int, size: Pair, check: Pictures) -> "SegmenterPieces":
        """Return a network that takes some sizes alone on the next larger one, of which the picture has answers."""
        smallest = check.nearest(1, 1)[0]
        answered = _made(trace(network, (channels, *smallest)), network)
        lost = smallest[0] - answered[1], smallest[1] - answered[2]
        sides = check.nearest(size[0] + lost[0], size[1] + lost[1])[-1]
        offset = -(lost[0] // 2), -(lost[1] // 2)
        return cls._on(network, trace(network, (channels, *sides)), channels, size, offset, sides)

    @classmethod
    def _on(
        cls, network: nn.Module, traced: Trace, channels: int, counts: Pair, offset: Pair, sides: Pair
    ) -> "SegmenterPieces":
        rows, columns = _along(traced, 0), _along(traced, 1)
        windows, aligned = (rows[0], columns[0]), (rows[1], columns[1])
        return cls(network, _made(traced, network)[0], counts, offset, sides, windows, aligned, channels)

    @property
    def work(self) -> float:
        """Return the work of one answer without halo: one pixel."""
        return 1.0

    def pixels(self, axis: int, first: int, count: int) -> Pair:
        """Return the positions that the network is given for some answers along an axis."""
        windows, side, apart = self.windows[axis], self.sides[axis], self.aligned[axis]
        period = len(windows.period)
        seen = [windows.at(place) for place in range(first, first + min(count, period))]
        seen += [windows.at(place) for place in range(max(first, first + count - period), first + count)]
        low = min((each[0] for each in seen if each is not None), default=0)
        high = max((each[1] for each in seen if each is not None), default=0)
        begin = max(0, low // apart * apart)
        behind = high + 1 + (side - high - 1) % apart  # as many pixels beyond the last whole stride as in the picture
        return begin, min(side, behind)

    def answers(self, pixels: Tensor, corner: Pair, first: Pair, counts: Pair) -> Tensor:
        """Return answers from the pixels that they depend on."""
        made: Tensor = self.network(pixels)
        for axis in (0, 1):
            made = made.narrow(axis + 2, first[axis] - corner[axis], counts[axis])
        return made

    def cost(self, counts: Pair) -> Cost:
        """Return what so many answers cost that lie in the middle of the picture: pixels, in place of work."""
        sides = []
        for axis in (0, 1):
            middle = max(0, (self.counts[axis] - counts[axis]) // 2)
            begin, stop = self.pixels(axis, middle, min(counts[axis], self.counts[axis]))
            sides.append(stop - begin)
        size: Any = next(iter(self.network.parameters())).element_size()
        alive = memory(self.network, (self.channels, *sides)).alive[""]
        return Cost(float(prod(sides)), 0.0, alive / size, 0)


def _made(traced: Trace, network: nn.Module) -> tuple[int, int, int]:
    shape: tuple[int, ...] = tuple(getattr(value_of(traced.nodes[-1]), "shape", ()))
    if len(shape) != 4:
        raise OptionError(
            f"{type(network).__name__} gives {shape[1:]} values for a picture; expected (classes, rows, columns):"
            " make a classifier dense first, by densify(network, patch)"
        )
    return int(shape[1]), int(shape[2]), int(shape[3])


def _along(traced: Trace, axis: int) -> tuple[Windows, int]:
    """Return what answers see along an axis, and how parts must be aligned to see the same."""
    found = fields(traced)
    apart = 1
    for node in traced.nodes:
        field = found.get(node)
        if isinstance(field, OptionError):
            raise field
        if field is None or not isinstance(value_of(node), Tensor):
            continue
        along: Along = field[axis]
        if along.windows.whole:
            raise OptionError(
                f"layer {name_of(node)} ({kind_of(node)}) sees the whole picture, so tiles would not give what the"
                " network gives at once; run it on the picture as a whole, or take a network without it"
            )
        apart = lcm(apart, along.windows.step or 1)
        if apart > WIDEST:
            raise OptionError(
                f"layer {name_of(node)} ({kind_of(node)}) does not repeat over the picture, as an upsampling to a given"
                " size; take a picture whose sides are multiples of the network's stride"
            )
    last = found[traced.nodes[-1]]
    if isinstance(last, OptionError):
        raise last
    windows = last[axis].windows
    if windows.stride != 1:
        raise OptionError(
            f"the network's answers lie {windows.stride} pixels apart; expected one for each pixel: upsample them"
        )
    return windows, apart
