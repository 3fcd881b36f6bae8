"""The drawings of the report, each a function from plain data to an inline SVG."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from percept.report.content import CalibrationBin, EpochRow, RateRange, Score
from percept.report.drawing import BLUE, COLUMN, FAINT, GREEN, INK, ORANGE, QUIET, inline_svg
from percept.report.wording import MINUS, columns_wide, metric_name, number, score_interval, score_value, short_label

MANY_POINTS = 1500
"""Above so many points a scatter is drawn as one bitmap within the SVG, which keeps the report small."""
FEW_EPOCHS = 30
"""Up to so many epochs each one has a marker."""
WHOLE = 780.0
"""Width of a confusion matrix of many classes with its names, points: what the page has on a desk."""
SMALLEST = 6.2
"""Smallest letters of a confusion matrix, points."""
LETTER = 0.64
"""How wide a letter of a class name is at most on average, in font sizes."""


def loss_curves(history: Sequence[EpochRow], chosen_epoch: int, *, name: str) -> str:
    """Return the losses over the epochs, the chosen epoch marked."""
    epochs = [row.epoch for row in history]
    train = finite([row.train_loss for row in history])
    validation = finite([row.validation_loss for row in history])
    said = f", validation loss from {ends(validation)}" if np.isfinite(validation).any() else ""

    def draw(figure: Figure) -> None:
        axes = epoch_axes(figure, chosen_epoch)
        few = len(epochs) <= FEW_EPOCHS
        axes.plot(epochs, train, color=BLUE, label="training", marker="o" if few else "")
        if np.isfinite(validation).any():
            axes.plot(epochs, validation, color=ORANGE, linestyle="--", label="validation", marker="s" if few else "")
        both = np.concatenate([train, validation])
        both = both[np.isfinite(both)]
        if len(both) and both.min() > 0 and both.max() > 30 * both.min():
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")  # the usual one writes powers in TeX
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylabel("loss")
        axes.legend()

    return inline_svg(
        draw,
        name=name,
        title="Loss over the epochs",
        description=f"Training loss goes from {ends(train)}{said}; the weights of epoch {chosen_epoch} were kept.",
    )


def rate_curve(found: RateRange, *, name: str) -> str:
    """Return the losses of a range test over its learning rates, the rate that was taken marked."""

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        axes.plot(found.rates, found.losses, color=QUIET, linewidth=0.8, label="each step")
        axes.plot(found.rates, found.smoothed, color=BLUE, label="running average")
        if found.suggested is not None:
            axes.axvline(found.suggested, color=GREEN, linewidth=1.2, linestyle="-.", label="taken")
        low, high = min(found.smoothed), max(found.smoothed[: max(10, len(found.smoothed) // 3)])
        axes.set_ylim(min(min(found.losses), low), high + 0.6 * (high - low) + 1e-9)  # where it diverges it leaves
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")  # the usual one writes powers in TeX
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="learning rate", ylabel="loss")
        axes.legend()

    return inline_svg(draw, name=name, title="Loss over growing learning rates", description=found.sentence)


def metric_curve(history: Sequence[EpochRow], metric: str, chosen_epoch: int, *, name: str) -> str:
    """Return one validation metric over the epochs, the chosen epoch marked."""
    values = finite([row.metrics.get(metric) for row in history])

    def draw(figure: Figure) -> None:
        axes = epoch_axes(figure, chosen_epoch)
        marker = "s" if len(history) <= FEW_EPOCHS else ""
        axes.plot([row.epoch for row in history], values, color=ORANGE, linestyle="--", marker=marker)
        axes.set_ylabel(metric_name(metric))

    return inline_svg(
        draw,
        name=name,
        title=f"Validation {metric_name(metric)} over the epochs",
        description=f"It goes from {ends(values)}; the weights of epoch {chosen_epoch} were kept.",
    )


def confusion_matrix(counts: NDArray[np.int64], classes: Sequence[str], *, name: str) -> str:
    """Return the confusion matrix, colored by the share of each true class.

    Args:
        counts: (classes, classes) samples, a row for each true class.
        classes: class names.
        name: what its ids begin with.

    Up to 25 classes every cell is wide enough for its count, beyond that those are counted whose number fits; up to
    about 100 every class is named, beyond that every second, and so on.
    """
    labels = [short_label(text) for text in classes]
    compact = len(classes) <= 25
    font = 8.5 if compact else max(SMALLEST, min(8.5, 0.4 * WHOLE / len(classes)))
    cell, left, top = matrix_measures(labels, font, compact=compact)
    side = cell * len(classes)
    width, height = left + side + 2, top + side + 2
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((left / width, 1 / height, side / width, side / height))
        # The root lifts rare confusions out of the white.
        axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1.15, interpolation="none", aspect="auto")
        name_classes(axes, labels, font, cell)
        for row, column in np.argwhere(counts > 0) if cell > SMALLEST + 3 else ():
            color = "white" if share[row, column] > 0.35 else INK
            text = f"{counts[row, column]}"
            size = min(font, 1.5 * (cell - 3) / len(text))
            if compact or size >= SMALLEST:
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=size)

    right = int(np.trace(counts))
    return inline_svg(
        draw,
        name=name,
        title="Confusion matrix",
        description=f"{right} of {int(counts.sum())} samples lie on the diagonal; a row for each true class, "
        "a column for each predicted class.",
        width=width,
        height=height,
    )


def calibration_curve(bins: Sequence[CalibrationBin], after: Sequence[CalibrationBin] = (), *, name: str) -> str:
    """Return the share of right predictions over their confidence, with how many there are of each.

    Args:
        bins: of the network's own probabilities.
        after: of the same ones with a temperature; none are drawn where there are none.
        name: what its ids begin with.
    """
    filled = [one for one in bins if one.count > 0]
    confidence = [one.confidence for one in filled]
    accuracy = [one.accuracy for one in filled]
    bars = [[max(0.0, one.accuracy - one.low) for one in filled], [max(0.0, one.high - one.accuracy) for one in filled]]

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
        upper.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=":", label="perfectly calibrated")
        upper.errorbar(
            confidence, accuracy, np.nan_to_num(bars), color=BLUE, fmt="o", elinewidth=1, label="this network"
        )
        scaled = [one for one in after if one.count > 0]
        if scaled:
            pairs = [one.confidence for one in scaled], [one.accuracy for one in scaled]
            upper.plot(*pairs, color=ORANGE, linestyle="--", linewidth=1, marker="s", label="with temperature")
        upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="share that is right")
        figure.legend(*upper.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        lower.bar(confidence, [one.count for one in filled], width=0.04, color=BLUE)
        lower.set(xlabel="probability of the predicted class", ylabel="samples")
        lower.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        lower.grid(False)

    points = ", ".join(f"{number(one.accuracy, 2)} right at {number(one.confidence, 2)}" for one in filled)
    return inline_svg(draw, name=name, title="Calibration curve", description=f"{points}.", height=290)


def score_comparison(rows: Sequence[tuple[str, Score]], metric: str, *, name: str) -> str:
    """Return the scores of several methods with their intervals, the first one (the network) in color."""
    labels = [short_label(text, 22) for text, _ in rows]

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        for place, (_, (value, low, high)) in enumerate(rows):
            color = BLUE if place == 0 else QUIET
            axes.plot([low, high], [place, place], color=color, alpha=0.4, linewidth=9, solid_capstyle="butt")
            axes.plot([value], [place], color=color, marker="|", markersize=17, markeredgewidth=2.5)
        axes.set_yticks(range(len(rows)), labels)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(metric_name(metric))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)

    said = "; ".join(f"{text} {score_value(score)} ({score_interval(score)})" for text, score in rows)
    title = f"{metric_name(metric)} of the network and of the baselines, with 95 % intervals"
    return inline_svg(draw, name=name, title=title, description=said, height=62 + 30 * len(rows))


def truth_scatter(truth: NDArray[np.float64], predicted: NDArray[np.float64], target: str, *, name: str) -> str:
    """Return the predicted values over the true ones; a perfect network lies on the diagonal.

    Args:
        truth: (samples,) true values.
        predicted: (samples,) predicted values.
        target: what is predicted.
        name: what its ids begin with.
    """

    def draw(figure: Figure) -> None:
        axes = scatter(figure, truth, predicted)
        low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
        axes.plot([low, high], [low, high], color=ORANGE, linewidth=1.4, linestyle="--", label="predicted = true")
        axes.set(xlabel=f"true {short_label(target, 32)}", ylabel=f"predicted {short_label(target, 20)}")
        axes.legend(loc="upper left")

    return inline_svg(
        draw,
        name=name,
        title="Predicted over true values",
        description=f"{len(truth)} samples; true values from {number(truth.min())} to {number(truth.max())}, "
        f"predicted from {number(predicted.min())} to {number(predicted.max())}.",
        height=290,
    )


def residual_scatter(truth: NDArray[np.float64], predicted: NDArray[np.float64], target: str, *, name: str) -> str:
    """Return the residuals, true minus predicted, over the predicted values; arguments as in `truth_scatter`."""
    residuals = truth - predicted

    def draw(figure: Figure) -> None:
        axes = scatter(figure, predicted, residuals)
        axes.axhline(0, color=ORANGE, linewidth=1.4, linestyle="--")
        axes.set(xlabel=f"predicted {short_label(target, 32)}", ylabel=f"true {MINUS} predicted")

    return inline_svg(
        draw,
        name=name,
        title="Residuals over predicted values",
        description=f"Half of the residuals lie between {number(float(np.quantile(residuals, 0.25)))} "
        f"and {number(float(np.quantile(residuals, 0.75)))}.",
        height=290,
    )


def finite(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Return the values with nan, which leaves a gap in a curve, for what is missing or infinite."""
    array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.where(np.isfinite(array), array, np.nan)


def ends(values: NDArray[np.float64]) -> str:
    """Return the first and the last of the values in words."""
    return f"{number(float(values[0]))} to {number(float(values[-1]))}" if len(values) else "nothing to nothing"


def epoch_axes(figure: Figure, chosen_epoch: int) -> Axes:
    """Return axes over epochs with the chosen one marked."""
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    axes.axvline(chosen_epoch, color=GREEN, linewidth=1.2, linestyle="-.", label="epoch kept")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return axes


def scatter(figure: Figure, across: ArrayLike, up: ArrayLike) -> Axes:
    """Return axes with one faint dot a sample."""
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    count = np.size(across)
    alpha = float(np.clip(40 / np.sqrt(max(count, 1)) / 2, 0.08, 0.7))
    axes.scatter(across, up, s=14, color=BLUE, alpha=alpha, linewidths=0, rasterized=count > MANY_POINTS)
    return axes


def matrix_measures(labels: Sequence[str], font: float, *, compact: bool) -> tuple[float, float, float]:
    """Return the side of a cell of the confusion matrix and the room left of it and above it, points."""
    longest = LETTER * font * max(map(columns_wide, labels))
    room = longest + 26  # 26: the axis' own name
    fitting = (COLUMN - room) / max(len(labels), 3)
    cell = min(max(22.0, fitting), 72.0) if compact else (WHOLE - room - 2) / len(labels)
    return cell, room, room if longest > cell else 1.5 * font + 26


def name_classes(axes: Axes, labels: Sequence[str], font: float, cell: float) -> None:
    """Write the class names left of the matrix and above it, leaving some out where they would touch."""
    step = int(np.ceil((font + 0.5) / cell))
    places = range(0, len(labels), step)
    shown = [labels[place] for place in places]
    upright = LETTER * font * max(map(columns_wide, labels)) <= cell
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xticks(places, shown, fontsize=font, rotation=0 if upright else 90)
    axes.set_yticks(places, shown, fontsize=font)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.grid(False)
    axes.tick_params(length=0, pad=3)
    for spine in axes.spines.values():
        spine.set(visible=True, color=FAINT)
