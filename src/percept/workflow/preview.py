"""What augmentation would make of the training pictures, before a fit: `percept preview-augment`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from percept.errors import OptionError
from percept.files import replacing
from percept.runs.recipe import Recipe
from percept.workflow.augment import in_words, with_augmentation
from percept.workflow.begin import run_name
from percept.workflow.options import asked_of
from percept.workflow.prepare import prepare
from percept.workflow.report_few import ROWS, VERSIONS, augmentation_of_rows
from percept.workflow.samples import read_dataset
from percept.workflow.segmentation.prepare import holds_masks


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
        data: pictures with classes, as for `percept.fit`.
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
        DataError: the data are no pictures with classes.

    Source: notes §3.4.1.
    """
    if pictures < 1 or versions < 1:
        raise OptionError(f"pictures is {pictures} and versions {versions}; expected 1 or more of each")
    options = {"augment": augment, "augment_class": augment_class, "image_size": image_size, "seed": seed}
    recipe, dataset = asked_of(data, target, options, {})
    path = _free(Path(out)) if out is not None else _numbered(run_name(recipe.data.source))
    if dataset is None and holds_masks(recipe.data):
        raise OptionError(f"{recipe.data.source} holds pictures with masks; expected pictures with classes")
    prepared = prepare(dataset or read_dataset(recipe.data), recipe, progress)
    chosen: Recipe = with_augmentation(prepared, prepared.recipe)
    sheet = augmentation_of_rows(
        prepared.loaded, prepared.rows("train"), chosen.training, seed=seed, pictures=pictures, versions=versions
    )
    if sheet is None:
        raise OptionError(f"--augment is {augment}, which leaves pictures as they are; give changes such as auto")
    with replacing(path) as file:
        sheet.save(file, "PNG")
    return path, in_words(chosen.training)


def _free(path: Path) -> Path:
    if path.exists():
        raise OptionError(f"{path} exists and is not overwritten; give another --out")
    return path


def _numbered(name: str) -> Path:
    number = 1
    while (path := Path(f"{name}_augmented{f'-{number}' if number > 1 else ''}.png")).exists():
        number += 1
    return path
