"""What a segmenter reaches on one part of the data, beside its baselines, picture by picture and in all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.masks.dataset import SegmentationDataset
from percept.evaluation.intervals import Figure, bootstrap, interval
from percept.evaluation.pixel_baselines import PixelBaseline
from percept.evaluation.regions import region_figures
from percept.evaluation.segmentation import (
    PictureScore,
    Scoring,
    score_picture,
    score_table,
    segmentation_figures,
)
from percept.evaluation.verdict import verdict_sentence
from percept.workflow.assess import Assessment

COMPARED = "mean_iou"  # what baselines are compared by


@dataclass(frozen=True)
class Told:
    """What a segmenter says of some pictures, and what that is worth.

    Attributes:
        assessment: its figures beside the baselines'.
        table: a row a picture.
    """

    assessment: Assessment
    table: pd.DataFrame


def scoring_of(dataset: SegmentationDataset) -> Scoring:
    """Return what is measured: objects too, where there is one class beside the background or masks tell objects.

    Args:
        dataset: pictures and masks.
    """
    objects = dataset.meaning.has_instances or len(dataset.classes) == 2
    return Scoring(dataset.classes, objects=objects, membrane=membrane_of(dataset.classes))


def membrane_of(classes: Sequence[str]) -> int | None:
    """Return the class that separates regions, by its name; None where there is none.

    Example:
        >>> membrane_of(("cell", "membrane")), membrane_of(("background", "nucleus"))
        (1, None)
    """
    words = ("membrane", "boundary", "border", "edge", "wall")
    named = [number for number, name in enumerate(classes) if any(word in name.lower() for word in words)]
    return named[0] if len(named) == 1 and len(classes) == 2 else None


def scored(
    predicted: Iterable[NDArray[np.uint8]],
    rows: NDArray[np.int64],
    masks: Sequence[NDArray[np.uint8]],
    objects: Sequence[NDArray[np.int32]] | None,
    dataset: SegmentationDataset,
    scoring: Scoring,
) -> list[PictureScore]:
    """Return what is counted in each picture.

    Args:
        predicted: classes (height, width) of the pictures in `rows`, one by one.
        rows: which pictures.
        masks: all true ones.
        objects: all true objects, or None.
        dataset: pictures and masks.
        scoring: what is measured.
    """
    return [
        score_picture(
            masks[row],
            answer,
            scoring,
            key=dataset.keys[row],
            instances=None if objects is None else objects[row],
        )
        for row, answer in zip(rows.tolist(), predicted, strict=True)
    ]


def tell(
    scores: Sequence[PictureScore],
    rivals: Mapping[str, tuple[Sequence[PictureScore], str]],
    scoring: Scoring,
    *,
    groups: NDArray[np.int64] | None,
    part: str,
    seed: int,
    best: str | None = None,
) -> Told:
    """Return the figures of a segmenter beside those of its baselines, on the same pictures.

    Args:
        scores: the network's, picture by picture.
        rivals: the baselines' by name, with a note on how each was fitted.
        scoring: what was measured.
        groups: (pictures,) group numbers, or None.
        part: what the verdict calls the pictures.
        seed: of the resampling.
        best: the baseline to compare with, chosen on the validation part; None chooses it on these pictures.
    """
    figures = segmentation_figures(scores, scoring, groups=groups, seed=seed)
    others = {
        name: (segmentation_figures(found, scoring, groups=groups, seed=seed), note)
        for name, (found, note) in rivals.items()
    }
    values = {name: found[COMPARED].value for name, (found, _) in others.items()}
    chosen = best or max(values, key=lambda name: np.nan_to_num(values[name], nan=-np.inf))
    difference = _difference(scores, rivals[chosen][0], scoring, groups=groups, seed=seed)
    units, what = (len(scores), "picture") if groups is None else (len(np.unique(groups)), "group")
    sentence = verdict_sentence(
        COMPARED,
        figures[COMPARED].value,
        values[chosen],
        difference,
        chosen,
        chosen_before=best is not None,
        higher_is_better=True,
        units=units,
        what=f"{part} {what}",
    )
    return Told(Assessment(figures, others, sentence, chosen), score_table(scores, scoring))


def rival_scores(
    rivals: Mapping[str, PixelBaseline],
    pictures: Sequence[NDArray[np.uint8]],
    rows: NDArray[np.int64],
    score: Callable[[Iterable[NDArray[np.uint8]]], list[PictureScore]],
) -> dict[str, tuple[list[PictureScore], str]]:
    """Return what is counted of each baseline in each picture, and its note.

    Args:
        rivals: the baselines by name.
        pictures: all.
        rows: which pictures.
        score: counts in predictions of these rows.
    """
    return {name: (score(rival.predict(pictures[row]) for row in rows), rival.note) for name, rival in rivals.items()}


def _difference(
    ours: Sequence[PictureScore],
    theirs: Sequence[PictureScore],
    scoring: Scoring,
    *,
    groups: NDArray[np.int64] | None,
    seed: int,
) -> Figure:
    """Return the mean IoU of the first less that of the second, both on the same resamples of the pictures."""
    confusions = [np.stack([score.confusion for score in scores]) for scores in (ours, theirs)]

    def difference(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        first, second = (region_figures(each, scoring.classes, weights)[COMPARED] for each in confusions)
        return {"": first - second}

    value = float(difference(np.ones((len(ours), 1)))[""][0])
    draws = bootstrap(difference, len(ours), groups=groups, seed=seed)[""]
    units = len(ours) if groups is None else len(np.unique(groups))
    return interval(value, draws, level=0.95, units=units)
