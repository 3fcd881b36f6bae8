"""The report's section on the data: what it holds, how it was split, and a few samples of it."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from percept.data.dataset import Dataset, Table, Target
from percept.data.split_file import read_splits
from percept.models.file import TrainedModel
from percept.report.content import Column, DataSummary, Remark, Sample
from percept.runs.folder import RunFolder
from percept.runs.recipe import Recipe
from percept.workflow.samples import Loaded

SHOWN = 24  # samples in the grid, or one of each class
MOST_SHOWN = 40  # classes that the grid shows
ROWS = ("contradicting_rows", "far_targets", "repeated_rows", "rows_across_parts")  # findings that name rows

OUT = {"copy of": "they equal a sample of another part", "near copy of": "they nearly equal a sample of another part"}


def summarize_data(
    folder: RunFolder,
    recipe: Recipe,
    model: TrainedModel,
    parts: pd.DataFrame,
    findings: dict[str, Any],
    notes: tuple[str, ...],
    loaded: Loaded | None,
) -> DataSummary:
    """Return the section on the data.

    Args:
        folder: the run.
        recipe: its choices.
        model: its model.
        parts: `splits.csv`.
        findings: what `percept fit` found.
        notes: how the data were understood.
        loaded: the samples; None where the data are gone, and then nothing of them is shown.
    """
    return DataSummary(
        name=recipe.data.source,
        kind="image" if recipe.data.image_size else "table",
        target=model.target,
        counts=_counts(parts, model.classes),
        notes=(_split_words(parts, recipe), *notes),
        findings=tuple(_remark(each) for each in findings.get("audit", ())),
        samples=_samples(folder, loaded) if loaded is not None else (),
        columns=_columns(loaded.dataset) if loaded is not None else (),
    )


def _remark(finding: dict[str, Any]) -> Remark:
    files: tuple[str, ...] = tuple(finding["files"])
    if finding["kind"] in ROWS:
        files = tuple(f"row {name}" for name in files)
    if finding["kind"] == "class_counts":
        files = ()  # the table of counts beside it names them all
    return Remark(finding["text"], finding["severity"], files)


def _split_words(parts: pd.DataFrame, recipe: Recipe) -> str:
    counts = Counter(parts["part"])
    what = "pictures" if recipe.data.image_size else "rows"
    sealed = {
        "given": f"{counts['test']:,} are the test set that came with the data",
        "none": "none are sealed for a test",
    }.get(recipe.data.test or "", f"{counts['test']:,} were sealed for the test before training began")
    left = f"; {counts['out']:,} were left out, because {_why_out(parts)}" if counts["out"] else ""
    validates = f"{counts['validation']:,} validate it " if counts["validation"] else "each validating it in turn, "
    return f"Of {len(parts):,} {what}, {counts['train']:,} train the network, {validates}and {sealed}{left}."


def _why_out(parts: pd.DataFrame) -> str:
    # a reason reads "copy of test/rose/a.jpg", "near copy of val/rose/b.jpg" or "same group as row 7"
    reasons = Counter(
        next((words for start, words in OUT.items() if reason.startswith(start)), "their group stands in another part")
        for reason in parts.loc[parts["part"] == "out", "reason"]
    )
    return " or ".join(reasons)


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
    # evenly over a class, as files that follow each other often look alike; over the classes, where they are many
    shown = by_class if len(by_class) <= MOST_SHOWN else [by_class[at] for at in spread(len(by_class), MOST_SHOWN)]
    chosen = [members[at] for members in shown for at in spread(len(members), each)]
    return tuple(Sample(target.classes[int(target.values[row])], np.asarray(loaded.inputs[row])) for row in chosen)


def spread(count: int, most: int) -> list[int]:
    """Return at most so many places among `count`, evenly apart, the first one among them.

    Example:
        >>> spread(10, 4), spread(2, 4)
        ([0, 2, 5, 7], [0, 1])
    """
    return [place * count // most for place in range(most)] if count > most else list(range(count))


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
