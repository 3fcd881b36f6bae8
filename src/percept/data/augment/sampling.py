"""Pictures, masks and maps moved: one grid of coordinates, at which each is read once."""

import torch
from torch import Tensor
from torch.nn import functional

from percept.data.augment.moves import Moves
from percept.data.augment.recipe import Border

PADDING = {"reflect": "reflection", "edge": "border"}


def grid(moves: Moves, device: torch.device) -> Tensor:
    """Return where each pixel of the results is read: x and y, -1 and 1 being the outer edges of the picture.

    Args:
        moves: of n pictures.
        device: where the grid is wanted.

    Returns:
        (n, height, width, 2) float32, the coordinates of `torch.nn.functional.grid_sample` without aligned corners.
    """
    (height, width), (rows, columns) = moves.source, moves.size
    to_unit = torch.tensor([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]]).double()
    matrix = (to_unit @ moves.matrix).to(device, torch.float32)
    x = torch.arange(columns, device=device, dtype=torch.float32)
    y = torch.arange(rows, device=device, dtype=torch.float32)[:, None]
    displacement = moves.displacement(device)
    bent = bool((moves.matrix[:, 2, :2] != 0).any())
    if displacement is None and not bent:
        # x and y as one complex number: a sum of what depends on the column and what depends on the row
        along = torch.view_as_complex((matrix[:, None, :2, 0] * x[:, None] + matrix[:, None, :2, 2]).contiguous())
        down = torch.view_as_complex((matrix[:, None, :2, 1] * y).contiguous())
        return torch.view_as_real(along[:, None, :] + down[:, :, None])
    if displacement is not None:
        x, y = x + displacement[:, 0], y + displacement[:, 1]  # (n, rows, columns)
    entries = matrix[..., None, None]
    places = [entries[:, row, 0] * x + entries[:, row, 1] * y + entries[:, row, 2] for row in range(3 if bent else 2)]
    if bent:
        places = [place / places[2] for place in places[:2]]
    return torch.stack(places, -1)


def sample(pictures: Tensor, places: Tensor, border: Border) -> Tensor:
    """Return pictures or maps read at a grid, bilinear between pixels.

    Args:
        pictures: (n, channels, height, width) floating.
        places: (n, rows, columns, 2) of `grid`.
        border: what lies beyond the picture.

    Returns:
        (n, channels, rows, columns).
    """
    return functional.grid_sample(
        pictures, places.to(pictures.dtype), mode="bilinear", padding_mode=PADDING[border], align_corners=False
    )


def nearest(values: Tensor, places: Tensor, border: Border) -> Tensor:
    """Return masks read at a grid: the pixel nearest to each place, of any type.

    Args:
        values: (n, channels, height, width).
        places: (n, rows, columns, 2) of `grid`.
        border: what lies beyond the picture.
    """
    height, width = values.shape[2:]
    columns, rows = (((places[..., axis] + 1) * side - 1) / 2 for axis, side in enumerate((width, height)))
    return _gathered(values, columns.round().long(), rows.round().long(), border)


def moved_whole(values: Tensor, moves: Moves) -> Tensor:
    """Return pictures, masks or maps moved by whole pixels: nothing is interpolated, values of any type stay.

    Args:
        values: (n, channels, height, width).
        moves: of the same pictures, by whole pixels.
    """
    matrix = moves.matrix.to(values.device, torch.long)
    x = torch.arange(moves.size[1], device=values.device)
    y = torch.arange(moves.size[0], device=values.device)[:, None]
    entries = matrix[..., None, None]
    columns, rows = (entries[:, row, 0] * x + entries[:, row, 1] * y + entries[:, row, 2] for row in (0, 1))
    return _gathered(values, columns, rows, moves.border)


def _gathered(values: Tensor, columns: Tensor, rows: Tensor, border: Border) -> Tensor:
    height, width = values.shape[2:]
    places = _inside(rows, height, border) * width + _inside(columns, width, border)  # (n, rows, columns)
    places = places.flatten(1)[:, None].expand(-1, values.shape[1], -1)
    return values.flatten(2).gather(2, places).view(*values.shape[:2], *columns.shape[1:])


def _inside(index: Tensor, side: int, border: Border) -> Tensor:
    """Return whole coordinates folded into a picture: mirrored at its outer edges, or held at its last pixels."""
    if border == "edge":
        return index.clamp(0, side - 1)
    index = index.remainder(2 * side)
    return torch.minimum(index, 2 * side - 1 - index)
