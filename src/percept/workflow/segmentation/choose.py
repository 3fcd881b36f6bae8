"""The choice inside a segmenter's run: candidates compared on pictures left out, and the honest error of it all."""

from collections.abc import Generator
from typing import Any

import numpy as np
import torch

from percept.errors import OptionError
from percept.evaluation.pixel_scores import pixel_scores
from percept.evaluation.pixel_validation import validation_figures
from percept.evaluation.segmentation import PictureScore, segmentation_figures
from percept.models import arguments_for, build
from percept.runs.folder import RunFolder
from percept.runs.recipe import Recipe, TrainingRecipe
from percept.workflow.candidates import (
    FIXED,
    SHAPED,
    Job,
    Progress,
    as_asked,
    best_of,
    candidates_of,
    chosen_recipe,
    jobs_of,
    outer_jobs,
    run_all,
)
from percept.workflow.choose import told_nested
from percept.workflow.chosen import Candidate, Chosen, write_selection
from percept.workflow.events import Event, Note
from percept.workflow.folds import folds_of, rest
from percept.workflow.segmentation.assess import scored, scoring_of
from percept.workflow.segmentation.evaluate import reload_run
from percept.workflow.segmentation.prepare import PreparedMasks, as_dataset

CPU = torch.device("cpu")


def check_mask_candidates(prepared: PreparedMasks) -> None:
    """Build each network of a grid once, so that a wrong setting is told before there is a run.

    Args:
        prepared: pictures, masks and the recipe as the user asked for it.

    Raises:
        OptionError: there is no such setting, or not such a value.
    """
    recipe = prepared.recipe
    if recipe.selection is None:
        return
    for params, each in candidates_of(as_asked(recipe)):
        name = each.model.name or recipe.model.name or ""
        sides = np.median(prepared.dataset.sizes, axis=0).astype(int).tolist()
        fitted = arguments_for(name, outputs=len(prepared.dataset.classes), shape=(recipe.data.channels or 3, *sides))
        for own in params:
            if own not in fitted and own != "model" and (own not in TrainingRecipe.model_fields or own in FIXED):
                known = ", ".join(option for option in fitted if option not in SHAPED) or "none"
                raise OptionError(
                    f"--grid {own} is no setting of a training with masks, nor of {name}, which has {known}"
                )
        with torch.device("meta"):
            build(name, **{**fitted, **each.model.arguments})


def choose_masks(
    prepared: PreparedMasks, recipe: Recipe, folder: RunFolder, networks: Progress, n_jobs: int | None
) -> Generator[Event, None, Chosen]:
    """Compare the candidates of a recipe, each a run on each split, with the error of the whole choice if asked for.

    Args:
        prepared: pictures, masks and split.
        recipe: every choice, made.
        folder: the outer run.
        networks: told how many runs are done, and of how many.
        n_jobs: runs at a time.

    Source: notes §2.5.1 and §2.5.3.
    """
    if recipe.selection is None:
        raise ValueError("the recipe chooses nothing")
    view, metric, seed = as_dataset(prepared.dataset), recipe.training.metric or "mean_iou", recipe.training.seed
    candidates = candidates_of(as_asked(recipe))
    folds = folds_of(view, prepared.content, rest(prepared), recipe.selection.cv, seed)
    jobs = jobs_of([each for _, each in candidates], folds, view, folder)
    yield Note(f"{len(candidates)} candidates on {len(folds)} splits: {len(jobs)} runs")
    found = [figures[metric] for figures in run_all(jobs, n_jobs, networks, figures_of)]
    tried = [
        Candidate(params, tuple(found[at * len(folds) : (at + 1) * len(folds)]))
        for at, (params, _) in enumerate(candidates)
    ]
    best, simplest = best_of(tried, higher_is_better=metric != "loss")
    chosen = Chosen(
        recipe=chosen_recipe(recipe, candidates[best]),
        candidates=tuple(tried),
        best=best,
        simplest=simplest,
        metric=metric,
        higher_is_better=metric != "loss",
        networks=len(jobs),
        folds=tuple(folds),
        rows=np.sort(np.concatenate([test for _, test in folds])),
        scores=np.empty(0),  # a run keeps figures of its pictures, not what it says of their pixels
    )
    nested = None
    if recipe.selection.nested is not None:
        nested = yield from _nested(prepared, recipe, folder, networks, n_jobs)
    write_selection(folder, chosen, nested)
    return chosen


def _nested(
    prepared: PreparedMasks, recipe: Recipe, folder: RunFolder, networks: Progress, n_jobs: int | None
) -> Generator[Event, None, dict[str, Any]]:
    """Return the error of the whole choice: it is made anew on each outer part, and measured on what that leaves out.

    Source: notes §2.5; Varma & Simon 2006; Cawley & Talbot 2010.
    """
    parts, seed = (recipe.selection.nested if recipe.selection else None) or 0, recipe.training.seed
    yield Note(f"the whole choice anew on each of {parts} outer parts, for its honest error")
    view = as_dataset(prepared.dataset)
    jobs = outer_jobs(recipe, folds_of(view, prepared.content, rest(prepared), parts, seed + 1), view, folder)
    scores = [score for found in run_all(jobs, n_jobs, networks, scores_of) for score in found]
    row_of = {key: row for row, key in enumerate(prepared.dataset.keys)}
    groups = prepared.dataset.groups
    mine = None if groups is None else groups[[row_of[score.key] for score in scores]]
    figures = segmentation_figures(scores, scoring_of(prepared.dataset), groups=mine, seed=seed)
    metric = recipe.training.metric or "mean_iou"
    return told_nested(jobs, figures, figures[metric].value if metric in figures else float("nan"))


def figures_of(job: Job) -> dict[str, float]:
    """Bring a run to its end, and return the figures of the pictures that it left out.

    What is done already is not done again: a finished run is read, an unfinished one is gone on with.
    """
    model, prepared = reload_run(_finished(job))
    rows, names, form = prepared.rows("test"), prepared.dataset.classes, prepared.preprocessing
    return validation_figures(model.network, prepared.pictures, prepared.masks, rows, names, form, device=CPU)


def scores_of(job: Job) -> list[PictureScore]:
    """Bring a run to its end, and return what is counted in each picture that it left out."""
    model, prepared = reload_run(_finished(job))
    rows = prepared.rows("test")
    answers = pixel_scores(model.network, prepared.pictures, rows, prepared.preprocessing, device=CPU)
    said = (answer.argmax(axis=0).astype(np.uint8) for answer in answers)
    return scored(said, rows, prepared.masks, prepared.objects, prepared.dataset, scoring_of(prepared.dataset))


def _finished(job: Job) -> RunFolder:
    """Return the folder of a run, gone on with to its end where it was not there yet."""
    from percept.workflow.fit import fit_events  # which comes here for a choice

    folder = RunFolder(job.path)
    if not folder.finished:
        for _ in fit_events(job.recipe, out=job.path, resume=True):
            pass
    return folder
