"""Where pixels go: the moves of each picture of a batch, composed into one map and drawn from a recipe."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from percept.data.augment.draws import either_way, half, uniform, whole
from percept.data.augment.recipe import Augmentation, Border
from percept.errors import DataError

NODES = 3  # the elastic grid is 3 by 3, as in the U-Net paper
FIXED_POINT_STEPS = 50


@dataclass(frozen=True)
class Moves:
    """The map of each picture: pixel p of the result shows `matrix` (p + displacement(p)) of the picture.

    Attributes:
        source: (height, width) of the pictures.
        size: (height, width) of the result.
        matrix: (n, 3, 3) float64, homogeneous, in pixels: x to the right, y down, 0 the middle of the first pixel.
        nodes: (n, 2, 3, 3) float64 displacements in x and y at the nodes of a grid over the result, pixels; or None.
        whole_pixels: whether pixels land on pixels.
        border: what lies beyond the picture.
    """

    source: tuple[int, int]
    size: tuple[int, int]
    matrix: Tensor
    nodes: Tensor | None
    whole_pixels: bool
    border: Border

    def __getitem__(self, rows: slice) -> "Moves":
        nodes = None if self.nodes is None else self.nodes[rows]
        return replace(self, matrix=self.matrix[rows], nodes=nodes)

    def displacement(self, device: torch.device) -> Tensor | None:
        """Return (n, 2, height, width) float32 displacements of the result's pixels, bicubic between the nodes."""
        if self.nodes is None:
            return None
        nodes = self.nodes.to(device, torch.float32)
        field: Tensor = functional.interpolate(nodes, self.size, mode="bicubic", align_corners=True)
        return field

    def points(self, points: Tensor) -> Tensor:
        """Return where points of the pictures lie in the results.

        Args:
            points: (n, points, 2) x and y in pixels.

        Returns:
            (n, points, 2) float64 x and y in pixels; outside the result where they are cut away.

        Source: the map is inverted: the matrix in closed form, the displacement by fixed-point iteration.
        """
        ones = torch.ones_like(points[..., :1], dtype=torch.float64)
        lifted = torch.cat((points.to(torch.float64), ones), -1) @ torch.linalg.inv(self.matrix).mT
        undisplaced: Tensor = lifted[..., :2] / lifted[..., 2:]
        field = self.displacement(torch.device("cpu"))
        if field is None:
            return undisplaced
        sides = torch.tensor([self.size[1], self.size[0]], dtype=torch.float64)
        moved = undisplaced
        for _ in range(FIXED_POINT_STEPS):
            places = (2 * moved / (sides - 1).clamp(min=1) - 1)[:, None]  # (n, 1, points, 2) in [-1, 1]
            there = functional.grid_sample(
                field.to(torch.float64), places, padding_mode="border", align_corners=True
            )  # (n, 2, 1, points)
            moved = undisplaced - there[:, :, 0].mT
        return moved


def draw_moves(recipe: Augmentation, count: int, size: tuple[int, int], generator: torch.Generator) -> Moves:
    """Return the moves of some pictures, each drawn on its own.

    Args:
        recipe: how far they go.
        count: number of pictures.
        size: (height, width) of the pictures.
        generator: where the draws come from, on the CPU.

    Raises:
        DataError: the window to cut is larger than the pictures.
    """
    height, width = size
    inward = _shift(recipe, count, size, generator)
    for step in (_perspective, _linear, _crop, _turn, _flip):  # the picture is flipped first, shifted last
        inward = inward @ step(recipe, count, size, generator)
    inverse = torch.linalg.inv(inward)
    middle = torch.eye(3, dtype=torch.float64).repeat(count, 1, 1)
    middle[:, 0, 2], middle[:, 1, 2] = (width - 1) / 2, (height - 1) / 2
    window, cut = _window(recipe, count, size, generator)
    matrix = middle @ inverse @ torch.linalg.inv(middle) @ cut
    if recipe.whole_pixels:
        matrix = matrix.round()
    return Moves(size, window, matrix, _nodes(recipe, count, window, generator), recipe.whole_pixels, recipe.border)


# Each function below gives (n, 3, 3) from the picture to the result, pixels from the picture's middle.


def _identity(count: int) -> Tensor:
    return torch.eye(3, dtype=torch.float64).repeat(count, 1, 1)


def _shift(recipe: Augmentation, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    matrix = _identity(count)
    if recipe.shift:
        for row, side in enumerate((size[1], size[0])):
            reach = recipe.shift * side
            drawn = whole(count, int(reach), generator) if recipe.whole_pixels else either_way(count, reach, generator)
            matrix[:, row, 2] = drawn
    return matrix


def _perspective(recipe: Augmentation, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    if not recipe.perspective:
        return _identity(count)
    corners = torch.tensor([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], dtype=torch.float64)
    sides = torch.tensor([size[1], size[0]], dtype=torch.float64)
    moved = corners + either_way(count * 8, recipe.perspective, generator).view(count, 4, 2)
    return homography(corners * sides, moved * sides)


def homography(corners: Tensor, moved: Tensor) -> Tensor:
    """Return the map of the plane that takes four corners to four places, straight lines to straight lines.

    Args:
        corners: (4, 2) x and y, no three on a line.
        moved: (n, 4, 2).

    Returns:
        (n, 3, 3) float64, homogeneous, its last entry 1.

    Source: Hartley & Zisserman 2004, section 4.1.

    Example:
        >>> square = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]], dtype=torch.float64)
        >>> homography(square, 2 * square[None])[0].diag().tolist()
        [2.0, 2.0, 1.0]
    """
    count = len(moved)
    x, y = corners.unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    u, v = moved.unbind(-1)  # (n, 4)
    plain = torch.stack(
        (torch.stack((x, y, one, zero, zero, zero), -1), torch.stack((zero, zero, zero, x, y, one), -1))
    )
    bent = torch.stack((torch.stack((-x * u, -y * u), -1), torch.stack((-x * v, -y * v), -1)), 1)  # (n, 2, 4, 2)
    equations = torch.cat((plain.expand(count, 2, 4, 6), bent), -1).reshape(count, 8, 8)
    solved = torch.linalg.solve(equations, torch.cat((u, v), -1))
    return torch.cat((solved, torch.ones(count, 1, dtype=torch.float64)), -1).view(count, 3, 3)


def _linear(recipe: Augmentation, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    matrix = _identity(count)
    if recipe.rotate:
        angle = either_way(count, math.radians(recipe.rotate), generator)
        turn = torch.stack((angle.cos(), angle.sin(), -angle.sin(), angle.cos()), -1)  # y points down
        matrix[:, :2, :2] = turn.view(count, 2, 2)
    if recipe.shear:
        slant = _identity(count)
        slant[:, 0, 1] = either_way(count, math.radians(recipe.shear), generator).tan()
        second = _identity(count)
        second[:, 1, 0] = either_way(count, math.radians(recipe.shear), generator).tan()
        matrix = matrix @ slant @ second  # its determinant is 1: areas stay
    if recipe.affine:
        stretch = _identity(count)
        stretch[:, :2, :2] += either_way(count * 4, recipe.affine, generator).view(count, 2, 2)
        matrix = matrix @ stretch
    if recipe.scale:
        matrix[:, :2, :2] *= either_way(count, math.log1p(recipe.scale), generator).exp()[:, None, None]
    return matrix


def _crop(recipe: Augmentation, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    matrix = _identity(count)
    if recipe.crop:
        kept = (1 - uniform(count, 0, recipe.crop, generator)).sqrt()  # share of each side
        for row, side in enumerate((size[1], size[0])):
            middle = either_way(count, 0.5, generator) * (1 - kept) * side
            matrix[:, row, row], matrix[:, row, 2] = 1 / kept, -middle / kept
    return matrix


def _turn(recipe: Augmentation, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    matrix = _identity(count)
    if recipe.quarter_turns:
        quarters = torch.randint(4, (count,), generator=generator)
        if size[0] != size[1]:
            quarters = quarters // 2 * 2
        cosines, sines = (
            torch.tensor([1.0, 0, -1, 0]).double()[quarters],
            torch.tensor([0.0, 1, 0, -1]).double()[quarters],
        )
        matrix[:, :2, :2] = torch.stack((cosines, sines, -sines, cosines), -1).view(count, 2, 2)
    return matrix


def _flip(recipe: Augmentation, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    matrix = _identity(count)
    for row, asked in enumerate((recipe.flip, recipe.flip_vertical)):
        if asked:
            matrix[half(count, generator), row, row] = -1
    return matrix


def _window(
    recipe: Augmentation, count: int, size: tuple[int, int], generator: torch.Generator
) -> tuple[tuple[int, int], Tensor]:
    """Return the size of the result, and (n, 3, 3) from its pixels to those of the whole picture."""
    cut = _identity(count)
    if recipe.crop_size is None:
        return size, cut
    if recipe.crop_size[0] > size[0] or recipe.crop_size[1] > size[1]:
        raise DataError(
            f"pictures are {size[0]}x{size[1]}; augmentation has crop_size={recipe.crop_size[0]}x{recipe.crop_size[1]}:"
            " take a smaller window, or larger pictures"
        )
    for row, room in enumerate((size[1] - recipe.crop_size[1], size[0] - recipe.crop_size[0])):
        cut[:, row, 2] = torch.randint(room + 1, (count,), generator=generator).to(torch.float64)
    return recipe.crop_size, cut


def _nodes(recipe: Augmentation, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor | None:
    if not recipe.elastic:
        return None
    drawn = torch.randn(count, 2, NODES, NODES, generator=generator, dtype=torch.float64)
    return drawn.clamp(-2, 2) * recipe.elastic * min(size)
