"""How good predicted masks are: every figure with its interval over pictures, and a row for each picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from percept.data.objects import IGNORE, connected_objects
from percept.errors import DataError, OptionError
from percept.evaluation.boundaries import boundary_counts, boundary_f1, boundary_figures
from percept.evaluation.intervals import Figure, bootstrap, interval
from percept.evaluation.objects import THRESHOLDS, average_precisions, object_counts, object_figures
from percept.evaluation.rand import adapted_rand_error
from percept.evaluation.regions import pixel_confusion, region_figures
from percept.evaluation.warping import warping_error
from percept.evaluation.weighted import Floats, Integers, ratio


@dataclass(frozen=True)
class Scoring:
    """What is measured of predicted masks.

    Attributes:
        classes: the classes' names.
        tolerance: pixels that two outlines may lie apart and still agree, 0 or more.
        objects: whether connected regions are compared as objects; class 0 is what lies around them.
        thresholds: shares of intersection in union from which two objects match, in [0.5, 1).
        membrane: the class that separates regions, for the Rand and the warping error; None leaves these two out.
    """

    classes: tuple[str, ...]
    tolerance: float = 2.0
    objects: bool = False
    thresholds: tuple[float, ...] = THRESHOLDS
    membrane: int | None = None

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(self.classes) > IGNORE:
            raise OptionError(f"{len(self.classes)} classes are given; expected 2 to {IGNORE}")
        if not 0 <= self.tolerance < np.inf:
            raise OptionError(f"tolerance is {self.tolerance}; expected 0 pixels or more")
        if self.membrane is not None and not 0 <= self.membrane < len(self.classes):
            raise OptionError(f"membrane is {self.membrane}; expected a class, 0 to {len(self.classes) - 1}")


@dataclass(frozen=True)
class PictureScore:
    """What is counted in one picture; figures of many pictures are made of these alone.

    Attributes:
        key: the picture's name.
        confusion: (classes, classes) pixels, row the true class, column the predicted one.
        boundary: (classes, 4) pixels of outlines, see `boundary_counts`.
        objects: (thresholds, 3) objects found, invented and missed; None where not asked for.
        rand: adapted Rand error; NaN where not asked for, or undefined.
        warping: warping error; NaN where not asked for.
    """

    key: str
    confusion: Integers
    boundary: Integers
    objects: Integers | None = None
    rand: float = float("nan")
    warping: float = float("nan")


def score_picture(
    truth: NDArray[np.integer[Any]],
    predicted: NDArray[np.integer[Any]],
    scoring: Scoring,
    *,
    key: str = "",
    instances: NDArray[np.integer[Any]] | None = None,
) -> PictureScore:
    """Return what is counted in one picture; its masks are not needed any more then.

    Args:
        truth: (height, width) class numbers, `IGNORE` where nothing is known.
        predicted: (height, width) class numbers; what is predicted for ignored pixels does not matter.
        scoring: what is measured.
        key: the picture's name.
        instances: (height, width) the true objects, 0 outside; None takes the connected regions of truth.

    Raises:
        DataError: the maps differ in size, or hold a class that there is not.
    """
    known = truth != IGNORE
    confusion = pixel_confusion(truth, predicted, len(scoring.classes))
    boundary = boundary_counts(truth, predicted, len(scoring.classes), scoring.tolerance)
    objects, rand, warping = None, float("nan"), float("nan")
    if scoring.objects:
        true = connected_objects(truth) if instances is None else instances
        told = connected_objects(np.where(known, predicted, 0))
        objects = object_counts(true, told, scoring.thresholds, known)
    if scoring.membrane is not None:
        between, guessed = truth == scoring.membrane, np.where(known, predicted == scoring.membrane, False)
        # regions are joined by sides, membranes by corners too: a membrane of one pixel's width then separates
        cells, found = (ndimage.label(~each)[0] for each in (between, guessed))
        rand = adapted_rand_error(cells, found, known)
        warping = warping_error(~between, np.where(known, ~guessed, ~between))
    return PictureScore(key, confusion, boundary, objects, rand, warping)


def segmentation_figures(
    scores: Sequence[PictureScore],
    scoring: Scoring,
    *,
    groups: Integers | None = None,
    seed: int = 0,
    samples: int = 1000,
    level: float = 0.95,
) -> dict[str, Figure]:
    """Return every figure of predicted masks with its bootstrap interval; pictures are drawn, never pixels.

    Args:
        scores: of the pictures.
        scoring: what was measured.
        groups: (pictures,) group numbers; whole groups are drawn, as pictures of one group are alike.
        seed: of the resampling; the same seed gives the same limits.
        samples: how many resamples.
        level: the share of intervals that hold the true figure, in (0, 1).

    Returns:
        "pixel_accuracy", "mean_iou", "mean_dice", "boundary_f1", and "iou[name]", "dice[name]", "boundary_f1[name]"
        of each class; with objects also "object_f1" and "average_precision", in the mean and at each threshold; with a
        membrane "rand_error" and "warping_error", the means over pictures. NaN where undefined.

    Raises:
        DataError: there is no picture.
    """
    if not scores:
        raise DataError("there is no picture to evaluate; expected at least 1, so check how the data was split")

    def figures(weights: Floats) -> dict[str, Floats]:
        return _figures(scores, scoring, weights)

    draws = bootstrap(figures, len(scores), groups=groups, samples=samples, seed=seed)
    units = len(scores) if groups is None else len(np.unique(groups))
    point = figures(np.ones((len(scores), 1)))
    return {name: interval(float(value[0]), draws[name], level=level, units=units) for name, value in point.items()}


def score_table(scores: Sequence[PictureScore], scoring: Scoring) -> pd.DataFrame:
    """Return one row a picture: its name and its own figures, NaN where undefined.

    Args:
        scores: of the pictures.
        scoring: what was measured.

    Returns:
        Columns "key", "pixel_accuracy", "mean_iou", "mean_dice", "boundary_f1", "iou[name]" and "dice[name]" of each
        class; with objects "object_f1", "average_precision", "objects_found", "objects_invented" and
        "objects_missed" at the lowest threshold; with a membrane "rand_error" and "warping_error".
    """
    alone = np.eye(len(scores))  # column k holds picture k alone: its figures are those of one picture
    figures = region_figures(np.stack([score.confusion for score in scores]), scoring.classes, alone)
    boundary = boundary_f1(np.stack([score.boundary for score in scores]))
    columns: dict[str, object] = {
        "key": [score.key for score in scores],
        **{name: figures[name] for name in ("pixel_accuracy", "mean_iou", "mean_dice")},
        "boundary_f1": _row_means(boundary),
        **{name: values for name, values in figures.items() if "[" in name},
    }
    if scoring.objects:
        counts = _objects(scores)
        found, invented, missed = (counts[:, 0, place] for place in range(3))
        columns["object_f1"] = object_figures(counts, scoring.thresholds, alone)["object_f1"]
        columns["average_precision"] = average_precisions(counts).mean(axis=1)
        columns |= {"objects_found": found, "objects_invented": invented, "objects_missed": missed}
    if scoring.membrane is not None:
        columns["rand_error"] = [score.rand for score in scores]
        columns["warping_error"] = [score.warping for score in scores]
    return pd.DataFrame(columns)


def worst_pictures(table: pd.DataFrame, figure: str = "mean_iou", count: int = 10) -> pd.DataFrame:
    """Return the rows of the worst pictures, worst first; ties in the order of the table, undefined ones left out.

    Args:
        table: see `score_table`.
        figure: the column to go by; of "rand_error", "warping_error" and counts of mistakes the largest are worst.
        count: how many rows at most.

    Raises:
        OptionError: the table has no such column.
    """
    if figure not in table.columns[1:]:
        raise OptionError(f"figure is {figure!r}; expected one of {', '.join(map(str, table.columns[1:]))}")
    low_is_bad = not figure.endswith("_error") and figure not in ("objects_invented", "objects_missed")
    return table.dropna(subset=[figure]).sort_values(figure, ascending=low_is_bad, kind="stable").head(count)


def _figures(scores: Sequence[PictureScore], scoring: Scoring, weights: Floats) -> dict[str, Floats]:
    """Return every figure for each column of weights (pictures, columns)."""
    found = region_figures(np.stack([score.confusion for score in scores]), scoring.classes, weights)
    found |= boundary_figures(np.stack([score.boundary for score in scores]), scoring.classes, weights)
    if scoring.objects:
        found |= object_figures(_objects(scores), scoring.thresholds, weights)
    if scoring.membrane is not None:
        found["rand_error"] = _mean(np.array([score.rand for score in scores]), weights)
        found["warping_error"] = _mean(np.array([score.warping for score in scores]), weights)
    return found


def _objects(scores: Sequence[PictureScore]) -> Integers:
    """Return (pictures, thresholds, 3) counts of objects."""
    counts = [score.objects for score in scores if score.objects is not None]
    if len(counts) < len(scores):
        raise DataError("objects were not counted in every picture; score all pictures with one scoring")
    return np.stack(counts)


def _mean(values: Floats, weights: Floats) -> Floats:
    """Return the mean of those of (pictures,) values that are defined, for each column of weights."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0) @ weights, defined.astype(np.float64) @ weights)


def _row_means(values: Floats) -> Floats:
    """Return the mean of those values in each row that are defined, NaN where none is."""
    return ratio(np.nansum(values, axis=1), (~np.isnan(values)).sum(axis=1).astype(np.float64))
