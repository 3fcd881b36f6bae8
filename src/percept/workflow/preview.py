"""What augmentation would make of the training pictures, before a fit: `percept preview-augment`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from percept.errors import OptionError
from percept.files import replacing
from percept.runs.recipe import TrainingRecipe
from percept.workflow.augment import in_words, with_augmentation
from percept.workflow.begin import run_name
from percept.workflow.options import asked_of
from percept.workflow.prepare import Prepared, prepare
from percept.workflow.report_few import ROWS, VERSIONS, augmentation_of_rows
from percept.workflow.samples import read_dataset
from percept.workflow.segmentation.augmented import crops_sheet
from percept.workflow.segmentation.choices import with_choices
from percept.workflow.segmentation.prepare import holds_masks, prepare_masks, read_masks


def preview_augment(
    data: Any,
    target: Any = None,
    *,
    augment: str = "auto",
    augment_class: Mapping[str, str] | None = None,
    image_size: tuple[int, int] | None = None,
    pictures: int = ROWS,
    versions: int = VERSIONS,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, str]:
    """Write a sheet of training pictures beside augmented versions of them, as a fit with the same options sees them.

    Args:
        data: pictures with classes or masks, as for `percept.fit`; with masks crops are shown, the classes of their
            pixels laid over them.
        target: (samples,) labels beside arrays.
        augment: a preset or changes, as for `percept.fit`.
        augment_class: the same for classes of their own.
        image_size: (height, width) that pictures are resized to, pixels; None for the default network's.
        pictures: how many, 1 or more.
        versions: how many of each, 1 or more.
        seed: number that the split and the versions follow from.
        out: the PNG file; must not exist. By default NAME_augmented.png, then NAME_augmented-2.png, and so on.
        progress: told how many pictures are decoded, and of how many.

    Returns:
        The file, and what the augmentation came to, in words.

    Raises:
        OptionError: nothing would happen to the pictures, or an option does not work.
        DataError: the data are no pictures with classes or masks.

    Source: notes §3.4.1.
    """
    if pictures < 1 or versions < 1:
        raise OptionError(f"pictures is {pictures} and versions {versions}; expected 1 or more of each")
    options = {"augment": augment, "augment_class": augment_class, "image_size": image_size, "seed": seed}
    recipe, dataset = asked_of(data, target, options, {})
    path = _free(Path(out)) if out is not None else _numbered(run_name(recipe.data.source))
    if dataset is None and holds_masks(recipe.data):
        masked = prepare_masks(read_masks(recipe.data, progress), recipe)
        drawn = crops_sheet(masked, with_choices(masked).training, pictures=pictures, versions=versions)
    else:
        drawn = _classes_sheet(prepare(dataset or read_dataset(recipe.data), recipe, progress), pictures, versions)
    if drawn is None:
        raise OptionError(f"--augment is {augment}, which leaves pictures as they are; give changes such as auto")
    sheet, training = drawn
    with replacing(path) as file:
        sheet.save(file, "PNG")
    return path, in_words(training)


def _classes_sheet(prepared: Prepared, pictures: int, versions: int) -> tuple[Image.Image, TrainingRecipe] | None:
    training = with_augmentation(prepared, prepared.recipe).training
    rows, seed = prepared.rows("train"), training.seed
    sheet = augmentation_of_rows(prepared.loaded, rows, training, seed=seed, pictures=pictures, versions=versions)
    return None if sheet is None else (sheet, training)


def _free(path: Path) -> Path:
    if path.exists():
        raise OptionError(f"{path} exists and is not overwritten; give another --out")
    return path


def _numbered(name: str) -> Path:
    number = 1
    while (path := Path(f"{name}_augmented{f'-{number}' if number > 1 else ''}.png")).exists():
        number += 1
    return path
