"""Pictures of a batch augmented on their device, with masks and maps that move along; as a function and as a layer."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from percept.data.augment.covering import erased, overlaid
from percept.data.augment.draws import generator_of, on_device
from percept.data.augment.light import draw_light, relit
from percept.data.augment.moves import Moves, draw_moves
from percept.data.augment.recipe import Augmentation
from percept.data.augment.sampling import grid, moved_whole, nearest, sample
from percept.errors import DataError, OptionError

CHUNK = 2**20  # values of pictures at a time on a CPU, so that they stay in its cache


class Augmented(NamedTuple):
    """A batch after augmentation.

    Attributes:
        pictures: (n, channels, height, width) float32 in [0, 1].
        masks: (n, height, width) of the type given, or None.
        maps: (n, height, width) float32, or None.
        moves: where everything went.
    """

    pictures: Tensor
    masks: Tensor | None
    maps: Tensor | None
    moves: Moves


def augment(
    pictures: Tensor,
    recipe: Augmentation,
    generator: torch.Generator,
    *,
    masks: Tensor | None = None,
    maps: Tensor | None = None,
) -> Augmented:
    """Return pictures changed by a recipe, and what belongs to their pixels moved along with them.

    Args:
        pictures: (n, channels, height, width) float32 in [0, 1], or uint8.
        recipe: how far each change goes.
        generator: where the draws come from, on the CPU whatever the pictures' device: the moves and factors are the
            same on every device, noise alone is the device's own.
        masks: (n, height, width) class or object numbers of the pixels, of any type; the nearest is taken.
        maps: (n, height, width) floating weights of the pixels; bilinear, as the pictures.

    Raises:
        DataError: the pictures are of another type or shape; masks or maps are not of the pictures' size; the window to
            cut is larger than the pictures.

    Source: notes §3.4.1; Ronneberger et al. 2015, section 3.1 (image, labels and weight map together).

    Example:
        >>> pictures, masks = torch.rand(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.int64)
        >>> result = augment(pictures, Augmentation(rotate=30, flip=True), generator_of(0), masks=masks)
        >>> result.pictures.shape, result.masks.dtype
        (torch.Size([2, 3, 8, 8]), torch.int64)
    """
    _check(pictures, masks, maps)
    count, size = len(pictures), (int(pictures.shape[2]), int(pictures.shape[3]))
    moves, light = draw_moves(recipe, count, size, generator), draw_light(recipe, count, generator)
    noise = on_device(generator, pictures.device) if recipe.noise else generator
    lot = max(1, CHUNK // max(1, pictures[:1].numel())) if pictures.device.type == "cpu" else max(1, count)
    parts, beside = [], []
    for start in range(0, max(count, 1), lot):
        rows = slice(start, start + lot)
        marked, weighed = (None if each is None else each[rows, None] for each in (masks, maps))
        moved, *along = _moved(pictures[rows], marked, weighed, moves[rows], recipe)
        parts.append(relit(moved, light[rows], noise))
        beside.append(along)
    changed = torch.cat(parts) if len(parts) > 1 else parts[0]
    if recipe.overlay:
        changed = overlaid(changed, recipe.overlay, generator)
    if recipe.erase:
        changed = erased(changed, recipe.erase, generator)
    marked, weighed = (_joined(column) for column in zip(*beside, strict=True))
    return Augmented(changed, marked, weighed, moves)


class AugmentationLayer(nn.Module):
    """A layer that augments the pictures of a batch in training; in evaluation it gives them as they are.

    Args:
        recipe: what may happen to a picture.
        by_class: what may happen to the pictures of some classes instead, by the class's number.

    Raises:
        OptionError: the recipes cut windows of different sizes.

    Source: notes §3.4.1 (a layer within the network; class-specific transformations).

    Example:
        >>> layer = AugmentationLayer(Augmentation(), by_class={1: Augmentation(brightness=0.5)})
        >>> changed = layer(torch.full((2, 1, 4, 4), 0.5), torch.tensor([0, 1]), generator_of(0))
        >>> (changed == 0.5).flatten(1).all(1).tolist()
        [True, False]
    """

    def __init__(self, recipe: Augmentation, by_class: Mapping[int, Augmentation] | None = None) -> None:
        super().__init__()
        self.recipe = recipe
        self.by_class = dict(by_class or {})
        sizes = list(dict.fromkeys(each.crop_size for each in (recipe, *self.by_class.values())))
        if len(sizes) > 1:
            raise OptionError(
                f"augmentations of the classes have crop_size={' and '.join(map(str, sizes))}; expected one for all"
            )

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return (n, channels, height, width) float32 in [0, 1].

        Args:
            pictures: (n, channels, height, width) float32 in [0, 1], or uint8.
            labels: (n,) class numbers; needed where some classes have a recipe of their own.
            generator: where the draws come from, on the CPU; one that continues torch's own if None.

        Raises:
            DataError: pictures of a wrong type or shape, or no labels where they are needed.
        """
        if not self.training:
            return as_unit(pictures)
        if generator is None:
            generator = generator_of(int(torch.randint(2**62, ())))
        if not self.by_class:
            return augment(pictures, self.recipe, generator).pictures
        if labels is None or labels.shape != (len(pictures),):
            raise DataError(
                f"labels are {None if labels is None else tuple(labels.shape)}; expected one for each of the"
                f" {len(pictures)} pictures, since classes have augmentations of their own"
            )
        of_sample = [self.by_class.get(label, self.recipe) for label in labels.tolist()]
        parts, order = [], []
        for recipe in dict.fromkeys(of_sample):
            rows = [row for row, each in enumerate(of_sample) if each == recipe]
            parts.append(augment(pictures[rows], recipe, generator).pictures)
            order += rows
        return torch.cat(parts)[torch.tensor(order).argsort().to(pictures.device)]

    def extra_repr(self) -> str:
        """Return the recipe, for printing the layer."""
        return f"{self.recipe}, by_class={self.by_class}" if self.by_class else str(self.recipe)


def as_unit(pictures: Tensor) -> Tensor:
    """Return pictures as float32 in [0, 1].

    Args:
        pictures: uint8, white being 255, or floating in [0, 1].
    """
    unit = pictures.to(torch.float32)  # a copy of bytes, which is divided in place
    return unit.div_(255) if pictures.dtype == torch.uint8 else unit


def _moved(
    pictures: Tensor, masks: Tensor | None, maps: Tensor | None, moves: Moves, recipe: Augmentation
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    if not recipe.moves:
        return as_unit(pictures), masks, maps
    if moves.whole_pixels:
        whole = [None if each is None else moved_whole(each, moves) for each in (masks, maps)]
        return as_unit(moved_whole(pictures, moves)), whole[0], whole[1]
    places = grid(moves, pictures.device)
    return (
        sample(as_unit(pictures), places, moves.border),
        None if masks is None else nearest(masks, places, moves.border),
        None if maps is None else sample(maps, places, moves.border),
    )


def _joined(parts: tuple[Tensor | None, ...]) -> Tensor | None:
    present = [part[:, 0] for part in parts if part is not None]
    return torch.cat(present) if present else None


def _check(pictures: Tensor, masks: Tensor | None, maps: Tensor | None) -> None:
    floating = pictures.dtype.is_floating_point
    if pictures.ndim != 4 or not (floating or pictures.dtype == torch.uint8):
        raise DataError(
            f"pictures are {pictures.dtype} of shape {tuple(pictures.shape)}; expected float32 in [0, 1] or uint8 of"
            " (n, channels, height, width)"
        )
    for name, values in (("masks", masks), ("maps", maps)):
        if values is not None and values.shape != (len(pictures), *pictures.shape[2:]):
            raise DataError(
                f"{name} are of shape {tuple(values.shape)}; expected (n, height, width) of the pictures:"
                f" {(len(pictures), *pictures.shape[2:])}"
            )
    if maps is not None and not maps.dtype.is_floating_point:
        raise DataError(f"maps are {maps.dtype}; expected floating weights: pass whole numbers as masks")
