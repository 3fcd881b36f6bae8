"""A classifier of pictures made a segmenter: the same weights, with an answer at every pixel."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.data.preprocessing import ImagePreprocessing
from percept.dense import densify as dense_form
from percept.dense.network import Semantics
from percept.errors import DataError, OptionError
from percept.models.file import load_model, save_model
from percept.runs.folder import RunFolder, claim, open_run
from percept.runs.recipe import Recipe
from percept.version import __version__
from percept.workflow.events import Event
from percept.workflow.fit import fit
from percept.workflow.options import FitOptions
from percept.workflow.run import Run


@dataclass(frozen=True)
class Densified:
    """A segmenter made from a classifier.

    Attributes:
        path: its run folder.
        patch: (height, width) of what the classifier looks at for each pixel.
        stride: pixels between the classifier's own answers along rows and columns, before they were made dense.
        note: what the user should know, in a sentence.
    """

    path: Path
    patch: tuple[int, int]
    stride: tuple[int, int]
    note: str


def densify(
    run: str | Path,
    *,
    out: str | Path | None = None,
    semantics: Semantics | None = None,
    say: Callable[[str], None] | None = None,
) -> Densified:
    """Write the classifier of a run as a segmenter, which `predict` then takes for pictures of any size.

    Args:
        run: run folder of a classifier of pictures.
        out: the new run folder; must not hold anything. By default runs/NAME-dense.
        semantics: for a network that pads its maps, what an answer means: "patch", "image" or "plane".
        say: told the note.

    Raises:
        DataError: the run's network takes no pictures.
        OptionError: a layer has no exact dense form, or the meaning is missing; the sentence names the layer.

    Source: notes §3.6.4.
    """
    folder = open_run(run)
    model = load_model(folder.model)
    form = model.preprocessing
    if not isinstance(form, ImagePreprocessing) or not model.classes:
        what = "gives a class at every pixel already" if isinstance(form, PixelPreprocessing) else "is none of pictures"
        raise DataError(f"the model of {run} {what}; expected a classifier of pictures")
    patch = form.height, form.width
    dense = dense_form(model.network, patch, semantics=semantics, channels=form.channels)
    recipe = Recipe.read(folder.recipe)
    made = RunFolder(claim(Path(out) if out else None, f"{folder.path.resolve().name}-dense").path)
    pixels = PixelPreprocessing(form.channels, form.mean, form.std, form.white, patch, semantics or "patch")
    kept = {"percept_version": __version__, "labels": "by classifier", "classifier": str(run)}
    segmenter = replace(model, task="segmentation", preprocessing=pixels, metadata={**model.metadata, **kept})
    recipe.model_copy(update={"data": recipe.data.model_copy(update={"task": "segmentation", "test": "none"})}).write(
        made.recipe
    )
    save_model(made.model, segmenter)
    size = f"{patch[0]}x{patch[1]}"
    note = (
        f"each pixel gets what the classifier says of the {size} pixels around it: show it pictures at the scale of"
        f" those it learned from, after they were resized to {size}"
    )
    if say is not None:
        say(note)
    return Densified(made.path, patch, dense.stride, note)


def fine_tune(
    run: str | Path,
    masks: str | Path,
    *,
    semantics: Semantics | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    watch: Callable[[Event], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Unpack[FitOptions],
) -> Run:
    """Train the classifier of a run further, as a segmenter, on a few pictures with masks: `fit` with `pretrained`.

    Args:
        run: run folder of a classifier of pictures.
        masks: folder of pictures with masks, as `fit` takes it.
        semantics: nothing or "image": whole pictures are learned from, with zeros around them alone.
        out: the new run folder; must not hold anything. By default runs/NAME of the masks' folder.
        resume: go on with the unfinished run of the same command.
        watch: told each event as it happens.
        progress: told how many masks are read, and of how many.
        options: further choices, those of `fit`.

    Raises:
        DataError: the run's network takes no pictures, or the folder holds no masks.
        OptionError: a layer has no form for whole pictures, or a choice does not go with masks.

    Source: notes §3.6.5; Long, Shelhamer & Darrell 2015.
    """
    if semantics not in (None, "image"):
        raise OptionError(
            f"--semantics is {semantics}; with --masks whole pictures are learned from, with zeros around them alone:"
            " leave it out"
        )
    for name in ("task", "pretrained"):
        if options.get(name) is not None:
            raise OptionError(f"--{name} is {options.get(name)}; the run and its masks decide that: leave it out")
    open_run(run)
    asked: FitOptions = {**options, "task": "segmentation", "pretrained": run}
    return fit(masks, out=out, resume=resume, watch=watch, progress=progress, **asked)
