"""The choice inside a run: candidates compared out of fold, and the honest error of the whole choice."""

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from percept.errors import OptionError
from percept.evaluation.intervals import Figure, evaluate_figures
from percept.evaluation.metrics import metric_named
from percept.runs.folder import RunFolder
from percept.runs.recipe import Recipe
from percept.workflow.assess import Assessment, Predictions, assess, told_metric
from percept.workflow.candidates import Job, Progress, fit_candidates, gathered, outer_jobs, run_all
from percept.workflow.chosen import Chosen, read_selection, write_selection
from percept.workflow.events import Event, Note
from percept.workflow.folds import make_folds, out_of_fold_baselines, rest
from percept.workflow.prepare import Prepared
from percept.workflow.stack import fit_stack


def choose(
    prepared: Prepared, recipe: Recipe, folder: RunFolder, networks: Progress, n_jobs: int | None
) -> Generator[Event, None, Chosen]:
    """Compare the candidates of a recipe, with the error of the whole choice where that is asked for.

    Args:
        prepared: samples, split and preprocessing.
        recipe: every choice, made.
        folder: the run.
        networks: told how many networks or runs are done, and of how many.
        n_jobs: runs at a time, where each candidate is one.
    """
    if recipe.selection is None:
        raise ValueError("the recipe chooses nothing")
    if recipe.selection.alphas is not None:
        chosen = yield from fit_stack(prepared, recipe, folder, networks)
    else:
        chosen = yield from fit_candidates(prepared, recipe, folder, networks, n_jobs)
    nested = None
    if recipe.selection.nested is not None:
        nested = yield from _nested(prepared, recipe, chosen, folder, networks, n_jobs)
    write_selection(folder, chosen, nested)
    return chosen


def _nested(
    prepared: Prepared,
    recipe: Recipe,
    chosen: Chosen,
    folder: RunFolder,
    networks: Progress,
    n_jobs: int | None,
) -> Generator[Event, None, dict[str, Any]]:
    """Return the error of the whole choice: it is made anew on each outer part, and measured on what that leaves out.

    Source: notes §2.5 (1. test on an independent dataset); Varma & Simon 2006; Cawley & Talbot 2010.
    """
    parts = (recipe.selection.nested if recipe.selection else None) or 0
    if parts < 2:
        raise OptionError(f"--nested is {parts}; expected 2 outer parts or more")
    yield Note(f"the whole choice anew on each of {parts} outer parts, for its honest error")
    dataset = prepared.loaded.dataset
    folds = make_folds(prepared, rest(prepared), parts, recipe.training.seed + 1)
    jobs = outer_jobs(recipe, folds, dataset, folder)
    found = run_all(jobs, n_jobs, networks)
    rows, scores = gathered(found, {key: row for row, key in enumerate(dataset.keys)})
    truth, groups = dataset.target.values[rows], None if dataset.groups is None else dataset.groups[rows]
    figures = evaluate_figures(truth, scores, classes=dataset.target.classes, groups=groups, seed=recipe.training.seed)
    value = metric_named(chosen.metric, dataset.target.task).measure(truth, scores)
    return told_nested(jobs, figures, value)


def told_nested(jobs: Sequence[Job], figures: Mapping[str, Figure], value: float) -> dict[str, Any]:
    """Return the error of a whole choice as selection.json has it.

    Args:
        jobs: the outer runs, done.
        figures: of all samples, each left out by the choice that it is predicted by.
        value: of these, the figure that candidates are compared by.
    """
    inside = [read_selection(RunFolder(job.path)) or {} for job in jobs]
    return {
        "parts": len(jobs),
        "figures": {name: figure.to_json() for name, figure in figures.items()},
        "value": value if math.isfinite(value) else None,
        "inner": [each["candidates"][each["best"]]["mean"] for each in inside],
        "chosen": [each["candidates"][each["best"]]["params"] for each in inside],
    }


def assess_out_of_fold(prepared: Prepared, chosen: Chosen) -> tuple[Predictions, Assessment, str]:
    """Return the chosen candidate's out-of-fold predictions, their figures beside the baselines', and how it was done.

    Args:
        prepared: samples and split.
        chosen: the selection.
    """
    dataset, rows, training = prepared.loaded.dataset, chosen.rows, chosen.recipe.training
    rivals, parts = out_of_fold_baselines(prepared, rows, chosen.folds, training.seed)
    keys = tuple(dataset.keys[row] for row in rows)
    predictions = Predictions(keys, dataset.target.values[rows], chosen.scores)
    found = assess(
        predictions,
        prepared.inputs,
        dataset,
        rest(prepared),
        rows,
        "out-of-fold",
        training.seed,
        told_metric(training.metric, dataset.target.task),
        rivals=rivals,
    )
    words = f"Out of fold: each sample is predicted by networks that did not learn from it, over {len(chosen.folds)}"
    words += f" splits, and so are the baselines, fitted anew for each of {parts} parts."
    if len(chosen.candidates) > 1:
        words += f" As the best of {len(chosen.candidates)} candidates, the network's figures are a little too good."
    return predictions, found, words
