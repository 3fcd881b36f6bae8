"""Which dimensions of a value are its samples, channels, rows and columns, also where they were flattened into one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from percept.dense.steps import BATCH, CHANNELS, COLUMNS, ROWS

Dims = tuple[tuple[str, ...], ...]
"""For each dimension of a value the axes that run along it, the slowest first."""
MAP: Dims = ((BATCH,), (CHANNELS,), (ROWS,), (COLUMNS,))
SCORES: Dims = ((BATCH,), (CHANNELS,))


@dataclass(frozen=True)
class Value:
    """What a step of the network gives for one patch.

    Attributes:
        step: place of the dense step that holds it.
        dims: its layout.
        sizes: of each axis in one patch.
        shares: where it is pooled into windows of different size, what each of them takes of each row, and of each
            column, of the step's map: (outputs, inputs) each; None elsewhere.
    """

    step: int
    dims: Dims
    sizes: Mapping[str, int]
    shares: tuple[Tensor, Tensor] | None = None

    def along(self, dim: int) -> tuple[str, ...]:
        """Return the axes of more than one position, and the channels, that run along a dimension."""
        return tuple(axis for axis in self.dims[dim] if axis in (BATCH, CHANNELS) or self.sizes[axis] > 1)

    def is_map(self) -> bool:
        """Return whether it is laid out as (samples, channels, rows, columns)."""
        wanted = ((BATCH,), (CHANNELS,), (ROWS,), (COLUMNS,))
        return len(self.dims) == 4 and all(set(self.along(dim)) <= set(wanted[dim]) for dim in range(4))

    def channels_alone(self, dim: int) -> bool:
        """Return whether a dimension is that of the channels, and of nothing else."""
        return self.along(dim) == (CHANNELS,)

    @property
    def spread(self) -> bool:
        """Whether a patch has more than one position."""
        return self.sizes[ROWS] * self.sizes[COLUMNS] > 1


def regrouped(value: Value, samples: int, shape: Sequence[int]) -> Dims | None:
    """Return the layout of the same values in another shape; None where an axis would be split.

    Example:
        >>> value = Value(0, MAP, {"c": 8, "y": 2, "x": 3})
        >>> regrouped(value, 2, (2, 48)), regrouped(value, 2, (2, 4, 2, 2, 3))
        ((('n',), ('c', 'y', 'x')), None)
    """
    sizes = {**value.sizes, BATCH: samples}
    axes = [axis for dim in value.dims for axis in dim if sizes[axis] > 1 or axis in (BATCH, CHANNELS)]
    if sizes[CHANNELS] == 1 and CHANNELS in axes:
        axes.remove(CHANNELS)
    dims: list[list[str]] = []
    for side in shape:
        dims.append([])
        left = side
        while left > 1:
            if not axes or left % sizes[axes[0]]:
                return None
            left //= sizes[axes[0]]
            dims[-1].append(axes.pop(0))
    if axes:
        return None
    if sizes[CHANNELS] == 1:  # a place for it: the first dimension behind the samples of one value
        free = [dim for dim, held in enumerate(dims) if not held and dim]
        if free:
            dims[free[0]].append(CHANNELS)
    return tuple(tuple(dim) for dim in dims)
