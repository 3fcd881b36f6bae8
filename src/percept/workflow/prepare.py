"""From a data set to what training needs: the split, the preprocessing, and every open choice of the recipe made."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from percept.data.channel_statistics import channel_statistics
from percept.data.columns import TablePreprocessing, fit_columns
from percept.data.dataset import Dataset, PictureArray, PictureFiles, Table
from percept.data.preprocessing import ImagePreprocessing
from percept.data.splits import Split, make_split
from percept.data.typical_picture import typical_picture
from percept.errors import DataError, OptionError
from percept.models import arguments_for, choose_size
from percept.runs.recipe import Recipe
from percept.workflow.pretrained import open_pretrained, preprocessing_of, with_pretrained
from percept.workflow.samples import Loaded, load_samples, network_inputs, unreadable_sentence

Preprocessing = ImagePreprocessing | TablePreprocessing
DEFAULT_MODEL = "small_resnet"  # of pictures


@dataclass(frozen=True)
class Prepared:
    """What training starts from.

    Attributes:
        recipe: the recipe with the choices on data and model made.
        loaded: the samples.
        split: the part of each sample.
        preprocessing: fitted on the training part alone.
        inputs: (samples, ...) what batches are cut from.
        tied: (samples,) equal numbers for near copies, which the split keeps together; None where it does not.
        remarks: what the user should know of a pretrained body.
    """

    recipe: Recipe
    loaded: Loaded
    split: Split
    preprocessing: Preprocessing
    inputs: NDArray[np.uint8] | NDArray[np.float32]
    tied: NDArray[np.int64] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user should know of the split and of columns or pictures that were left out."""
        notes = [*self.split.notes, *self.remarks]
        if self.loaded.unreadable:
            notes.append(unreadable_sentence(self.loaded.unreadable, "left out"))
        if isinstance(self.preprocessing, TablePreprocessing):
            notes += self.preprocessing.dropped
        return tuple(notes)

    def rows(self, part: str) -> NDArray[np.int64]:
        """Return the rows of a part: "train", "validation", "test" or "out"."""
        return np.flatnonzero(self.split.part == part)


def prepare(dataset: Dataset, recipe: Recipe, progress: Callable[[int, int], None] | None = None) -> Prepared:
    """Return everything that training needs, from a data set and the choices that the user made.

    Args:
        dataset: the labelled data.
        recipe: what the user asked for; open choices are filled in.
        progress: told how many pictures are decoded, and of how many.

    Raises:
        DataError: pictures cannot be read, or the data cannot be split as asked.
        OptionError: a choice does not go with the data.
    """
    _must_go_together(dataset, recipe)
    given = (dataset.given == "test").any()
    recipe = recipe.filled("data", task=dataset.target.task, test="given" if given else "cut")
    moved, white, outputs = None, 65535, max(1, len(dataset.target.classes))
    if recipe.model.pretrained is not None:
        recipe = recipe.filled("data", channels=picture_choices(dataset, DEFAULT_MODEL)[1])
        moved = open_pretrained(recipe, outputs)
        recipe = with_pretrained(recipe, moved)
    recipe = recipe.filled("model", name="mlp" if dataset.kind == "table" else DEFAULT_MODEL)
    name = recipe.model.name or ""
    if dataset.kind == "image":
        size, channels, white = picture_choices(dataset, name)
        recipe = recipe.filled("data", image_size=size, channels=channels)
    loaded = load_samples(dataset, recipe.data, white=white, progress=progress)
    split, tied = _split(loaded, recipe)
    if recipe.selection is not None and recipe.selection.alphas is not None:
        split = without_validation(split)
    train = np.flatnonzero(split.part == "train")
    preprocessing = preprocessing_of(moved, fit_preprocessing(loaded, train, recipe, white))
    inputs = network_inputs(loaded, preprocessing)
    arguments = arguments_for(name, outputs=outputs, shape=_input_shape(preprocessing))
    recipe = recipe.model_copy(
        update={"model": recipe.model.model_copy(update={"arguments": {**arguments, **recipe.model.arguments}})}
    )
    remarks = moved.notes if moved is not None else ()
    return Prepared(recipe, loaded, split, preprocessing, inputs, tied, remarks)


def _split(loaded: Loaded, recipe: Recipe) -> tuple[Split, NDArray[np.int64] | None]:
    """Return the split, and the near copies that it keeps together, which are let go where they leave no split."""
    data, dataset = recipe.data, loaded.dataset

    def made(near: NDArray[np.int64] | None) -> Split:
        return make_split(
            dataset.target,
            dataset.given,
            content=loaded.content,
            near=near,
            keys=dataset.keys,
            groups=dataset.groups,
            test=None if data.test == "none" else data.test_size,
            validation=data.validation_size,
            seed=recipe.training.seed,
            kind=dataset.kind,
        )

    if loaded.near is None or len(np.unique(loaded.near)) == len(dataset):
        return made(None), None
    try:
        return made(loaded.near), loaded.near
    except DataError:
        split = made(None)
    note = "so many pictures are near copies of others that near copies may stand on two sides of the split"
    return Split(split.part, split.reasons, (*split.notes, note)), None


def without_validation(split: Split) -> Split:
    """Return a split whose validation part trains: a selection validates on the samples that it leaves out in turn."""
    part = np.where(split.part == "validation", "train", split.part)
    return Split(part, split.reasons, split.notes)


def _must_go_together(dataset: Dataset, recipe: Recipe) -> None:
    """Refuse an option that means nothing for this kind of data, rather than leave it out in silence."""
    training = recipe.training
    for_pictures = {
        "--image-size": recipe.data.image_size is not None,
        "--skip-unreadable": recipe.data.skip_unreadable,
        "--augment": training.augment not in (None, "none"),
        "--augment-class": training.augment_class is not None,
        "--cutmix": training.cutmix,
        "--pretrained": recipe.model.pretrained is not None,
        "--tta": training.views,
    }
    wrong = [name for name, asked in for_pictures.items() if asked and dataset.kind == "table"]
    if wrong:
        raise OptionError(f"{wrong[0]} is for pictures; {dataset.name} is a table: leave it out")
    for_classes = {
        f"--class-weights {training.class_weights}": training.class_weights != "none",
        "--augment-class": training.augment_class is not None,
        "--cutmix": training.cutmix,
        "--label-smoothing": training.label_smoothing,
        "--tta": training.views,
        "--abstain": training.abstain is not None,
    }
    wrong = [name for name, asked in for_classes.items() if asked and dataset.target.task == "regression"]
    if wrong:
        raise OptionError(f"{wrong[0]} is for classes; {dataset.target.name} is predicted as a number: leave it out")


def picture_choices(dataset: Dataset, model: str) -> tuple[tuple[int, int], int, int]:
    """Return the network's input size, its channels and the white of 16-bit pictures, from the pictures' headers."""
    if isinstance(dataset.samples, PictureArray):
        _, height, width, channels = dataset.samples.pixels.shape
        return choose_size(model, (height, width)), channels, dataset.samples.white
    if not isinstance(dataset.samples, PictureFiles):
        raise ValueError("a table has no picture size")
    seen = typical_picture(dataset.samples.paths)
    return choose_size(model, seen.size), seen.channels, seen.white


def _input_shape(preprocessing: Preprocessing) -> tuple[int, ...]:
    if isinstance(preprocessing, TablePreprocessing):
        return (preprocessing.features,)
    return preprocessing.channels, preprocessing.height, preprocessing.width


def fit_preprocessing(loaded: Loaded, train: NDArray[np.int64], recipe: Recipe, white: int) -> Preprocessing:
    """Return the preprocessing fitted on the training rows."""
    if isinstance(loaded.dataset.samples, Table):
        return fit_columns(loaded.dataset.samples.take(train).frame)
    data = recipe.data
    if loaded.inputs is None or data.image_size is None or data.channels is None:
        raise ValueError("the pictures are not loaded")
    pixels = loaded.inputs
    mean, std = channel_statistics(pixels[train[start : start + 1024]] for start in range(0, len(train), 1024))
    return ImagePreprocessing(*data.image_size, data.channels, mean, std, data.resize, white)
