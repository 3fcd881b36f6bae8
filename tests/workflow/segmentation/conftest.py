"""Small folders of pictures with masks, discs on noise, and segmenters that learn from them in a second."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from percept.runs.recipe import ModelRecipe
from percept.workflow.fit import run_to_end
from percept.workflow.options import asked_of
from percept.workflow.run import Run

SMALL_UNET = {"width": 4, "depth": 2}
Write = Callable[..., Path]
Fit = Callable[..., Run]


def scene(generator: np.random.Generator, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return bright discs on dark noise, and the mask that says where: 0 or 1."""
    rows, columns = np.mgrid[:height, :width]
    mask = np.zeros((height, width), np.uint8)
    for _ in range(4):
        row, column, radius = generator.integers(height), generator.integers(width), generator.integers(4, 8)
        mask[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = 1
    picture = np.clip(90 + 80 * mask + generator.normal(0, 20, mask.shape), 0, 255).astype(np.uint8)
    return picture, mask


def write_scenes(folder: Path, count: int = 12, *, value: int = 255, seed: int = 0, ignored: int | None = None) -> Path:
    """Write pictures of unlike sizes with their masks and return the folder.

    Args:
        folder: gets images/ and masks/.
        count: of pictures.
        value: that foreground pixels have in the mask files.
        seed: of the scenes.
        ignored: value of the first three rows of each mask; None for none.
    """
    generator = np.random.default_rng(seed)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        picture, mask = scene(generator, *generator.integers(32, 49, 2))
        values = mask * value
        if ignored is not None:
            values[:3] = ignored
        Image.fromarray(picture).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(values).save(folder / "masks" / f"{number:02}.png")
    return folder


def fit_small(folder: Path, out: Path, *, arguments: dict[str, Any] | None = None, **options: Any) -> Run:
    """Fit a segmenter as `percept fit` does; the arguments of its network come beside, which no option names."""
    watch, resume = options.pop("watch", None), options.pop("resume", False)
    chosen = {"epochs": 2, "threads": 1, "learning_rate": 0.01, "augment": "none", **options}
    recipe, dataset = asked_of(str(folder), None, chosen, {})
    if recipe.model.name in (None, "unet") and recipe.training.patches is None:
        recipe = recipe.model_copy(update={"model": ModelRecipe(name="unet", arguments=arguments or SMALL_UNET)})
    return run_to_end(recipe, dataset, out, resume=resume, watch=watch, progress=None)


@pytest.fixture(scope="session")
def write() -> Write:
    return write_scenes


@pytest.fixture(scope="session")
def fit() -> Fit:
    return fit_small


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes") / "cells")


@pytest.fixture(scope="session")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a finished run that no test changes."""
    return fit_small(folder, tmp_path_factory.mktemp("runs") / "run", epochs=20)
