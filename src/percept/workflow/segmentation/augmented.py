"""What happens to crops and their masks in training, and a sheet of it to look at."""

import numpy as np
from PIL import Image

from percept.data.augment.crops import crop_augmentation
from percept.data.augment.layer import AugmentationLayer
from percept.data.augment.recipe import Augmentation
from percept.data.objects import IGNORE
from percept.report.contact_sheet import augmentation_sheet
from percept.runs.recipe import TrainingRecipe
from percept.training.crop_sizes import Crop
from percept.training.pixel_batches import MaskedPart, cut_crop
from percept.workflow.augment import changes_of
from percept.workflow.report_data import spread
from percept.workflow.report_few import ROWS, VERSIONS
from percept.workflow.segmentation.prepare import PreparedMasks


def augmentation_of_crops(prepared: PreparedMasks, training: TrainingRecipe) -> Augmentation | None:
    """Return what happens to crops in training, or to patches; None for nothing.

    Patches keep the pixel in their middle, whose class is asked for, unless moves are named.

    Args:
        prepared: pictures and their split.
        training: the recipe's section, its sizes chosen.

    Raises:
        OptionError: there is no such change.
    """
    side, asked = training.patches or training.crop or 0, training.augment or "none"
    in_place = training.patches is not None and asked == "auto"
    return crop_augmentation(prepared.pictures, prepared.rows("train"), asked, side, in_place=in_place)


def crops_sheet(
    prepared: PreparedMasks, training: TrainingRecipe, *, pictures: int = ROWS, versions: int = VERSIONS
) -> tuple[Image.Image, TrainingRecipe] | None:
    """Return crops of training pictures, their masks laid over them, beside augmented versions, on one sheet.

    Args:
        prepared: pictures, masks and their split.
        training: the recipe's section, its sizes chosen; its seed gives places and versions.
        pictures: how many.
        versions: how many of each.

    Returns:
        The sheet, and the section with what the augmentation came to; None where nothing happens to crops.
    """
    augmentation, rows = augmentation_of_crops(prepared, training), prepared.rows("train")
    if augmentation is None or not len(rows):
        return None
    largest = np.array([prepared.dataset.sizes[row] for row in rows]).max(axis=0)
    height, width = np.minimum(largest, training.patches or training.crop or 0).tolist()
    part = MaskedPart(prepared.pictures, prepared.masks, rows, IGNORE, prepared.preprocessing)
    crop, places = Crop(height, width, (0, 0), 0), np.random.default_rng(training.seed)
    chosen = rows[spread(len(rows), pictures)]
    cut = [cut_crop(part, int(row), crop, places) for row in chosen]
    sheet = augmentation_sheet(
        np.stack([picture for picture, *_ in cut]),
        AugmentationLayer(augmentation),
        names=[prepared.dataset.keys[row] for row in chosen],
        masks=np.stack([mask for _, mask, _ in cut]),
        colors=prepared.dataset.meaning.colors,
        versions=versions,
        seed=training.seed,
    )
    return sheet, training.model_copy(update={"augmentation": changes_of(augmentation)})
