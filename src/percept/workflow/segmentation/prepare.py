"""From a folder of pictures and masks to what training needs: the split, the pixels, every open choice made."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from percept.data.channel_statistics import channel_statistics
from percept.data.dataset import Dataset, MaskedFiles, Target
from percept.data.decoding import content_digest
from percept.data.masks.dataset import SegmentationDataset, read_segmentation
from percept.data.masks.layouts import is_segmentation_folder
from percept.data.masks.loading import channels_of, load_masks, load_pictures
from percept.data.masks.understanding import MaskOptions
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.data.ragged import RaggedArray
from percept.data.split_file import read_lines
from percept.data.splits import Split, make_split
from percept.errors import OptionError
from percept.models import arguments_for
from percept.runs.recipe import DataRecipe, Recipe
from percept.training.segmentation_defaults import DEFAULT_ARGUMENTS, DEFAULT_MODEL
from percept.workflow.segmentation.asked import refuse_class_options
from percept.workflow.segmentation.pretrained import classifier_notes, open_classifier, with_classifier

DEFAULT_CLASSIFIER = "lenet"  # of patches: small, since every pixel asks for one of its own


@dataclass(frozen=True)
class PreparedMasks:
    """What the training of a segmenter starts from.

    Attributes:
        recipe: with the choices on data and model made.
        dataset: pictures and masks.
        split: the part of each picture.
        preprocessing: fitted on the training part alone.
        pictures: each (height, width, channels) uint8.
        masks: each (height, width) uint8 class numbers, `IGNORE` where nothing is known.
        objects: each (height, width) int32 numbers of objects; None where masks do not tell them apart.
        content: one digest a picture; equal digests, equal pictures.
        start: what the user should know of a classifier that the network begins as.
    """

    recipe: Recipe
    dataset: SegmentationDataset
    split: Split
    preprocessing: PixelPreprocessing
    pictures: RaggedArray
    masks: RaggedArray
    objects: RaggedArray | None
    content: tuple[str, ...]
    start: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user should know of the start and the split."""
        return (*self.start, *self.split.notes)

    def rows(self, part: str) -> NDArray[np.int64]:
        """Return the rows of a part: "train", "validation", "test" or "out"."""
        return np.flatnonzero(self.split.part == part)


def holds_masks(data: DataRecipe) -> bool:
    """Tell whether the data of a recipe are pictures with masks: as the user says, or by the folder's layout.

    Args:
        data: the recipe's section on data.
    """
    if data.task is not None:
        return data.task == "segmentation"
    root = Path(data.path or data.source)
    return data.target is None and is_segmentation_folder(root)


def read_masks(data: DataRecipe, progress: Callable[[int, int], None] | None = None) -> SegmentationDataset:
    """Return the pictures and masks of a recipe, as the user gave them.

    Args:
        data: the recipe's section on data.
        progress: told how many masks are looked at, and of how many.

    Raises:
        DataError: pictures and masks do not go together.
        OptionError: what is said of the masks does not fit them.
    """
    options = MaskOptions(
        classes=tuple(data.classes or ()),
        ignore="auto" if data.ignore is None else int(data.ignore) if data.ignore.isdecimal() else "none",
        nearest=data.nearest,
        unpaired="leave_out" if data.skip_unreadable else "refuse",
    )
    dataset = read_segmentation(Path(data.path or data.source), options, progress=progress)
    if data.test_file is not None:
        dataset = _with_test(dataset, Path(data.test_file), options)
    if data.parts_file is not None:
        parts = {line.sample: line.part for line in read_lines(Path(data.parts_file))}
        given = np.array([parts.get(key, "out") for key in dataset.keys], dtype="<U10")
        rows = np.flatnonzero(given != "out")
        return replace(dataset.take(rows), given=given[rows])
    if data.test == "none" and (dataset.given == "test").any():
        note = "The test part of the data joins the rest, as --test none asks."
        given = np.where(dataset.given == "test", "", dataset.given)
        dataset = replace(dataset, given=given, notes=(*dataset.notes, note))
    return dataset


def as_dataset(dataset: SegmentationDataset) -> Dataset:
    """Return pictures and masks as they are split and sealed: by the share of pixels that are not background.

    Args:
        dataset: pictures and masks.
    """
    known = dataset.pixels[:, :-1].sum(axis=1)
    share = 1 - dataset.pixels[:, 0] / np.maximum(known, 1)
    return Dataset(
        name=dataset.name,
        samples=MaskedFiles(tuple((pair.picture.path, *(mask.path for mask in pair.masks)) for pair in dataset.pairs)),
        target=Target("regression", share, name=f"share of pixels not {dataset.classes[0]}"),
        keys=dataset.keys,
        given=dataset.given,
        groups=dataset.groups,
        notes=dataset.notes,
    )


def prepare_masks(dataset: SegmentationDataset, recipe: Recipe) -> PreparedMasks:
    """Return everything that training needs, from pictures with masks and the choices that the user made.

    Args:
        dataset: pictures and masks.
        recipe: what the user asked for; open choices are filled in.

    Raises:
        DataError: a file cannot be read, or the pictures cannot be split as asked.
        OptionError: a choice does not go with masks.
    """
    _must_go_together(dataset, recipe)
    data = recipe.data
    given = (dataset.given == "test").any()
    recipe = recipe.filled("data", task="segmentation", test="given" if given else "cut")
    known = None if recipe.model.pretrained is None else open_classifier(recipe)
    recipe = _with_network(recipe, dataset) if known is None else with_classifier(recipe, known, dataset)
    channels, patch = recipe.data.channels or 3, recipe.training.patches
    pictures = load_pictures(dataset, channels)
    masks, objects = load_masks(dataset)
    content = tuple(_content(picture) for picture in pictures)
    view = as_dataset(dataset)
    split = make_split(
        view.target,
        view.given,
        content=content,
        keys=view.keys,
        groups=view.groups,
        test=None if recipe.data.test == "none" else data.test_size,
        validation=data.validation_size,
        seed=recipe.training.seed,
        kind="image",
    )
    train = np.flatnonzero(split.part == "train")
    mean, std = (
        channel_statistics(pictures[row] for row in train) if known is None else (known.form.mean, known.form.std)
    )
    preprocessing = PixelPreprocessing(channels, mean, std, dataset.white, None if patch is None else (patch, patch))
    start = () if known is None else classifier_notes(recipe, known, dataset.classes)
    return PreparedMasks(recipe, dataset, split, preprocessing, pictures, masks, objects, content, start)


def _with_network(recipe: Recipe, dataset: SegmentationDataset) -> Recipe:
    """Return the recipe with a network that fits the pictures."""
    recipe = recipe.filled("data", channels=channels_of(dataset))
    channels, patch = recipe.data.channels or 3, recipe.training.patches
    if patch is not None:
        recipe = recipe.filled("model", name=DEFAULT_CLASSIFIER)
    elif recipe.model.name is None:
        chosen = recipe.model.model_copy(update={"arguments": {**DEFAULT_ARGUMENTS, **recipe.model.arguments}})
        recipe = recipe.model_copy(update={"model": chosen}).filled("model", name=DEFAULT_MODEL)
    sides = np.median(dataset.sizes, axis=0).astype(int).tolist() if patch is None else (patch, patch)
    shape = (channels, *sides)
    arguments = arguments_for(recipe.model.name or "", outputs=len(dataset.classes), shape=shape)
    model = recipe.model.model_copy(update={"arguments": {**arguments, **recipe.model.arguments}})
    return recipe.model_copy(update={"model": model})


def _must_go_together(dataset: SegmentationDataset, recipe: Recipe) -> None:
    """Refuse an option that means nothing for pictures with masks, rather than leave it out in silence."""
    wrong = {"--image-size": recipe.data.image_size, "--group": recipe.data.group, "--target": recipe.data.target}
    for name, asked in wrong.items():
        if asked is not None:
            why = "they keep their own size" if name == "--image-size" else "that is for tables"
            raise OptionError(f"{name} is not for {dataset.name}, which holds pictures with masks: {why}; leave it out")
    refuse_class_options(recipe, dataset.name)
    if recipe.selection is not None and recipe.selection.alphas is not None:
        raise OptionError(f"--cv is for tables; {dataset.name} holds pictures with masks: use percept select")


def _with_test(dataset: SegmentationDataset, test: Path, options: MaskOptions) -> SegmentationDataset:
    extra = read_segmentation(test, options, meaning=dataset.meaning)
    given = np.where(dataset.given == "test", "", dataset.given)
    own = f"; {dataset.name}'s own test part joins the rest" if (dataset.given == "test").any() else ""
    pairs = tuple(replace(pair, key=f"{test.name}/{pair.key}") for pair in extra.pairs)
    return replace(
        dataset,
        pairs=(*dataset.pairs, *pairs),
        sizes=(*dataset.sizes, *extra.sizes),
        pixels=np.concatenate([dataset.pixels, extra.pixels]),
        given=np.concatenate([given, np.full(len(extra), "test")]),
        groups=None,
        notes=(*dataset.notes, f"{len(extra)} test pictures with masks from {test}{own}"),
        white=max(dataset.white, extra.white),
    )


def _content(picture: NDArray[np.uint8]) -> str:
    shape = "x".join(map(str, picture.shape))
    return f"{shape}-{content_digest(picture)}"
