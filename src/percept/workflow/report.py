"""From a run folder to its report: everything is read back from the run's own files."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.dataset import Dataset, Table, Target
from percept.data.splits import read_splits
from percept.errors import PerceptError, RunFolderError
from percept.evaluation.calibration import calibration
from percept.evaluation.metrics import confusion
from percept.models.file import TrainedModel, load_model
from percept.report.content import (
    Baseline,
    CalibrationBin,
    Column,
    DataSummary,
    EpochRow,
    Evaluation,
    Mistake,
    Opening,
    Remark,
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
from percept.workflow.samples import Loaded, reload

SHOWN = 24  # samples in the grid
WORST = 12  # mistakes shown
METHOD = (
    "95 % bootstrap intervals, over samples (or over groups where --group was given); where every sample went the"
    " same way, the exact binomial limit."
)


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
    model = load_model(folder.model)
    findings = read_findings(folder)
    notes: tuple[str, ...] = tuple(findings["notes"])
    if loaded is None:
        try:
            loaded = reload(recipe, folder, model.preprocessing, data)
        except PerceptError as error:
            if data is not None:
                raise
            notes = (*notes, f"The data could not be read again, so samples and mistakes are not shown: {error}")
    return write_report(folder.report, _content(folder, recipe, model, findings, notes, loaded))


def read_findings(folder: RunFolder) -> dict[str, Any]:
    """Return what `percept fit` found: notes, audit, validation figures, baselines."""
    try:
        values: dict[str, Any] = json.loads(folder.findings.read_text(encoding="utf-8"))
        return values
    except (OSError, json.JSONDecodeError) as error:
        raise RunFolderError(f"{folder.findings} cannot be read ({error}); fit again to have it written") from error


def _content(
    folder: RunFolder,
    recipe: Recipe,
    model: TrainedModel,
    findings: dict[str, Any],
    notes: tuple[str, ...],
    loaded: Loaded | None,
) -> ReportContent:
    validation = _evaluation("validation", folder, model, findings["validation"], loaded)
    ledger = read_ledger(folder.ledger)
    test = None
    if ledger:
        test = _evaluation("test", folder, model, asdict(ledger[-1]), loaded)
    return ReportContent(
        title=folder.path.resolve().name,
        created=findings["created"],
        summary=_summary(model, recipe, test),
        run=str(folder.path),
        command=findings["command"],
        seed=recipe.training.seed,
        versions=findings["versions"],
        recipe=recipe.to_toml(),
        classes=model.classes,
        data=_data(folder, recipe, model, findings, notes, loaded),
        training=Training(
            history=_history(folder),
            chosen_epoch=findings["chosen_epoch"],
            metric=recipe.training.metric or "loss",
            health=tuple(findings.get("health", ())),
            model=_model_words(model),
        ),
        validation=validation,
        test=test,
        openings=tuple(Opening(each.number, each.time, _scores(each.figures)) for each in ledger),
    )


def _summary(model: TrainedModel, recipe: Recipe, test: Evaluation | None) -> tuple[str, ...]:
    output = "softmax over the classes" if model.classes else "a linear output"
    what = f"The target {model.target!r} is predicted by {output}, trained on"
    loss = "cross-entropy." if model.classes else "squared error."
    sealed = {
        "none": "No test set was kept: these figures are of the validation part, which chose the weights.",
    }.get(recipe.data.test or "", "The test set is sealed; percept evaluate opens it.")
    return f"{what} {loss}", *(() if test else (sealed,))


def _model_words(model: TrainedModel) -> str:
    weights = sum(parameter.numel() for parameter in model.network.parameters())
    return f"{model.architecture}, {weights:,} weights"


def _history(folder: RunFolder) -> tuple[EpochRow, ...]:
    frame = pd.read_csv(folder.history)
    named = {name: name.removeprefix("validation_") for name in frame.columns if name.startswith("validation_")}
    return tuple(
        EpochRow(
            int(row["epoch"]),
            float(row["train_loss"]),
            float(row["validation_loss"]),
            {short: float(row[name]) for name, short in named.items() if short != "loss"},
        )
        for _, row in frame.iterrows()
    )


def _score(figure: dict[str, float | None]) -> Score:
    value, low, high = (np.nan if figure[end] is None else float(figure[end] or 0) for end in ("value", "low", "high"))
    return value, low, high


def _scores(figures: dict[str, dict[str, float | None]]) -> dict[str, Score]:
    return {name: _score(figure) for name, figure in figures.items()}


def _evaluation(
    part: Any, folder: RunFolder, model: TrainedModel, found: dict[str, Any], loaded: Loaded | None
) -> Evaluation:
    predictions = read_predictions(folder.predictions(part), model.task, model.classes)
    baselines = tuple(
        Baseline(name, _scores(each["figures"]), each["note"]) for name, each in (found["baselines"] or {}).items()
    )
    common = {
        "part": part,
        "samples": len(predictions.keys),
        "scores": _scores(found["figures"]),
        "method": METHOD,
        "baselines": baselines,
        "verdict": found["verdict"],
    }
    if not model.classes:
        return Evaluation(
            **common,
            mistakes=_far_off(predictions, loaded),
            truth=predictions.truth.astype(np.float64),
            predicted=predictions.scores,
        )
    truth = predictions.truth.astype(np.int64)
    reliability = calibration(truth, predictions.scores)
    return Evaluation(
        **common,
        confusion=confusion(truth, predictions.scores.argmax(axis=1), len(model.classes)),
        mistakes=_mistakes(predictions, truth, model.classes, loaded),
        calibration=tuple(CalibrationBin(each.confidence, each.accuracy, each.count) for each in reliability.bins),
        calibration_error=reliability.error,
    )


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
        return key
    row = loaded.dataset.keys.index(key)
    if loaded.inputs is not None:
        return np.asarray(loaded.inputs[row])
    if not isinstance(loaded.dataset.samples, Table):
        return key
    cells = loaded.dataset.samples.frame.iloc[row]
    return ", ".join(f"{name} {_cell(value)}" for name, value in list(cells.items())[:8])


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _data(
    folder: RunFolder,
    recipe: Recipe,
    model: TrainedModel,
    findings: dict[str, Any],
    notes: tuple[str, ...],
    loaded: Loaded | None,
) -> DataSummary:
    table = pd.read_csv(folder.splits, dtype=str, keep_default_na=False)
    return DataSummary(
        name=recipe.data.source,
        kind="image" if recipe.data.image_size else "table",
        target=model.target,
        counts=_counts(table, model.classes),
        notes=notes,
        findings=tuple(
            Remark(each["text"], each["severity"], tuple(each["files"])) for each in findings.get("audit", ())
        ),
        samples=_samples(folder, loaded) if loaded is not None else (),
        columns=_columns(loaded.dataset) if loaded is not None else (),
    )


def _counts(table: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    counts: dict[str, tuple[int, ...]] = {}
    for part in ("train", "validation", "test", "out"):
        rows = table[table["part"] == part]
        if not len(rows):
            continue
        found = Counter(rows["target"])
        counts[part] = tuple(found[name] for name in classes) if classes else (len(rows),)
    return counts


def _samples(folder: RunFolder, loaded: Loaded) -> tuple[Sample, ...]:
    if loaded.inputs is None:
        return ()
    target: Target = loaded.dataset.target
    parts = read_splits(folder.splits, loaded.dataset.keys)
    rows = np.flatnonzero(parts == "train")
    by_class = [rows[target.values[rows] == number] for number in range(len(target.classes))]
    each = max(1, SHOWN // max(1, len(by_class)))
    chosen = [row for members in by_class for row in members[:each]][: max(SHOWN, len(by_class))][:40]
    return tuple(Sample(target.classes[int(target.values[row])], np.asarray(loaded.inputs[row])) for row in chosen)


def _columns(dataset: Dataset) -> tuple[Column, ...]:
    if not isinstance(dataset.samples, Table):
        return ()
    return tuple(_column(str(name), dataset.samples.frame[name]) for name in dataset.samples.frame.columns)


def _column(name: str, values: "pd.Series[Any]") -> Column:
    missing = int(values.isna().sum())
    present = values.dropna()
    if not len(present):
        return Column(name, "empty", missing)
    if pd.api.types.is_numeric_dtype(values):
        low, middle, high = (float(present.quantile(share)) for share in (0, 0.5, 1))
        return Column(name, "numeric", missing, f"median {middle:.4g}, from {low:.4g} to {high:.4g}")
    counts = present.astype(str).value_counts()
    values_word = "1 value" if len(counts) == 1 else f"{len(counts)} values"
    return Column(name, "categorical", missing, f"{values_word}, most often {counts.index[0]}")
