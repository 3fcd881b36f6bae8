"""The audit of a table: its columns, its rows, its target."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from percept.data.audit.classes import audit_classes
from percept.data.audit.columns import audit_columns, numbered
from percept.data.audit.finding import Finding, counted, gravest_first
from percept.data.audit.leaks import audit_leaks
from percept.data.dataset import Dataset, Table, Target
from percept.data.duplicates import row_digests

FAR = 3  # interquartile ranges beyond the quartiles from which a target is an outlier
SKEWED = 2  # skewness from which a few large values rule the squared error; 2 is the exponential distribution's


def audit_table(dataset: Dataset) -> tuple[Finding, ...]:
    """Return what is wrong with a labelled table, gravest first.

    Args:
        dataset: the rows as the user gave them.

    Returns:
        Findings on missing cells, columns that tell nothing or too much, repeated rows, and the target.

    Raises:
        TypeError: the samples are pictures.
    """
    if not isinstance(dataset.samples, Table):
        raise TypeError("audit_table takes a table; audit_pictures takes pictures")
    frame, target = dataset.samples.frame, dataset.target
    columns = numbered(frame)
    return gravest_first(
        [
            *audit_classes(dataset),
            *audit_leaks(columns, target),
            *_repeated(dataset, row_digests(frame)),
            *_figures(target, dataset.keys),
            *audit_columns(columns),
        ]
    )


def _repeated(dataset: Dataset, digests: Sequence[str]) -> Iterator[Finding]:
    """Yield what rows with equal features do: contradict each other, stand in two parts, or merely repeat."""
    rows = pd.DataFrame(
        {"features": pd.factorize(np.asarray(digests))[0], "target": dataset.target.values, "part": dataset.given}
    )
    different = rows.groupby("features")[["target", "part"]].transform("nunique") > 1
    contradicting, crossing = different["target"].to_numpy(), different["part"].to_numpy()
    if contradicting.any():
        yield _contradicting(dataset, rows, contradicting)
    if crossing.any():
        number = int(crossing.sum())
        text = (
            f"{number:,} rows have features that also stand in another part: figures would be too good,"
            " unless they are different cases that happen to be alike"
        )
        yield Finding("warning", text, _names(dataset, crossing), "rows_across_parts", number)
    repeated = rows.duplicated(["features", "target"]).to_numpy()
    if repeated.any():
        number = int(repeated.sum())
        text = (
            f"{counted(number, 'row repeats', 'rows repeat')} an earlier one;"
            " percept fit never puts equal rows on two sides of a split"
        )
        yield Finding("note", text, _names(dataset, repeated), "repeated_rows", number)


def _contradicting(dataset: Dataset, rows: pd.DataFrame, flags: NDArray[np.bool_]) -> Finding:
    number, name = int(flags.sum()), dataset.target.name
    files = _names(dataset, flags)
    if dataset.target.task == "regression":
        text = (
            f"{number:,} rows agree in every feature with another row but not in {name}: no model can tell them apart"
        )
        return Finding("note", text, files, "contradicting_rows", number)
    # The best that can be done is to answer, for each set of features, its commonest class.
    best = rows.groupby(["features", "target"]).size().groupby("features").max().sum()
    text = (
        f"{number:,} rows agree in every feature with another row but not in {name}:"
        f" any model is wrong on at least {len(rows) - best:,} of them"
    )
    return Finding("warning", text, files, "contradicting_rows", number)


def _figures(target: Target, keys: tuple[str, ...]) -> Iterator[Finding]:
    """Yield what is odd about a regression target."""
    if target.task != "regression":
        return
    figures = target.values.astype(np.float64)
    low, high = np.quantile(figures, [0.25, 0.75])  # half of all values lie between them
    reach = FAR * (high - low)
    far = (figures < low - reach) | (figures > high + reach)
    if reach > 0 and far.any():
        number, farthest = int(far.sum()), int(np.abs(figures - (low + high) / 2).argmax())
        text = (
            f"{counted(number, 'value')} of {target.name} {'lies' if number == 1 else 'lie'} far from the rest"
            f" (half of all in {low:g} to {high:g}, the farthest is {figures[farthest]:g}):"
            " wrong ones would weigh heavily in the squared error"
        )
        yield Finding(
            "warning", text, tuple(key for key, flag in zip(keys, far, strict=True) if flag), "far_targets", number
        )
    skewness = float(stats.skew(figures)) if np.ptp(figures) > 0 else 0.0
    if abs(skewness) > SKEWED:
        remedy = "; its logarithm may be easier to learn" if skewness > 0 and figures.min() > 0 else ""
        text = (
            f"{target.name} is skewed to one side (skewness {skewness:.1f}):"
            f" its few extreme values rule the squared error{remedy}"
        )
        yield Finding("note", text, (), "skewed_target", len(figures))


def _names(dataset: Dataset, flags: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(dataset.keys[row] for row in np.flatnonzero(flags))
