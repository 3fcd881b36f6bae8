"""What the steps compute that work position by position, on maps of any size."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.dense.layers import rectify


class Pointwise(nn.Module):
    """Whatever works position by position on one map or several."""

    def forward(self, maps: Sequence[Tensor], *, owned: bool = False) -> Tensor:
        """Return the map made of these.

        Args:
            maps: (samples, channels, rows, columns) each.
            owned: whether the first may be written over.
        """
        raise NotImplementedError


class Affine(Pointwise):
    """Each channel times a number, plus a number: a batch normalization by its running averages.

    Args:
        scale: (channels,).
        shift: (channels,).
    """

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(scale), nn.Parameter(shift)

    def forward(self, maps: Sequence[Tensor], *, owned: bool = False) -> Tensor:
        """Return the scaled map."""
        scale, shift = (values[:, None, None] for values in (self.scale, self.shift))
        if owned and not torch.is_grad_enabled():
            return maps[0].mul_(scale).add_(shift)
        return torch.addcmul(shift, maps[0], scale)


class Rectify(Pointwise):
    """ReLU."""

    def forward(self, maps: Sequence[Tensor], *, owned: bool = False) -> Tensor:
        """Return the larger of each value and zero."""
        return rectify(maps[0]) if owned else maps[0].relu()


class Add(Pointwise):
    """The sum of two maps."""

    def forward(self, maps: Sequence[Tensor], *, owned: bool = False) -> Tensor:
        """Return the sum."""
        one, other = maps
        if owned and not torch.is_grad_enabled() and one.shape[1] >= other.shape[1]:
            return one.add_(other)
        return one + other


class Concatenate(Pointwise):
    """Maps one behind the other along the channels."""

    def forward(self, maps: Sequence[Tensor], *, owned: bool = False) -> Tensor:
        """Return all channels."""
        return torch.cat(list(maps), dim=1)


class Layer(Pointwise):
    """A layer of torch that works position by position, as it is.

    Args:
        layer: in evaluation mode; must not write over its input.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, maps: Sequence[Tensor], *, owned: bool = False) -> Tensor:
        """Return what the layer makes of the map."""
        made: Tensor = self.layer(maps[0])
        return made


class Slot:
    """Stands for a map among the arguments of a function.

    Args:
        place: which of the maps.
    """

    def __init__(self, place: int) -> None:
        self.place = place


class Function(Pointwise):
    """A function that works position by position, with the arguments that the network gives it.

    Args:
        target: the function.
        args: its arguments; a `Slot` for each map.
        kwargs: its named arguments.
        constants: tensors among its arguments, for which a `Slot` stands too, behind those of the maps.
    """

    def __init__(
        self, target: Callable[..., Tensor], args: Sequence[Any], kwargs: dict[str, Any], constants: Sequence[Tensor]
    ) -> None:
        super().__init__()
        self.target, self.args, self.kwargs = target, tuple(args), kwargs
        self.constants = nn.ParameterList([nn.Parameter(each, each.is_floating_point()) for each in constants])

    def forward(self, maps: Sequence[Tensor], *, owned: bool = False) -> Tensor:
        """Return what the function makes of the maps."""
        values = [*maps, *self.constants]
        filled = [_filled(each, values) for each in self.args]
        return self.target(*filled, **{name: _filled(each, values) for name, each in self.kwargs.items()})


def _filled(given: Any, values: Sequence[Tensor]) -> Any:
    if isinstance(given, Slot):
        return values[given.place]
    return type(given)(_filled(each, values) for each in given) if type(given) in (list, tuple) else given


class ChannelCut(Pointwise):
    """Some of the channels, and new ones beyond them.

    Args:
        places: which channels, counted from 0; beyond those that there are, new ones.
        fill: the value of new ones.
    """

    def __init__(self, places: range, fill: float = 0.0) -> None:
        super().__init__()
        self.places, self.fill = places, fill

    def forward(self, maps: Sequence[Tensor], *, owned: bool = False) -> Tensor:
        """Return these channels."""
        (features,) = maps
        before, behind = max(0, -self.places[0]), max(0, self.places[-1] + 1 - features.shape[1])
        if before or behind:
            features = functional.pad(features, (0, 0, 0, 0, before, behind), value=self.fill)
        return features[:, self.places[0] + before : self.places[-1] + 1 + before : self.places.step]


class AcrossChannels(Pointwise):
    """A function over the channels of each position, given them as the last dimension.

    Args:
        function: from (..., channels) to (..., channels of the output).
    """

    def __init__(self, function: nn.Module) -> None:
        super().__init__()
        self.function = function

    def forward(self, maps: Sequence[Tensor], *, owned: bool = False) -> Tensor:
        """Return what the function makes of each position's channels."""
        made: Tensor = self.function(maps[0].movedim(1, -1))
        return made.movedim(-1, 1)
