"""What a network reaches on one part of the data: predictions on disk, figures with intervals, baselines beside it."""

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percept.data.dataset import Dataset, Target, Task
from percept.errors import RunFolderError
from percept.evaluation.baselines import LINEAR_NAME, Baseline, baselines, templates
from percept.evaluation.intervals import Figure, evaluate_figures
from percept.evaluation.metrics import metric_named
from percept.evaluation.verdict import best_baseline, verdict
from percept.files import write_text
from percept.runs.folder import write_rows

Figures = dict[str, dict[str, float | None]]
MOST_TEMPLATES = 40  # classes whose templates are kept


@dataclass(frozen=True)
class Predictions:
    """A network's predictions on one part, with the truth.

    Attributes:
        keys: the samples' names.
        truth: (samples,) class numbers or figures.
        scores: (samples, classes) probabilities, or (samples,) predicted figures.
    """

    keys: tuple[str, ...]
    truth: NDArray[np.int64] | NDArray[np.float64]
    scores: NDArray[np.float64]


def write_predictions(path: Path, predictions: Predictions, target: Target) -> None:
    """Write one line a sample: its name, the truth, the prediction, and for classes every probability.

    Args:
        path: the CSV file.
        predictions: what to write.
        target: the classes' names.
    """
    if target.task == "regression":
        rows: Sequence[Sequence[object]] = [
            (key, float(truth), float(value))
            for key, truth, value in zip(predictions.keys, predictions.truth, predictions.scores, strict=True)
        ]
        write_rows(path, ("sample", "target", "prediction"), rows)
        return
    rows = [
        (
            key,
            target.classes[int(truth)],
            target.classes[int(scores.argmax())],
            float(scores.max()),
            *map(float, scores),
        )
        for key, truth, scores in zip(predictions.keys, predictions.truth, predictions.scores, strict=True)
    ]
    names = ("sample", "target", "prediction", "probability", *(f"probability of {name}" for name in target.classes))
    write_rows(path, names, rows)


def read_predictions(path: Path, task: str, classes: tuple[str, ...]) -> Predictions:
    """Return the predictions that `write_predictions` wrote.

    Args:
        path: the CSV file.
        task: "classification" or "regression".
        classes: the classes' names.

    Raises:
        RunFolderError: the file is missing or damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            _, *rows = csv.reader(file)
        keys = tuple(row[0] for row in rows)
        if task == "regression":
            return Predictions(
                keys, np.array([float(row[1]) for row in rows]), np.array([float(row[2]) for row in rows])
            )
        numbers = {name: number for number, name in enumerate(classes)}
        truth = np.array([numbers[row[1]] for row in rows], dtype=np.int64)
        scores = np.array([[float(cell) for cell in row[4:]] for row in rows]).reshape(len(rows), len(classes))
        return Predictions(keys, truth, scores)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise RunFolderError(f"{path} cannot be read ({error}); fit or evaluate again to have it written") from error


@dataclass(frozen=True)
class Assessment:
    """Figures of a network beside its baselines, on the same samples.

    Attributes:
        figures: the network's, with 95 % intervals.
        baselines: by name: figures, and a note on how the baseline was fitted.
        verdict: whether the network earned its place, in a sentence.
        best_baseline: name of the baseline that it was compared with.
        templates: what the linear baseline of pictures looks for, a PNG file a class; empty where there is none.
    """

    figures: dict[str, Figure]
    baselines: dict[str, tuple[dict[str, Figure], str]]
    verdict: str
    best_baseline: str
    templates: tuple[bytes, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the assessment as JSON values; a bound that is not defined is null."""
        return {
            "figures": _json(self.figures),
            "baselines": {
                name: {"figures": _json(figures), "note": note} for name, (figures, note) in self.baselines.items()
            },
            "verdict": self.verdict,
            "best_baseline": self.best_baseline,
            "templates": [base64.b64encode(each).decode("ascii") for each in self.templates],
        }


def _json(figures: dict[str, Figure]) -> Figures:
    return {name: figure.to_json() for name, figure in figures.items()}


def assess(
    predictions: Predictions,
    inputs: NDArray[np.uint8] | NDArray[np.float32],
    dataset: Dataset,
    train: NDArray[np.int64],
    rows: NDArray[np.int64],
    part: str,
    seed: int,
    metric: str | None = None,
    best: str | None = None,
    rivals: Mapping[str, Baseline] | None = None,
) -> Assessment:
    """Return the figures of predictions beside those of the baselines, fitted on the training part.

    Args:
        predictions: the network's, for `rows`.
        inputs: (samples, ...) what the network takes, before normalization.
        dataset: the samples' targets and groups.
        train: rows of the training part.
        rows: rows of the part that is assessed.
        part: what the verdict calls them.
        seed: of the resampling.
        metric: what the verdict compares by; a loss, or None, is told as accuracy, or as rmse for figures.
        best: the baseline to compare with, chosen on the validation part; None chooses it on these rows.
        rivals: the baselines' predictions of these rows, where they are known already.
    """
    target = dataset.target
    groups = None if dataset.groups is None else dataset.groups[rows]

    def measured(scores: NDArray[np.float64]) -> dict[str, Figure]:
        return evaluate_figures(predictions.truth, scores, classes=target.classes, groups=groups, seed=seed)

    rivals = rivals or baselines(inputs, target, train, rows, seed=seed)
    compared = metric_named(told_metric(metric, target.task), target.task)
    chosen = best or best_baseline(predictions.truth, rivals, compared)
    return Assessment(
        measured(predictions.scores),
        {name: (measured(rival.predictions), rival.note) for name, rival in rivals.items()},
        verdict(
            predictions.truth, predictions.scores, rivals, compared, best=best, part=part, groups=groups, seed=seed
        ),
        chosen,
        _templates(rivals, inputs.shape[1:]),
    )


def _templates(rivals: Mapping[str, Baseline], shape: tuple[int, ...]) -> tuple[bytes, ...]:
    """Return the templates of the linear baseline as PNG files, of the first classes where they are many."""
    linear = rivals.get(LINEAR_NAME)
    if linear is None or linear.weights is None or len(shape) != 3:
        return ()
    return tuple(_png(picture) for picture in templates(linear, shape)[:MOST_TEMPLATES])


def _png(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).save(file, "PNG")
    return file.getvalue()


def told_metric(chosen: str | None, task: Task) -> str:
    """Return the metric that a run is told by: the one that chose its weights, but never a loss.

    Example:
        >>> told_metric("auroc", "classification"), told_metric("loss", "regression")
        ('auroc', 'rmse')
    """
    if chosen and "loss" not in chosen:
        return chosen
    return "accuracy" if task == "classification" else "rmse"


def write_json(path: Path, values: object) -> None:
    """Write JSON, whole or not at all."""
    write_text(path, json.dumps(values, indent=1) + "\n")
