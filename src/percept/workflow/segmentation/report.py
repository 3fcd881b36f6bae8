"""From a segmenter's run to its report: figures from the run's files, overlays from the pictures and the network."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.masks.drawing import overlay
from percept.data.objects import IGNORE
from percept.data.weight_maps import weight_map
from percept.evaluation.pixel_scores import pixel_scores
from percept.evaluation.segmentation import worst_pictures
from percept.models.file import TrainedModel
from percept.report.content import (
    Baseline,
    DataSummary,
    Evaluation,
    Opening,
    Overlay,
    Remark,
    ReportContent,
    Sample,
    Training,
)
from percept.report.page import write_report
from percept.report.wording import metric_name
from percept.runs.folder import RunFolder
from percept.runs.ledger import read_ledger
from percept.runs.recipe import Recipe
from percept.workflow.chosen import read_selection
from percept.workflow.report import figure_scores, network_section, read_findings, read_history, told_moment
from percept.workflow.report_few import sheet_section
from percept.workflow.report_selection import selection_content
from percept.workflow.segmentation.augmented import crops_sheet
from percept.workflow.segmentation.prepare import PreparedMasks

WORST = 10  # pictures drawn
SHOWN = 12  # training pictures drawn
LEAD = ("mean_iou", "mean_dice", "pixel_accuracy", "object_f1", "average_precision")  # figures that are read first


def report_masks(folder: RunFolder, prepared: PreparedMasks | None, recipe: Recipe, model: TrainedModel) -> Path:
    """Write the report of a segmenter's run.

    Args:
        folder: the run.
        prepared: its pictures and masks; None where the data are gone, and then none are drawn.
        recipe: its choices.
        model: its model.

    Returns:
        Where the report lies.
    """
    findings = read_findings(folder)
    ledger = read_ledger(folder.ledger)
    test = _evaluation("test", folder, model, asdict(ledger[-1]), prepared) if ledger else None
    weights = sum(parameter.numel() for parameter in model.network.parameters())
    words = f"{model.architecture}, {weights:,} weights"
    return write_report(
        folder.report,
        ReportContent(
            title=folder.path.resolve().name,
            created=told_moment(findings["created"]),
            summary=(f"The network ({words}) gives every pixel one of {len(model.classes)} classes.",),
            run=str(folder.path),
            command=findings["command"],
            seed=recipe.training.seed,
            versions=findings["versions"],
            recipe=recipe.to_toml(),
            classes=model.classes,
            data=_data(recipe, findings, prepared, model),
            network=network_section(model),
            training=Training(
                history=read_history(folder),
                chosen_epoch=findings["chosen_epoch"],
                metric=recipe.training.metric or "mean_iou",
                health=tuple(findings.get("health", ())),
                model=words,
                signal=findings.get("signal", ""),
            ),
            validation=_evaluation("validation", folder, model, findings["validation"], prepared),
            test=test,
            selection=selection_content(read_selection(folder)),
            openings=tuple(Opening(each.number, told_moment(each.time), _ordered(each.figures)) for each in ledger),
        ),
    )


def _data(recipe: Recipe, findings: dict[str, Any], prepared: PreparedMasks | None, model: TrainedModel) -> DataSummary:
    counts: dict[str, tuple[int, ...]] = {}
    sealed = 0
    if prepared is not None:
        parts = prepared.split.part
        for part in dict.fromkeys(("train", "validation", "test", *parts.tolist())):
            pixels = prepared.dataset.pixels[parts == part][:, :-1].sum(axis=0)
            if (parts == part).any():
                counts[part] = tuple(pixels.tolist())
        sealed = int((parts == "test").sum())
    augmented = None if prepared is None else crops_sheet(prepared, recipe.training)
    return DataSummary(
        name=recipe.data.source,
        kind="masks",
        target=model.target,
        counts=counts or {"train": (0,) * len(model.classes)},
        notes=tuple(findings["notes"]),
        findings=tuple(Remark(each["text"], each["severity"], tuple(each["files"])) for each in findings["audit"]),
        samples=() if prepared is None else _samples(prepared, recipe),
        augmented=None if augmented is None else sheet_section(*augmented),
        sealed=sealed,
    )


def _samples(prepared: PreparedMasks, recipe: Recipe) -> tuple[Sample, ...]:
    """Return some training pictures with their masks, and the weight map of the first where one was used."""
    colors = prepared.dataset.meaning.colors
    rows = prepared.rows("train")[:SHOWN]
    shown = [
        Sample(prepared.dataset.keys[row], overlay(prepared.pictures[row], prepared.masks[row], colors)) for row in rows
    ]
    if recipe.training.weight_map == "unet" and len(rows):
        first = rows[0]
        objects = None if prepared.objects is None else prepared.objects[first]
        weights = weight_map(prepared.masks[first], np.ones(len(prepared.dataset.classes)).tolist(), objects)
        name = f"weights of {prepared.dataset.keys[first]} in the loss, up to {weights.max():.1f}"
        shown.append(Sample(name, _grey(weights)))
    return tuple(shown)


def _grey(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Return values as a grey picture, the largest white."""
    grey: NDArray[np.uint8] = np.rint(255 * values / max(float(values.max()), 1e-9)).astype(np.uint8)
    return grey


def _evaluation(
    part: Any, folder: RunFolder, model: TrainedModel, found: dict[str, Any], prepared: PreparedMasks | None
) -> Evaluation:
    table = pd.read_csv(folder.predictions(part), dtype={"key": str})
    baselines = tuple(
        Baseline(name, _ordered(each["figures"]), each["note"]) for name, each in (found["baselines"] or {}).items()
    )
    return Evaluation(
        part=part,
        samples=len(table),
        scores=_ordered(found["figures"]),
        method="The intervals are found by drawing the pictures, never the pixels, anew a thousand times (bootstrap).",
        baselines=baselines,
        verdict=found["verdict"],
        overlays=() if prepared is None else _overlays(table, prepared, model),
        legend=() if prepared is None else _legend(prepared),
    )


def _legend(prepared: PreparedMasks) -> tuple[tuple[str, str], ...]:
    meaning = prepared.dataset.meaning
    pairs = zip(meaning.classes, meaning.colors, strict=True)
    return tuple((name, "#{:02x}{:02x}{:02x}".format(*color)) for name, color in pairs)


def _overlays(table: pd.DataFrame, prepared: PreparedMasks, model: TrainedModel) -> tuple[Overlay, ...]:
    worst = worst_pictures(table, count=WORST)
    row_of = {key: row for row, key in enumerate(prepared.dataset.keys)}
    rows = np.array([row_of[key] for key in worst["key"]], dtype=np.int64)
    colors = prepared.dataset.meaning.colors
    device = next(model.network.parameters()).device
    answers = pixel_scores(model.network, prepared.pictures, rows, prepared.preprocessing, device=device)
    drawn = []
    for (_, line), row, scores in zip(worst.iterrows(), rows.tolist(), answers, strict=True):
        picture, truth = prepared.pictures[row], prepared.masks[row]
        told = scores.argmax(axis=0).astype(np.uint8)
        told = np.where(truth == IGNORE, IGNORE, told)
        drawn.append(
            Overlay(
                str(line["key"]),
                np.ascontiguousarray(picture),
                overlay(picture, truth, colors),
                overlay(picture, told, colors),
                f"{metric_name('mean_iou')} {line['mean_iou']:.3f}, {metric_name('pixel_accuracy')}"
                f" {line['pixel_accuracy']:.3f}",
            )
        )
    return tuple(drawn)


def _ordered(figures: dict[str, dict[str, float | None]]) -> dict[str, tuple[float, float, float]]:
    """Return figures as the report takes them, those that are read first in front, none at a single threshold."""
    kept = {
        name: figure for name, figure in figures.items() if not name.startswith(("object_f1[", "average_precision["))
    }
    return figure_scores({name: kept[name] for name in (*LEAD, *kept) if name in kept})
