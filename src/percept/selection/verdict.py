"""What a nested cross-validation says in words: the honest score, what it promised, and what it is worth."""

from math import isnan

from percept.evaluation.intervals import Figure


def verdict(honest: Figure, scoring: str, promised: float, baseline: float) -> str:
    """Return what a procedure is worth.

    Args:
        honest: the outer score, higher being better.
        scoring: its name.
        promised: the mean inner score; NaN where there is none.
        baseline: the score of one constant answer; NaN where there is none.

    Example:
        >>> print(verdict(Figure(0.52, 0.41, 0.63), "accuracy", 0.71, 0.5))
        On samples that the choice never saw, accuracy is 0.52 (95 % interval 0.41 to 0.63); the choice itself promised
        0.71, which is 0.19 too good. It is no better than one constant answer (0.5) beyond chance.
    """
    name = scoring.replace("_", " ")
    text = f"On samples that the choice never saw, {name} is {_short(honest.value)}"
    if not isnan(honest.low):
        text += f" (95 % interval {_short(honest.low)} to {_short(honest.high)})"
    if not isnan(promised):
        gap = promised - honest.value
        text += f"; the choice itself promised {_short(promised)}"
        text += f", which is {_short(gap)} too good" if gap > 0 else ", which is not too good"
    if isnan(baseline) or isnan(honest.low):
        return f"{text}."
    if honest.low > baseline:
        return f"{text}. It is better than one constant answer ({_short(baseline)})."
    if honest.high < baseline:
        return f"{text}. It is worse than one constant answer ({_short(baseline)})."
    return f"{text}. It is no better than one constant answer ({_short(baseline)}) beyond chance."


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number + 0.0:.3g}"
