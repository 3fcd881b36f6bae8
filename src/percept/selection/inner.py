"""The choice inside each outer split, made on the samples that the split trains on, and the fit that follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from percept.errors import OptionError
from percept.selection.candidates import Params, Plan, compare
from percept.selection.fitting import Fit, Rules, Task
from percept.selection.restarts import best_restart
from percept.selection.running import Folder, Progress, run_fits
from percept.selection.samples import Samples, part_of
from percept.selection.splits import Pair, Rows, make_splits


@dataclass(frozen=True)
class Chosen:
    """What was chosen in one outer split, the score by which, and the fit that was tested."""

    params: Params
    promised: float
    fit: Fit


def inner_splits(inner: Any, train: Rows, samples: Samples, *, classifier: bool, seed: int | None) -> list[Pair]:
    """Return splits of an outer split's samples, as rows of all samples.

    Args:
        inner: a number of parts, a name or a splitter.
        train: rows that the outer split trains on; one that a bootstrap repeats stays on one side with its copies.
        samples: all of them.
        classifier: whether parts hold each class in its share.
        seed: of "bootstrap" and "subsampling".

    Raises:
        OptionError: inner is something else.
        DataError: the samples cannot be split so.
    """
    if not (inner is None or isinstance(inner, (str, Integral)) or hasattr(inner, "split")):
        raise OptionError(f"inner is a {type(inner).__name__}; expected a number of parts, a name or a splitter")
    repeated = len(np.unique(train)) < len(train)
    groups = samples.groups[train] if samples.groups is not None else train if repeated else None
    X, y = part_of(samples.X, train), samples.y[train]
    pairs = make_splits(inner, X, y, classifier=classifier, groups=groups, seed=seed)
    return [(train[rows], train[tested]) for rows, tested in pairs]


def choose_each(
    plan: Plan,
    outer: Sequence[Pair],
    inner: Sequence[Sequence[Pair]],
    samples: Samples,
    rules: Rules,
    *,
    scoring: Any,
    n_jobs: int | None,
    folder: Folder,
    progress: Progress | None,
) -> list[Chosen]:
    """Return what each outer split chose and how it did; all fits of all splits are run together.

    Raises:
        TrainingError: in some split no candidate could be fitted on every inner split.
    """
    asked = [task for splits in inner for task in plan.tasks(splits)]
    total = len(asked) + len(outer) * plan.restarts
    inner_rules = Rules(rules.scorer, compared=rules.compared, weighted=rules.weighted)
    found = run_fits(
        asked, samples, inner_rules, scoring=scoring, n_jobs=n_jobs, folder=folder, progress=_part(progress, 0, total)
    )
    comparisons, start = [], 0
    for splits in inner:
        count = len(plan.candidates) * len(splits) * plan.restarts
        comparisons.append(compare(plan, found[start : start + count], len(splits)))
        start += count
    tasks = [
        Task(model, train, test, f"{plan.candidates[each.best]}")
        for each, (train, test) in zip(comparisons, outer, strict=True)
        for model in plan.models[each.best]
    ]
    fits = run_fits(
        tasks, samples, rules, scoring=scoring, n_jobs=n_jobs, folder=folder, progress=_part(progress, start, total)
    )
    chosen = []
    for place, each in enumerate(comparisons):
        line = fits[place * plan.restarts : (place + 1) * plan.restarts]
        params = dict(plan.candidates[each.best])
        chosen.append(Chosen(params, float(each.scores[each.best].mean()), line[best_restart(line)]))
    return chosen


def _part(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return what tells of one part's fits among all."""
    return None if progress is None else lambda done, _: progress(before + done, total)
