"""The report's section on a selection, from what the run folder says of it."""

import math
from typing import Any

from percept.report.content import Score, Selection, Tried
from percept.report.wording import counted, metric_name, number, score_interval, score_value
from percept.workflow.chosen import written

DECAYS = ("alpha", "weight_decay")
WAYS = {
    "loo": "leaving out one sample in turn",
    "bootstrap": "bootstrap rounds, which test on the samples that were not drawn",
    "subsampling": "rounds of random subsampling",
}


def selection_content(found: dict[str, Any] | None) -> Selection | None:
    """Return the section, or None where the run chose nothing.

    Args:
        found: what `read_selection` returns.
    """
    if found is None:
        return None
    nested = found["nested"]
    return Selection(
        metric=found["metric"],
        higher_is_better=found["higher_is_better"],
        splits=found["splits"],
        networks=found["networks"],
        candidates=tuple(_tried(each) for each in found["candidates"]),
        best=found["best"],
        simplest=found["simplest"],
        sentences=tuple(_sentences(found)),
        nested=None if nested is None else _nested_score(nested, found["metric"]),
    )


def _tried(each: dict[str, Any]) -> Tried:
    params = {name: written(value) for name, value in each["params"].items()}
    decays = [float(each["params"][name]) for name in DECAYS if name in each["params"]]
    beside = [f"{name} {value}" for name, value in params.items() if name not in DECAYS]
    return Tried(
        params=params,
        decay=decays[0] if decays else None,
        shape=", ".join(beside) or "left out",
        mean=_float(each["mean"]),
        error=_float(each["error"]),
        train=None if each["train"] is None else _float(each["train"]),
        folds=tuple(map(_float, each["test"])),
        restarts=tuple(map(_float, each["restarts"])),
    )


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _sentences(found: dict[str, Any]) -> list[str]:
    best, simplest = (found["candidates"][found[which]] for which in ("best", "simplest"))
    metric = metric_name(found["metric"])
    way = WAYS.get(found["cv"], "parts of cross-validation")
    compared = f"{counted(len(found['candidates']), 'candidate')} were compared by {metric} on {found['splits']:,}"
    said = [
        f"{compared} splits ({way}), {counted(found['networks'], 'network')} in all. The best has {_setting(best)}."
    ]
    if found["simplest"] != found["best"]:
        near = f"With {_setting(simplest)} the {metric} is within one standard error of it, so the data do not tell"
        said.append(f"{near} the two apart; the simpler one is worth a thought.")
    spread = [value for value in best["restarts"] if value is not None]
    if len(spread) > 1:
        ends = f"{number(min(spread))} to {number(max(spread))}"
        said.append(f"The {len(spread)} restarts of the best, each from weights of its own, range from {ends}.")
    return [*said, *_nested_sentences(found, metric)]


def _setting(each: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {written(value)}" for name, value in each["params"].items())


def _nested_sentences(found: dict[str, Any], metric: str) -> list[str]:
    nested = found["nested"]
    if nested is None:
        return ["How good the whole choice is, was not measured; --nested 5 does."]
    inner = [value for value in nested["inner"] if value is not None]
    score = _nested_score(nested, found["metric"])
    mean = number(sum(inner) / len(inner)) if inner else "not known"
    told = f"Nested: the whole choice was made anew on {nested['parts']} outer parts. Inside it, the best candidates'"
    told += f" mean {metric} was {mean}; on the samples that took no part in it {score_value(score)}"
    return [f"{told} (95 % interval {score_interval(score)}). The second is the honest figure."]


def _nested_score(nested: dict[str, Any], metric: str) -> Score:
    """Return the nested figure by the metric of the choice, with its interval where that is known."""
    figures = nested["figures"]
    name = "log_loss" if metric == "loss" and "log_loss" in figures else metric
    if name in figures:
        value, low, high = (_float(figures[name][end]) for end in ("value", "low", "high"))
        return value, low, high
    if metric in ("loss", "mse") and "rmse" in figures:  # the squared error is what is minimized
        value, low, high = (_float(figures["rmse"][end]) ** 2 for end in ("value", "low", "high"))
        return value, low, high
    return _float(nested["value"]), math.nan, math.nan
