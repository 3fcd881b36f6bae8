"""The receptive field of every layer of a network: which part of the picture its values are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor, nn

from percept.errors import OptionError
from percept.nn.geometry.along import Along, Field
from percept.nn.geometry.fields import fields
from percept.nn.geometry.trace import kind_of, name_of, trace, value_of

Number = int | Fraction


@dataclass(frozen=True)
class ReceptiveField:
    """What the values of a layer see of the picture, along each axis: (rows, columns).

    Pixel 0 lies at 0, so that the first center is 0 for a layer whose padding makes up for its kernel. Sizes and
    centers are those of a picture without end; what lies outside of the real one is padding.

    Attributes:
        size: pixels that a value sees; the whole side where `whole`.
        stride: pixels from the window of one position to that of the next; a fraction behind an upsampling, 0 where all
            positions see the same.
        first_center: where the center of the first position's window lies.
        whole: whether each value sees the whole picture.
        local: pixels that it sees without the global poolings of gates such as squeeze-excite; as `size` elsewhere, and
            0 where nothing else is left.
        along: the same in all detail, by axis.
    """

    size: tuple[int, ...]
    stride: tuple[Number, ...]
    first_center: tuple[Number | None, ...]
    whole: bool
    local: tuple[int, ...]
    along: Field

    def window(self, *position: int) -> tuple[tuple[int, int] | None, ...]:
        """Return the first and the last pixel that a position of the layer sees, along each axis.

        Args:
            position: row and column in the layer's map; any numbers where the map is gone.
        """
        return tuple(
            (0, axis.pixels - 1) if axis.windows.whole else axis.windows.at(place)
            for axis, place in zip(self.along, position, strict=True)
        )

    def __str__(self) -> str:
        if self.whole:
            return "whole picture"
        return _sides(self.size)


@dataclass(frozen=True)
class LayerField:
    """A layer, or a function between layers, and its receptive field.

    Attributes:
        name: the layer's name in the network, or the module and the function in it, such as "layer1.0 add".
        kind: the layer's class, or the function's name.
        shape: of what it gives for one picture.
        field: what its values see.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    field: ReceptiveField


def receptive_fields(network: nn.Module, shape: Sequence[int]) -> tuple[LayerField, ...]:
    """Return the receptive field of every layer of a network, in the order in which they run.

    Where branches meet, a value sees all that it sees through any of them. The channels of a layer are taken together,
    and its axes apart: a branch that sees nothing at some rows still counts in the columns.

    Args:
        network: any network of one input that torch.fx can follow; it is left as it is.
        shape: (channels, height, width) of a picture; any number of axes from one on.

    Returns:
        A record for each layer and each function between layers that depends on the picture.

    Raises:
        OptionError: a layer cannot be followed, or percept does not know what it does; the sentence names it.

    Source: notes §3.3.6; Araujo, Norris & Sim 2019.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3))
        >>> [(layer.kind, str(layer.field)) for layer in receptive_fields(network, (3, 32, 32))]
        [('Conv2d', '3x3'), ('MaxPool2d', '4x4'), ('Conv2d', '8x8')]
    """
    traced = trace(network, shape)
    found = fields(traced)
    layers = []
    for node in traced.nodes:
        field, value = found.get(node), value_of(node)
        if isinstance(field, OptionError):
            raise field
        if field is not None and node is not traced.input and isinstance(value, Tensor):
            layers.append(LayerField(name_of(node), kind_of(node), tuple(value.shape[1:]), receptive_field(field)))
    return tuple(layers)


def receptive_field(field: Field) -> ReceptiveField:
    """Return a field as the record that tells it."""
    return ReceptiveField(
        size=tuple(axis.pixels if axis.windows.whole else axis.windows.size for axis in field),
        stride=tuple(_number(axis.windows.stride) for axis in field),
        first_center=tuple(_center(axis) for axis in field),
        whole=bool(field) and all(axis.windows.whole for axis in field),
        local=tuple(map(local_size, field)),
        along=field,
    )


def local_size(along: Along) -> int:
    """Return the pixels that a value sees by convolutions and poolings along an axis; 0 where only others are left."""
    return 0 if along.windows.whole and not along.windows.step else along.windows.size


def _center(axis: Along) -> Number | None:
    center = Fraction(axis.pixels - 1, 2) if axis.windows.whole else axis.windows.first_center
    return None if center is None else _number(center)


def _number(value: Fraction) -> Number:
    return int(value) if value.denominator == 1 else value


def _sides(sides: Sequence[Number]) -> str:
    return "x".join(str(side) for side in sides)
