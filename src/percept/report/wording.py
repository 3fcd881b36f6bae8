"""How the report writes numbers, the names of metrics, and text that came from files."""

import math
import re
import unicodedata

from percept.report.content import Score

METRIC_NAMES = {
    "auroc": "AUROC",
    "log_loss": "log loss",
    "macro_f1": "macro F1",
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "r2": "R²",
    "rmse": "root mean squared error",
    "iou": "IoU",
    "dice": "Dice",
    "mean_iou": "mean IoU",
    "mean_dice": "mean Dice",
    "boundary_f1": "boundary F1",
    "object_f1": "object F1",
    "rand_error": "Rand error",
}
MINUS, NONE = "\N{MINUS SIGN}", "\N{EN DASH}"
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    r"""Return the text with every character that no page may hold replaced by the replacement character.

    Names of files can hold control characters and, where they are not UTF-8, lone surrogates.

    Example:
        >>> printable("rose\x07")
        'rose\ufffd'
    """
    return UNPRINTABLE.sub("\ufffd", text)


def columns_wide(text: str) -> int:
    """Return how many columns the text takes, an East Asian wide character two.

    Example:
        >>> columns_wide("薔薇"), columns_wide("rose")
        (4, 4)
    """
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def short_label(text: str, columns: int = 16) -> str:
    """Return the text on one line and no wider than so many columns, its middle cut out where it is longer.

    Example:
        >>> short_label("Ankle boot, leather", columns=11)
        'Ankle…ather'
    """
    text = " ".join(printable(text).split()) or "(empty)"
    if columns_wide(text) <= columns:
        return text
    kept = len(text) - 1
    while columns_wide(text[: (kept + 1) // 2]) + columns_wide(text[len(text) - kept // 2 :]) > columns - 1:
        kept -= 1
    return text[: (kept + 1) // 2] + "…" + text[len(text) - kept // 2 :]


def decimals_for(*values: float) -> int:
    """Return with how many decimals to write these figures together, by the largest of them.

    Four significant digits above 1, four decimals below, and at least three significant digits.

    Example:
        >>> decimals_for(0.9778, 0.9611, 1.0), decimals_for(54.321), decimals_for(0.00213)
        (4, 2, 5)
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest == 0:
        return 0
    if largest <= 1:
        return max(4, 2 - math.floor(math.log10(largest)))
    return max(3 - math.floor(math.log10(largest)), 0)


def number(value: float | None, decimals: int | None = None) -> str:
    """Return a figure as text, with a dash where there is none.

    Args:
        value: the figure, or None.
        decimals: digits after the point; about four significant digits where None.

    Example:
        >>> number(0.97777), number(12345.6), number(0.00213)
        ('0.9778', '12,346', '0.00213')
    """
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if decimals is None:
        decimals = decimals_for(value)
    text = f"{value:,.{decimals}f}" if decimals <= 7 and abs(value) < 1e9 else f"{value:.3e}"
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", MINUS)  # no minus before a rounded 0


def score_value(score: Score) -> str:
    """Return the value of a score, with as many decimals as its interval needs."""
    return number(score[0], decimals_for(*score))


def score_interval(score: Score) -> str:
    """Return the interval of a score, as "0.9611 to 0.9917", or a dash where it is not defined.

    Example:
        >>> score_interval((0.98, 0.9611, 0.9917))
        '0.9611 to 0.9917'
    """
    _, low, high = score
    if math.isnan(low) or math.isnan(high):
        return NONE
    decimals = decimals_for(*score)
    return f"{number(low, decimals)} to {number(high, decimals)}"


def percent(share: float | None) -> str:
    """Return a share in [0, 1] as a percentage; what is neither 0 nor 1 is never written as 0 % or 100 %.

    Example:
        >>> percent(0.973), percent(0.9996), percent(1.0)
        ('97 %', '>99 %', '100 %')
    """
    if share is None or math.isnan(share):
        return NONE
    if 0.99 < share < 1 and round(100 * share) == 100:
        return ">99 %"
    if 0 < share < 0.01 and round(100 * share) == 0:
        return "<1 %"
    return f"{100 * share:.0f} %"


def metric_name(metric: str) -> str:
    """Return how the report calls a metric.

    Example:
        >>> metric_name("balanced_accuracy"), metric_name("auroc")
        ('balanced accuracy', 'AUROC')
        >>> metric_name("iou[nucleus]"), metric_name("object_f1[0.75]")
        ('IoU of nucleus', 'object F1 of 0.75')
    """
    if metric.endswith("]"):
        name, _, of = metric[:-1].partition("[")
        return f"{metric_name(name)} of {of}"
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where there is not one.

    Example:
        >>> counted(1, "sample"), counted(10000, "sample")
        ('1 sample', '10,000 samples')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
