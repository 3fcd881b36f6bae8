"""From a run folder to its report: everything is read back from the run's own files."""

import base64
import io
import json
from collections import Counter
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from percept.data.dataset import Table
from percept.data.split_file import read_lines, read_splits
from percept.errors import PerceptError, RunFolderError
from percept.evaluation.metrics import confusion
from percept.models.file import TrainedModel, load_model
from percept.nn.inspection import Inspection, inspect_network
from percept.report.content import (
    Baseline,
    EpochRow,
    Evaluation,
    LabelCheck,
    Mistake,
    Opening,
    ReportContent,
    Sample,
    Score,
    Training,
)
from percept.report.page import write_report
from percept.runs.folder import RunFolder, open_run
from percept.runs.ledger import read_ledger
from percept.runs.recipe import Recipe
from percept.workflow.assess import Predictions, read_predictions
from percept.workflow.chosen import read_selection
from percept.workflow.inspect import input_shape
from percept.workflow.looks import looks
from percept.workflow.report_data import summarize_data
from percept.workflow.report_few import augmented_samples, rate_range
from percept.workflow.report_selection import selection_content
from percept.workflow.samples import Loaded, reload
from percept.workflow.trust import check_labels, trust

WORST = 12  # mistakes shown
CELLS = 8  # of a row that is shown

FORMAT_VERSION = 1  # of findings.json


def report(run: str | Path, *, data: str | Path | None = None, loaded: Loaded | None = None) -> Path:
    """Write the report of a run from what lies in its folder; without the data it has no pictures.

    Args:
        run: the run folder.
        data: where the data lie now, if they have moved.
        loaded: the run's samples, where they are in memory already.

    Returns:
        Where the report lies.

    Raises:
        RunFolderError: there is no finished run.
    """
    folder = RunFolder(Path(run)) if loaded is not None else open_run(run)
    recipe = Recipe.read(folder.recipe)
    if recipe.data.task == "segmentation":
        from percept.workflow.segmentation.rewrite import rewrite_report  # it builds on this file

        return rewrite_report(folder, recipe, data)
    model = load_model(folder.model)
    findings = read_findings(folder)
    notes: tuple[str, ...] = tuple(findings["notes"])
    if loaded is None:
        try:
            loaded = reload(recipe, folder, model.sample_preprocessing, data)
        except PerceptError as error:
            if data is not None:
                raise
            notes = (*notes, f"The data could not be read again, so samples and mistakes are not shown: {error}")
    return write_report(folder.report, _content(folder, recipe, model, findings, notes, loaded))


def read_findings(folder: RunFolder) -> dict[str, Any]:
    """Return what `percept fit` found: notes, audit, validation figures, baselines."""
    try:
        values: dict[str, Any] = json.loads(folder.findings.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{folder.findings} cannot be read ({error}); fit again to have it written") from error
    if values.get("format_version", 0) > FORMAT_VERSION:
        raise RunFolderError(f"{folder.findings} is of a newer format than this percept reads; install a newer percept")
    return values


def _content(
    folder: RunFolder,
    recipe: Recipe,
    model: TrainedModel,
    findings: dict[str, Any],
    notes: tuple[str, ...],
    loaded: Loaded | None,
) -> ReportContent:
    method = _method(recipe, model)
    way, target = findings.get("out_of_fold", ""), recipe.training.abstain
    validation = _evaluation("validation", folder, model, findings["validation"], method, loaded, target, own=not way)
    validation = replace(validation, out_of_fold=way)
    ledger = read_ledger(folder.ledger)
    test = _evaluation("test", folder, model, asdict(ledger[-1]), method, loaded, target) if ledger else None
    parts = pd.DataFrame(read_lines(folder.splits))
    if loaded is not None:
        read_splits(folder.splits, loaded.dataset.keys)  # raises where it does not go with the data
    return ReportContent(
        title=folder.path.resolve().name,
        created=told_moment(findings["created"]),
        summary=_summary(model, recipe, parts),
        run=str(folder.path),
        command=findings["command"],
        seed=recipe.training.seed,
        versions=findings["versions"],
        recipe=recipe.to_toml(),
        classes=model.classes,
        data=replace(
            summarize_data(folder, recipe, model, parts, findings, notes, loaded),
            augmented=augmented_samples(folder, recipe.training, loaded, recipe.training.seed),
        ),
        selection=selection_content(read_selection(folder)),
        network=network_section(model),
        training=Training(
            history=read_history(folder),
            chosen_epoch=findings["chosen_epoch"],
            metric=recipe.training.metric or "loss",
            health=tuple(findings.get("health", ())),
            signal=findings.get("signal", ""),
            fit=findings.get("fit", ""),
            rates=rate_range(folder),
            model=f"{model.architecture}, {_weights(model):,} weights",
        ),
        validation=validation,
        test=test,
        openings=tuple(Opening(each.number, told_moment(each.time), figure_scores(each.figures)) for each in ledger),
        labels=_labels(folder, model, loaded),
    )


def network_section(model: TrainedModel) -> Inspection | None:
    """Return the network layer by layer; None where it cannot be followed."""
    try:
        return inspect_network(model.network, input_shape(model.preprocessing), model.architecture)
    except PerceptError:  # a network that cannot be followed is no reason to be without a report
        return None


def told_moment(time: str) -> str:
    """Return a time of the run's files as people write it, such as "2026-03-01 14:05 +01:00"."""
    return datetime.fromisoformat(time).strftime("%Y-%m-%d %H:%M %Z").replace("UTC+00:00", "UTC").replace("UTC+", "+")


def _summary(model: TrainedModel, recipe: Recipe, parts: pd.DataFrame) -> tuple[str, ...]:
    counts = Counter(parts["part"])
    samples = "pictures" if recipe.data.image_size else "rows"
    task = (
        f"tell the {len(model.classes)} classes of {model.target} apart" if model.classes else f"predict {model.target}"
    )
    source = Path(recipe.data.source).resolve().name
    learned = (
        f"The network ({model.architecture}, {_weights(model):,} weights) learned from {counts['train']:,} {samples} of"
        f" {source} to {task}"
        + (f"; {counts['validation']:,} more chose the epoch whose weights were kept." if counts["validation"] else ".")
    )
    return learned, *(("No test set was laid aside (--test none).",) if recipe.data.test == "none" else ())


def _weights(model: TrainedModel) -> int:
    return sum(parameter.numel() for parameter in model.network.parameters())


def _method(recipe: Recipe, model: TrainedModel) -> str:
    drawn = f"groups of equal {recipe.data.group}" if recipe.data.group else "samples"
    found = f"The intervals are found by drawing the {drawn} anew a thousand times (bootstrap)"
    if not model.classes:
        return f"{found}."
    if len(model.classes) > 2:
        rest = "AUROC is the mean of each class against the rest."
    else:
        rest = (
            f"AUROC is the share of pairs, one of each class, that the probability of {model.classes[1]} puts in order."
        )
    return f"{found}; where all went the same way, by the exact limits of the binomial distribution. {rest}"


def read_history(folder: RunFolder) -> tuple[EpochRow, ...]:
    """Return what each epoch brought.

    Raises:
        RunFolderError: the file is missing or damaged.
    """
    try:
        frame = pd.read_csv(folder.history)
        named = {name: name.removeprefix("validation_") for name in frame.columns if name.startswith("validation_")}
        return tuple(
            EpochRow(
                int(row["epoch"]),
                float(row["train_loss"]),
                float(row["validation_loss"]) if "validation_loss" in frame.columns else None,
                {short: float(row[name]) for name, short in named.items() if short != "loss"},
            )
            for _, row in frame.iterrows()
        )
    except (OSError, ValueError, KeyError) as error:
        raise RunFolderError(f"{folder.history} cannot be read ({error}); put back the file as it was") from error


def _score(figure: dict[str, float | None]) -> Score:
    value, low, high = (np.nan if figure[end] is None else float(figure[end] or 0) for end in ("value", "low", "high"))
    return value, low, high


def figure_scores(figures: dict[str, dict[str, float | None]]) -> dict[str, Score]:
    """Return figures as the report takes them: value, low and high, nan where undefined."""
    return {name: _score(figure) for name, figure in figures.items()}


def _evaluation(
    part: Any,
    folder: RunFolder,
    model: TrainedModel,
    found: dict[str, Any],
    method: str,
    loaded: Loaded | None,
    target: float | None,
    *,
    own: bool = True,
) -> Evaluation:
    """Return the figures of a part; `own` tells whether its predictions are this model's, not those of folds."""
    predictions = read_predictions(folder.predictions(part), model.task, model.classes)
    baselines = tuple(
        Baseline(name, figure_scores(each["figures"]), each["note"])
        for name, each in (found["baselines"] or {}).items()
    )
    common = {
        "part": part,
        "samples": len(predictions.keys),
        "scores": figure_scores(found["figures"]),
        "method": method,
        "baselines": baselines,
        "verdict": found["verdict"],
        "said": tuple(found.get("said", ())),
    }
    if not model.classes:
        return Evaluation(
            **common,
            mistakes=_far_off(predictions, loaded),
            truth=predictions.truth.astype(np.float64),
            predicted=predictions.scores,
        )
    truth = predictions.truth.astype(np.int64)
    chosen_on = predictions if part == "validation" else _validation(folder, model)
    return Evaluation(
        **common,
        confusion=confusion(truth, predictions.scores.argmax(axis=1), len(model.classes)),
        mistakes=_mistakes(predictions, truth, model.classes, loaded),
        **trust(predictions, chosen_on, model.temperature, target),
        **(looks(model, predictions, loaded) if own else {}),
        templates=tuple(
            Sample(name, np.asarray(Image.open(io.BytesIO(base64.b64decode(picture)))))
            for name, picture in zip(model.classes, found.get("templates", ()), strict=False)
        ),
    )


def _validation(folder: RunFolder, model: TrainedModel) -> Predictions:
    return read_predictions(folder.predictions("validation"), model.task, model.classes)


def _labels(folder: RunFolder, model: TrainedModel, loaded: Loaded | None) -> LabelCheck | None:
    """Return the labels of the samples left out of training that the network contradicts."""
    if not model.classes:
        return None
    told = _validation(folder, model)
    truth = told.truth.astype(np.int64)
    if (told.scores.argmax(axis=1) == truth).mean() <= np.bincount(truth).max() / len(truth):
        return None  # what knows less than the commonest class accuses no label
    return check_labels(told, model.classes, lambda key: _shown(key, loaded))


def _mistakes(
    predictions: Predictions, truth: NDArray[np.int64], classes: tuple[str, ...], loaded: Loaded | None
) -> tuple[Mistake, ...]:
    guessed, sure = predictions.scores.argmax(axis=1), predictions.scores.max(axis=1)
    wrong = np.flatnonzero(guessed != truth)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    return tuple(
        Mistake(
            _shown(predictions.keys[index], loaded),
            classes[truth[index]],
            classes[guessed[index]],
            float(sure[index]),
            predictions.keys[index],
        )
        for index in worst
    )


def _far_off(predictions: Predictions, loaded: Loaded | None) -> tuple[Mistake, ...]:
    error = np.abs(predictions.truth - predictions.scores)
    return tuple(
        Mistake(
            _shown(predictions.keys[index], loaded),
            f"{predictions.truth[index]:.4g}",
            f"{predictions.scores[index]:.4g}",
            None,
            predictions.keys[index],
        )
        for index in np.argsort(-error, kind="stable")[:WORST]
    )


def _shown(key: str, loaded: Loaded | None) -> Any:
    if loaded is None or key not in loaded.dataset.keys:
        return ""
    row = loaded.dataset.keys.index(key)
    if loaded.inputs is not None:
        return np.asarray(loaded.inputs[row])
    if not isinstance(loaded.dataset.samples, Table):
        return ""
    cells = list(loaded.dataset.samples.frame.iloc[row].items())
    words = [f"{name} {_cell(value)}" for name, value in cells[:CELLS]]
    return ", ".join([*words, *((f"{len(cells) - CELLS} more",) if len(cells) > CELLS else ())])


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "missing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
