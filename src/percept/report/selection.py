"""A selection as the report shows it: weight decay against error, the candidates side by side, and what was chosen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from percept.report.content import Score, Selection, Tried
from percept.report.drawing import BLUE, COLUMN, GREEN, INK, ORANGE, QUIET, inline_svg
from percept.report.wording import metric_name, number, score_interval, score_value, short_label

MOST_FOLDS = 20  # splits whose figures are drawn as dots; more of them tell nothing by themselves
MOST_SHAPES = 5  # curves in one figure
COLORS = (BLUE, ORANGE, "#cc79a7", "#56b4e9", QUIET)
MARKERS = ("o", "s", "^", "D", "v")


@dataclass(frozen=True)
class SelectionView:
    """A selection as it is shown.

    Attributes:
        record: what was found.
        drawing: the figure.
        caption: what it shows.
        rows: the candidates, the best mean first, each with its number.
    """

    record: Selection
    drawing: str
    caption: str
    rows: tuple[tuple[int, Tried], ...]


def selection_view(selection: Selection) -> SelectionView:
    """Return the drawing and the table of a selection."""
    sign = -1 if selection.higher_is_better else 1
    order = sorted(
        enumerate(selection.candidates),
        key=lambda pair: (pair[0] != selection.best, math.isnan(pair[1].mean), sign * pair[1].mean),
    )
    decays = {each.decay for each in selection.candidates}
    if None not in decays and len(decays) > 1:
        caption = f"Weight decay (gamma) against {metric_name(selection.metric)}, on samples left out and learned from."
        return SelectionView(selection, decay_curves(selection, name="selection"), caption, tuple(order))
    caption = f"The candidates' {metric_name(selection.metric)} on the samples left out."
    return SelectionView(selection, candidate_rows(selection, name="selection"), caption, tuple(order))


def decay_curves(selection: Selection, *, name: str) -> str:
    """Return the figure on the samples left out over weight decay, with folds and restarts as dots.

    Args:
        selection: its candidates all have a weight decay.
        name: what its ids begin with.

    Source: notes §2.5.3, "Gamma selection".
    """
    shapes = _shapes(selection)

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        place = _log_axis(axes, [each.decay or 0.0 for each in selection.candidates])
        for number_, (shape, tried) in enumerate(list(shapes.items())[:MOST_SHAPES]):
            color = COLORS[number_]
            tried = sorted(tried, key=lambda each: each.decay or 0.0)
            across = [place(each.decay) for each in tried]
            _dots(axes, tried, across, color)
            label = shape if len(shapes) > 1 else "left out"
            axes.plot(
                across, [each.mean for each in tried], color=color, marker=MARKERS[number_], label=label, zorder=4
            )
            if any(each.train is not None for each in tried):
                train = [math.nan if each.train is None else each.train for each in tried]
                said = "learned from" if number_ == 0 else None
                axes.plot(across, train, color=color, linestyle="--", linewidth=1.2, alpha=0.8, label=said, zorder=3)
        _mark(axes, selection, place)
        if selection.nested is not None:
            _nested(axes, selection.nested)
        axes.set_xlabel("weight decay (gamma)")
        axes.set_ylabel(metric_name(selection.metric))
        _limits(axes, selection)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8.5)

    best = selection.candidates[selection.best]
    simplest = selection.candidates[selection.simplest]
    said = f"The best mean, {number(best.mean)}, is at a weight decay of {best.decay:g}; the strongest decay within one"
    said += f" standard error of it is {simplest.decay:g}, with {number(simplest.mean)}."
    if selection.nested is not None:
        said += f" Nested: {score_value(selection.nested)} ({score_interval(selection.nested)})."
    title = f"Weight decay against {metric_name(selection.metric)}"
    return inline_svg(draw, name=name, title=title, description=said, width=1.08 * COLUMN, height=320)


def candidate_rows(selection: Selection, *, name: str) -> str:
    """Return the candidates' figures on the samples left out as rows of dots, the mean with its standard error.

    Args:
        selection: any.
        name: what its ids begin with.
    """
    tried = selection.candidates
    labels = [short_label(", ".join(f"{key} {value}" for key, value in each.params.items()), 26) for each in tried]

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        for place, each in enumerate(tried):
            color = GREEN if place == selection.best else QUIET
            if len(each.folds) <= MOST_FOLDS:
                axes.scatter(each.folds, [place] * len(each.folds), s=14, color=color, alpha=0.45, linewidths=0)
            axes.errorbar(each.mean, place, xerr=each.error, fmt="|", markersize=15, markeredgewidth=2.5, color=color)
        if selection.nested is not None:
            value, low, high = selection.nested
            axes.axvspan(low, high, color=ORANGE, alpha=0.12, linewidth=0)
            axes.axvline(value, color=ORANGE, linestyle=":", label="nested")
        axes.set_yticks(range(len(tried)), labels)
        axes.set_ylim(len(tried) - 0.4, -0.6)
        axes.set_xlabel(metric_name(selection.metric))
        axes.grid(False, axis="y")

    best = selection.candidates[selection.best]
    return inline_svg(
        draw,
        name=name,
        title=f"{metric_name(selection.metric)} of the candidates",
        description=f"The best mean is {number(best.mean)}, with a standard error of {number(best.error)}.",
        height=70 + 24 * len(tried),
    )


def _shapes(selection: Selection) -> Mapping[str, list[Tried]]:
    found: dict[str, list[Tried]] = {}
    for each in selection.candidates:
        found.setdefault(each.shape, []).append(each)
    return found


def _log_axis(axes: Axes, decays: Sequence[float]) -> "_Place":
    """Give the axes a log scale on which a decay of 0 has a place of its own, left of the weakest."""
    positive = [decay for decay in decays if decay > 0]
    place = _Place(min(positive, default=1.0) / 10)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=7))
    zero = place.zero if 0.0 in decays else -1.0
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if math.isclose(value, zero) else f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    return place


@dataclass(frozen=True)
class _Place:
    """Where a weight decay stands on the axis."""

    zero: float

    def __call__(self, decay: float | None) -> float:
        return decay or self.zero


def _dots(axes: Axes, tried: Sequence[Tried], across: Sequence[float], color: str) -> None:
    for each, at in zip(tried, across, strict=True):
        if 1 < len(each.folds) <= MOST_FOLDS:
            axes.scatter([at] * len(each.folds), each.folds, s=12, color=color, alpha=0.3, linewidths=0, zorder=2)
        if len(each.restarts) > 1:
            shifted = [at * 1.12] * len(each.restarts)
            axes.scatter(shifted, each.restarts, s=11, facecolors="none", edgecolors=color, linewidths=0.8, zorder=3)


def _mark(axes: Axes, selection: Selection, place: _Place) -> None:
    """Mark the chosen candidate, and the simplest one within a standard error of it."""
    best, simplest = selection.candidates[selection.best], selection.candidates[selection.simplest]
    axes.errorbar(
        [place(best.decay)], [best.mean], [best.error], color=GREEN, fmt="o", markersize=9, label="chosen", zorder=5
    )
    if selection.simplest != selection.best:
        axes.plot(
            [place(simplest.decay)],
            [simplest.mean],
            color=INK,
            marker="o",
            markersize=9,
            markerfacecolor="none",
            linestyle="",
            label="within one standard error",
            zorder=5,
        )


def _nested(axes: Axes, nested: Score) -> None:
    value, low, high = nested
    axes.axhspan(low, high, color=INK, alpha=0.08, linewidth=0, zorder=0)
    axes.axhline(value, color=INK, linestyle=":", linewidth=1.2, label="nested, whole choice", zorder=1)


def _limits(axes: Axes, selection: Selection) -> None:
    """Cut the axis where a candidate that learned nothing would flatten all others."""
    means = np.array([each.mean for each in selection.candidates])
    means = means[np.isfinite(means)]
    if selection.higher_is_better or not len(means) or means.min() <= 0 or means.max() < 30 * means.min():
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
