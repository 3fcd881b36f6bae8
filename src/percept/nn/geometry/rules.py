"""What a step's output sees, by what its inputs see: one rule for each operation."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import floor, prod
from typing import Any

from percept.nn.geometry.along import Along, Field, Given, UnfollowedError
from percept.nn.geometry.operations import (
    Adapt,
    Join,
    Mix,
    Operation,
    Permute,
    Reshape,
    Resize,
    Sizes,
    Slide,
    Spread,
    Stack,
    Take,
    Unknown,
)
from percept.nn.geometry.windows import Windows, composed, interpolated, joined, slide, spread


def after(operation: Operation, given: Sequence[Given], made: Sizes | None) -> Field:
    """Return what the output of a step sees.

    Args:
        operation: what the step does.
        given: its inputs that depend on the picture, at least one.
        made: shape of the output; None where it is several values.

    Raises:
        UnfollowedError: percept does not know.
    """
    if isinstance(operation, Unknown):
        raise UnfollowedError(operation.reason)
    if made is None:
        return _parts(operation, given[0])
    if isinstance(operation, Join):
        return _joined(given, made)
    if isinstance(operation, Stack):
        return _stacked(operation, given, made)
    if len(given) > 1:
        raise UnfollowedError("its weights depend on the picture")
    return AFTER[type(operation)](operation, given[0], made)


def _parts(operation: Operation, given: Given) -> Field:
    if not isinstance(operation, Stack) or any(each.dimension == operation.dimension for each in given.field):
        raise UnfollowedError("it gives several values of different places")
    return given.field


def _over_last(given: Given, made: Sizes, count: int, change: Callable[[Along, int], Windows]) -> Field:
    """Return a field whose last dimensions were changed, each in its own way."""
    first = len(given.shape) - count
    changed = []
    for along in given.field:
        if along.dimension is None or along.dimension < first:
            changed.append(along)
            continue
        if not given.map_along(along):
            raise UnfollowedError("the map was flattened before it")
        windows = change(along, along.dimension - first)
        changed.append(replace(along, windows=windows, positions=made[along.dimension]))
    return tuple(changed)


def _slid(operation: Slide | Spread, given: Given, made: Sizes) -> Field:
    rule = slide if isinstance(operation, Slide) else spread

    def change(along: Along, place: int) -> Windows:
        return rule(
            along.windows,
            kernel=operation.kernel[place],
            stride=operation.stride[place],
            padding=operation.padding[place],
            dilation=operation.dilation[place],
        )

    return _over_last(given, made, len(operation.kernel), change)


def _resized(operation: Resize, given: Given, made: Sizes) -> Field:
    if operation.mode not in INTERPOLATIONS:
        raise UnfollowedError(f"mode {operation.mode!r} is not among {', '.join(INTERPOLATIONS)}")
    taps, centered = INTERPOLATIONS[operation.mode]

    def change(along: Along, place: int) -> Windows:
        ratio = operation.ratios[place]
        at = Fraction(0) if operation.corners or not centered else ratio / 2 - Fraction(1, 2)
        if operation.mode == "nearest-exact":
            at = ratio / 2
        return interpolated(along.windows, taps, ratio, at) if ratio else along.fixed()

    return _over_last(given, made, len(operation.ratios), change)


def _between(before: int, behind: int) -> Callable[[Fraction], range]:
    """Return which positions take part at a place: so many before and behind it, or that on which it lies."""

    def taps(place: Fraction) -> range:
        first = floor(place)
        return range(first, first + 1) if place == first else range(first - before, first + behind + 1)

    return taps


INTERPOLATIONS = {
    "nearest": (_between(0, 0), False),
    "nearest-exact": (_between(0, 0), False),
    "linear": (_between(0, 1), True),
    "bilinear": (_between(0, 1), True),
    "trilinear": (_between(0, 1), True),
    "bicubic": (_between(1, 2), True),
}
"""Mode to the positions that take part, and whether its places are measured between pixel centers."""


def _adapted(operation: Adapt, given: Given, made: Sizes) -> Field:
    def change(along: Along, place: int) -> Windows:
        size, before = operation.sizes[place], along.positions
        share = Fraction(before, size)
        return composed(
            along.windows,
            lambda position: range(position * before // size, -(-(position + 1) * before // size)),
            advance=share.numerator,
            every=share.denominator,
        )

    return tuple(
        old.gone() if old != new and new.positions == 1 else new
        for old, new in zip(given.field, _over_last(given, made, len(operation.sizes), change), strict=True)
    )


def _taken(operation: Take, given: Given, made: Sizes) -> Field:
    changed = []
    for along in given.field:
        if along.dimension is None:
            changed.append(along)
            continue
        start, step = operation.places.get(along.dimension, (0, 1))
        dimension = operation.kept[along.dimension]
        if (start, step) == (0, 1) and dimension is not None:
            cut = made[dimension] if given.map_along(along) else along.positions
            changed.append(replace(along, dimension=dimension, positions=cut))
            continue
        if not given.map_along(along):
            raise UnfollowedError("it cuts into a flattened map")
        if not step or dimension is None:
            changed.append(Along(along.fixed(start), along.pixels))
            continue
        windows = composed(along.windows, _every(start, step), advance=step)
        changed.append(replace(along, windows=windows, positions=made[dimension], dimension=dimension))
    return tuple(changed)


def _every(start: int, step: int) -> Callable[[int], tuple[int]]:
    return lambda position: (start + position * step,)


def _mixed(operation: Mix, given: Given, made: Sizes) -> Field:
    changed = []
    for along in given.field:
        if along.dimension is None:
            changed.append(along)
        elif along.dimension not in operation.dimensions:
            changed.append(replace(along, dimension=operation.kept[along.dimension]))
        elif operation.reduced:
            changed.append(along.gone())
        else:
            changed.append(replace(along, windows=joined([along.windows, along.gone().windows], along.positions)))
    return tuple(changed)


def _reshaped(operation: Reshape, given: Given, made: Sizes) -> Field:
    """Find each axis again by how far apart its positions lie in memory order, which a new shape does not change."""
    changed: list[Along] = []
    free = list(range(len(made)))
    for along in reversed(given.field):
        if along.dimension is None:
            changed.append(along)
            continue
        apart = along.apart * prod(given.shape[along.dimension + 1 :])
        inner = {dimension: prod(made[dimension + 1 :]) for dimension in reversed(range(len(made)))}
        same = [each for each in inner if each in free and (inner[each], made[each]) == (apart, along.positions)]
        holds = [each for each in inner if inner[each] <= apart and apart * along.positions <= inner[each] * made[each]]
        if not same and not holds:
            raise UnfollowedError("it splits an axis of the map into several")
        dimension = (same or holds)[0]
        if same:
            free.remove(dimension)
        changed.append(replace(along, dimension=dimension, apart=apart // inner[dimension]))
    return tuple(reversed(changed))


def _permuted(operation: Permute, given: Given, made: Sizes) -> Field:
    return tuple(
        along if along.dimension is None else replace(along, dimension=operation.order.index(along.dimension))
        for along in given.field
    )


def _joined(given: Sequence[Given], made: Sizes) -> Field:
    if len(given) == 1 and given[0].shape in ((), made):
        return given[0].field
    return tuple(
        _joined_along([each.field[axis] for each in given], given, made) for axis in range(len(given[0].field))
    )


def _joined_along(parts: Sequence[Along], given: Sequence[Given], made: Sizes) -> Along:
    """Return what is seen along one axis where values of several inputs meet, by torch's rules of broadcasting."""
    model = Along(parts[0].windows, parts[0].pixels)
    for along, each in zip(parts, given, strict=True):
        if along.dimension is None:
            continue
        dimension = along.dimension + len(made) - len(each.shape)
        repeated = each.shape[along.dimension] == 1
        moved = replace(along, dimension=dimension, positions=made[dimension] if repeated else along.positions)
        if model.dimension is None or along.positions > 1 == model.positions:
            model = moved
        elif along.positions > 1 and (model.dimension, model.apart) != (moved.dimension, moved.apart):
            raise UnfollowedError("it brings different axes of maps together")
    windows = [
        each.windows if each.dimension is not None and each.positions == model.positions else each.fixed()
        for each in parts
    ]
    return replace(model, windows=joined(windows, model.positions))


def _stacked(operation: Stack, given: Sequence[Given], made: Sizes) -> Field:
    along = [place for place in given[0].field if place.dimension == operation.dimension]
    if any(given[0].map_along(each) and each.positions > 1 for each in along):
        raise UnfollowedError("it puts maps side by side")
    if along:  # flattened maps one behind the other: no position is left to go by
        given = [Given(each.shape, tuple(place.gone() for place in each.field)) for each in given]
    return _joined(given, made)


AFTER: dict[type[Any], Callable[[Any, Given, Sizes], Field]] = {
    Slide: _slid,
    Spread: _slid,
    Resize: _resized,
    Adapt: _adapted,
    Take: _taken,
    Mix: _mixed,
    Reshape: _reshaped,
    Permute: _permuted,
}
