"""A trained classifier that a segmenter begins as: what it decides of the recipe, and its weights and scores again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from percept.data.masks.dataset import SegmentationDataset
from percept.data.masks.loading import channels_of
from percept.data.preprocessing import ImagePreprocessing
from percept.dense.classifier import planned_for
from percept.errors import DataError, OptionError, RunFolderError
from percept.models import arguments_for, build
from percept.models.catalog import classifiers
from percept.models.fcn_start import begin_as
from percept.models.file import TrainedModel, load_model
from percept.models.freezing import hold_normalization
from percept.models.weights_file import is_model_file
from percept.nn.geometry.trace import undrawn
from percept.runs.recipe import Recipe
from percept.workflow.pretrained import digest_of

FORMS = ("fcn8s", "fcn16s", "fcn32s")
"""Networks of a classifier's own layers, the finest first: the first that its maps suffice for is taken."""
LISTED = 8  # names of classes in a sentence


@dataclass(frozen=True)
class Known:
    """A trained classifier of pictures.

    Attributes:
        source: where it comes from, for messages.
        model: the classifier.
        form: what its pictures were prepared by.
    """

    source: str
    model: TrainedModel
    form: ImagePreprocessing


def open_classifier(recipe: Recipe) -> Known:
    """Return the trained classifier of pictures that a recipe names.

    Args:
        recipe: with `pretrained`.

    Raises:
        OptionError: it cannot be made a segmenter, or another choice does not go with it; the sentence names the layer.
        DataError: it is no classifier of pictures.
        ModelFileError: it cannot be read.
        RunFolderError: it is not the one that the run was begun with.
    """
    source = recipe.model.pretrained or ""
    if recipe.training.patches is not None:
        raise OptionError("--pretrained is for training on whole pictures, not on patches; leave it or --patches out")
    path = Path(source) / "model.safetensors" if Path(source).is_dir() else Path(source)
    if path.is_file() and not is_model_file(path):
        raise OptionError(f"{source} holds weights alone; for masks give the run or model file of a classifier")
    if recipe.model.pretrained_digest not in (None, digest_of(str(path))):
        raise RunFolderError(f"{source} has changed since the run was begun; put it back, or begin a new run")
    model = load_model(path)
    form = model.preprocessing
    if not isinstance(form, ImagePreprocessing) or not model.classes:
        raise DataError(f"{source} is no classifier of pictures; give the run of one, which percept fit makes")
    if model.architecture not in classifiers():
        known = ", ".join(classifiers()[:LISTED])
        raise OptionError(
            f"the network of {source} is {model.architecture}, which has no maps; expected one of {known}, ..."
        )
    planned_for(model.network, (form.height, form.width), form.channels)  # refuses what sees more than one place
    return Known(source, model, form)


def with_classifier(recipe: Recipe, known: Known, dataset: SegmentationDataset) -> Recipe:
    """Return the recipe with what a classifier decides: the network over its layers, and the channels of the pictures.

    Args:
        recipe: what the user asked for.
        known: the classifier.
        dataset: pictures and masks.

    Raises:
        OptionError: another network is asked for, or no class of the masks is one of the classifier's.
        DataError: the pictures are in color, and the classifier knows grey ones alone.
    """
    model, form = known.model, known.form
    if form.channels < channels_of(dataset):
        raise DataError(
            f"the pictures of {dataset.name} are in color, and {known.source} learned from grey ones; save them in"
            " grey, or train the classifier on pictures in color"
        )
    rows_of(dataset.classes, model.classes, known.source)
    over: dict[str, object] = {"body": model.architecture, "body_arguments": _own(model)}
    name = recipe.model.name or next(each for each in FORMS if each == FORMS[-1] or _buildable(each, over))
    if name not in FORMS:
        raise OptionError(f"--model is {name}; a classifier's own layers make {', '.join(FORMS)}: leave it out")
    shape = (form.channels, form.height, form.width)
    arguments = {**arguments_for(name, outputs=len(dataset.classes), shape=shape), **over}
    chosen = {"name": name, "arguments": arguments, "pretrained_digest": digest_of(known.source)}
    recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update=chosen)})
    return recipe.filled("data", channels=form.channels)


def begin_as_classifier(network: nn.Module, recipe: Recipe, classes: Sequence[str]) -> None:
    """Give a segmenter the weights of the classifier that its recipe names, and its scores of the same classes.

    Args:
        network: drawn anew; changed in place.
        recipe: every choice.
        classes: of the masks.

    Source: notes §3.6.5.
    """
    known = open_classifier(recipe)
    rows, form = rows_of(classes, known.model.classes, known.source), known.form
    begin_as(network, known.model.network, (form.channels, form.height, form.width), rows)
    hold_normalization(network)


def rows_of(classes: Sequence[str], known: Sequence[str], source: str) -> list[int | None]:
    """Return which of a classifier's classes each class of masks is, by its name; None where it knows no such class.

    Args:
        classes: of the masks.
        known: the classifier's.
        source: of the classifier, for the message.

    Raises:
        OptionError: it knows none of them.

    Example:
        >>> rows_of(["background", "Cat"], ["bird", "cat"], "runs/pets")
        [None, 1]
    """
    places = {name.casefold(): place for place, name in enumerate(known)}
    rows = [places.get(name.casefold()) for name in classes]
    if not any(row is not None for row in rows):
        raise OptionError(
            f"the masks have the classes {_listed(classes)}, and {source} knows {_listed(known)}: none is both; name"
            f" those of the masks in their order by --classes, such as --classes {','.join(['background', known[0]])}"
        )
    return rows


def classifier_notes(recipe: Recipe, known: Known, classes: Sequence[str]) -> tuple[str, ...]:
    """Return what the user should know of a start as a classifier, a sentence each.

    Args:
        recipe: with the classifier's choices.
        known: the classifier.
        classes: of the masks.
    """
    rows = rows_of(classes, known.model.classes, known.source)
    taken = [name for name, row in zip(classes, rows, strict=True) if row is not None]
    fresh = [name for name, row in zip(classes, rows, strict=True) if row is None]
    zero = f"; {_listed(fresh)} {'begins' if len(fresh) == 1 else 'begin'} at zero" if fresh else ""
    size = f"{known.form.height}x{known.form.width}"
    return (
        f"{recipe.model.name} begins as {known.source}, with its scores of {_listed(taken)}{zero}.",
        f"It knows pictures as they were when resized to {size}: masks and pictures should be of that scale.",
    )


def _own(model: TrainedModel) -> dict[str, object]:
    return {name: value for name, value in model.arguments.items() if name not in ("classes", "channels")}


def _buildable(name: str, over: dict[str, object]) -> bool:
    """Tell whether a classifier's maps suffice for a network."""
    try:
        with undrawn():
            build(name, classes=2, **over)
    except OptionError:
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
