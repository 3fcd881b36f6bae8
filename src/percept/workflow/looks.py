"""Where a classifier looked in a few pictures of each class, for the report."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.data.preprocessing import ImagePreprocessing
from percept.errors import OptionError
from percept.evaluation.activation import Activation, activation_maps
from percept.models.file import TrainedModel
from percept.report.content import Look
from percept.report.heatmap import drawn_size, heat_overlay
from percept.report.pictures import LONGEST_SIDE
from percept.workflow.assess import Predictions
from percept.workflow.samples import Loaded

RIGHT, WRONG = 16, 12  # pictures drawn at most
EACH = 2  # of each class, where the classes are few

Heat = NDArray[np.float32]


def looks(model: TrainedModel, predictions: Predictions, loaded: Loaded | None) -> dict[str, Any]:
    """Return where the network looked, and how that was found; nothing where it makes no map of the samples.

    Args:
        model: a classifier.
        predictions: of the part whose pictures may be shown.
        loaded: the run's samples; None where they are gone.
    """
    form = model.preprocessing
    if loaded is None or loaded.inputs is None or not isinstance(form, ImagePreprocessing):
        return {}
    row_of = {key: row for row, key in enumerate(loaded.dataset.keys)}
    chosen = to_show(predictions, len(model.classes))
    if not len(chosen) or any(predictions.keys[place] not in row_of for place in chosen):
        return {}
    pixels = loaded.inputs[[row_of[predictions.keys[place]] for place in chosen]]
    truth, told = predictions.truth[chosen].astype(np.int64), predictions.scores[chosen].argmax(axis=1)
    device = next(model.network.parameters()).device
    try:
        found = [activation_maps(model.network, form.tensor(pixels, device), each.tolist()) for each in (told, truth)]
    except OptionError:  # no map, as of a linear classifier
        return {}
    heats = heats_of(found, *drawn_size(form.height, form.width, LONGEST_SIDE, LONGEST_SIDE))
    shown = []
    for number, place in enumerate(chosen.tolist()):
        of = dict.fromkeys((model.classes[told[number]], model.classes[truth[number]]))  # one where they are the same
        maps = tuple((name, heat_overlay(pixels[number], heats[turn, number])) for turn, name in enumerate(of))
        sure = float(predictions.scores[place].max())
        key, right = predictions.keys[place], model.classes[truth[number]]
        shown.append(Look(key, right, model.classes[told[number]], sure, pixels[number], maps))
    return {"looks": tuple(shown), "looked": how(found[0])}


def heats_of(found: list[Activation], height: int, width: int) -> Heat:
    """Return what speaks for some classes in the same pictures, each picture by the most that speaks for any of them.

    Args:
        found: for each class its maps.
        height: rows of the drawing.
        width: columns of the drawing.

    Returns:
        (maps, pictures, height, width) in [0, 1].
    """
    evidence = np.stack([each.evidence(height, width) for each in found])
    most: Heat = evidence.max(axis=(0, 2, 3), keepdims=True)
    most[most <= 0] = 1  # nothing speaks for any of them
    return evidence / most


def how(found: Activation) -> str:
    """Return in a sentence how it was found where the network looked."""
    rows, columns = found.places.shape[1:]
    places = f"the {rows}x{columns} places of its last map"
    if found.method == "cam":
        return f"The network's score for a class is the mean of what {places} say for it, drawn here (CAM)."
    return f"The network is asked how its score for a class changes with what {places} hold, drawn here (Grad-CAM)."


def to_show(predictions: Predictions, classes: int) -> NDArray[np.int64]:
    """Return which pictures to show: the first right ones of each class, then the surest wrong ones of each.

    Args:
        predictions: with class numbers as truth.
        classes: how many there are.
    """
    truth, told = predictions.truth, predictions.scores.argmax(axis=1)
    sure = predictions.scores.max(axis=1)
    each = max(1, min(EACH, RIGHT // max(classes, 1)))
    right = np.flatnonzero(truth == told)
    right = right[np.argsort(truth[right], kind="stable")]
    wrong = np.flatnonzero(truth != told)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    return np.concatenate([_first(right, truth, each)[:RIGHT], _first(wrong, truth, each)[:WRONG]])


def _first(places: NDArray[np.int64], truth: NDArray[Any], each: int) -> NDArray[np.int64]:
    """Return the first few places of each class, in their order."""
    seen: dict[int, int] = {}
    kept = []
    for place in places.tolist():
        of = int(truth[place])
        seen[of] = seen.get(of, 0) + 1
        if seen[of] <= each:
            kept.append(place)
    return np.array(kept, np.int64)
