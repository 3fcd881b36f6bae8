"""A selection whose candidates are runs of their own, one on each split: networks of any kind, pictures included."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from numpy.typing import NDArray

from percept.data.columns import TablePreprocessing
from percept.data.dataset import Dataset
from percept.data.preprocessing import ImagePreprocessing
from percept.errors import OptionError
from percept.evaluation.metrics import metric_named
from percept.models import arguments_for, build, choose_size
from percept.runs.folder import RunFolder
from percept.runs.recipe import DataRecipe, ModelRecipe, Recipe, SelectionRecipe, TrainingRecipe
from percept.selection.results import best_index
from percept.workflow.assess import read_predictions, write_predictions
from percept.workflow.chosen import Candidate, Chosen, standard_error
from percept.workflow.events import Event, Note
from percept.workflow.folds import Fold, Rows, make_folds, rest, write_part
from percept.workflow.prepare import Prepared
from percept.workflow.samples import ARRAYS

Progress = Callable[[int, int], None] | None
FIXED = ("seed", "device", "precision", "threads", "metric")  # what is the same for all candidates
SHAPED = ("classes", "inputs", "channels", "size", "strides")  # arguments that the data decide


@dataclass(frozen=True)
class Job:
    """One run of a selection: its recipe, which lays down its part of the data, and its folder."""

    recipe: Recipe
    path: Path


def as_asked(recipe: Recipe) -> Recipe:
    """Return a recipe as the user asked for it: the selection without its outer loop, and all open choices open again.

    Args:
        recipe: of a run that selects.
    """
    selection = recipe.selection
    if selection is None:
        return recipe
    asked = selection.asked or {}
    kept = ("cv", "alphas", "hidden", "restarts", "grid")
    named = {name: value for name in kept if (value := getattr(selection, name)) is not None}
    data = recipe.data.model_dump(exclude_none=True)
    if "model" in (selection.grid or {}):  # each network has an input size of its own
        data = {name: value for name, value in data.items() if name not in ("image_size", "channels")}
        data |= {"image_size": asked["image_size"]} if "image_size" in asked else {}
    return Recipe(
        data=DataRecipe(**data),
        model=ModelRecipe(name=recipe.model.name, pretrained=recipe.model.pretrained),
        training=TrainingRecipe(**asked.get("training", {})),
        selection=SelectionRecipe(**named),
    )


def candidates_of(recipe: Recipe) -> list[tuple[dict[str, Any], Recipe]]:
    """Return each candidate's values and its recipe, in the order of scikit-learn's ParameterGrid.

    Args:
        recipe: what the user asked for, with a grid.

    Raises:
        OptionError: the grid names no option, or a value does not work.
    """
    grid = (recipe.selection.grid if recipe.selection else None) or {}
    names = sorted(grid)
    found = []
    for values in product(*(grid[name] for name in names)):
        params = dict(zip(names, values, strict=True))
        found.append((params, with_values(recipe, params)))
    return found


def with_values(recipe: Recipe, params: dict[str, Any]) -> Recipe:
    """Return a recipe with a candidate's values: options of the training, "model", and arguments of the network.

    Raises:
        OptionError: there is no such option, or the value does not work.
    """
    name = params.get("model", recipe.model.name)
    arguments = dict(recipe.model.arguments)
    training: dict[str, Any] = {}
    for option, value in params.items():
        if option in TrainingRecipe.model_fields and option not in FIXED:
            training[option] = value
        elif option != "model":
            arguments[option] = value
    wrong = [option for option in arguments if option in (*FIXED, *SHAPED)]
    if wrong:
        raise OptionError(f"--grid {wrong[0]} cannot be chosen from; give one value with --{wrong[0]}, or leave it out")
    checked = Recipe.from_options(
        {
            "data": {"source": recipe.data.source},
            "model": {"name": name, "arguments": arguments, "pretrained": recipe.model.pretrained},
            "training": {**recipe.training.model_dump(exclude_unset=True), **training},
        }
    )
    return Recipe(data=recipe.data, model=checked.model, training=checked.training)


def check_candidates(prepared: Prepared) -> list[Recipe]:
    """Return the recipes of a grid, each network built once, so that a wrong setting is told before there is a run.

    Raises:
        OptionError: there is no such setting, or not such a value.
    """
    if prepared.recipe.selection is not None and prepared.recipe.selection.grid is not None:
        recipes = [recipe for _, recipe in candidates_of(as_asked(prepared.recipe))]
        for recipe in recipes:
            _check_arguments(recipe, prepared)
        return recipes
    return []


def _check_arguments(recipe: Recipe, prepared: Prepared) -> None:
    name, preprocessing = recipe.model.name or "", prepared.preprocessing
    shape: tuple[int, ...] = (preprocessing.features,) if isinstance(preprocessing, TablePreprocessing) else ()
    if not shape and isinstance(preprocessing, ImagePreprocessing):
        shape = (preprocessing.channels, *choose_size(name, (preprocessing.height, preprocessing.width)))
    outputs = max(1, len(prepared.loaded.dataset.target.classes))
    fitted = arguments_for(name, outputs=outputs, shape=shape)
    for own in recipe.model.arguments:
        if own not in fitted:
            training = [each for each in TrainingRecipe.model_fields if each not in FIXED]
            known = [each for each in fitted if each not in SHAPED]
            raise OptionError(
                f"--grid {own} is no setting; expected one of {', '.join(training)}, model, or of {name}'s own:"
                f" {', '.join(known) or 'none'}"
            )
    with torch.device("meta"):
        build(name, **{**fitted, **recipe.model.arguments})


def job_of(recipe: Recipe, folder: RunFolder, parts: Path, path: Path) -> Job:
    """Return a run on one part of the data.

    Args:
        recipe: of the run; where it comes from memory, the outer run keeps the data.
        folder: the outer run.
        parts: the file that lays down the part of each sample.
        path: the run's own folder.
    """
    data = recipe.data.model_dump(exclude_none=True, exclude={"test"}) | {"parts_file": str(parts.resolve())}
    if recipe.data.source == ARRAYS and not recipe.data.path:
        data["path"] = str(folder.data.resolve())
    return Job(recipe.model_copy(update={"data": DataRecipe(**data)}), path)


def run_job(job: Job) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Bring a run to its end, and return the names of the samples it left out and what it says of them.

    What is done already is not done again: a finished run is read, an unfinished one is gone on with.
    """
    from percept.workflow.evaluate import predict_part  # these run selections themselves
    from percept.workflow.fit import fit_events

    folder = RunFolder(job.path)
    if not folder.finished:
        for _ in fit_events(job.recipe, out=job.path, resume=True):
            pass
    said = folder.predictions("test")
    predictions, target = predict_part(folder, "test")
    if not said.exists():
        write_predictions(said, predictions, target)
    again = read_predictions(said, target.task, target.classes)
    return again.keys, again.scores


def run_all(
    jobs: Sequence[Job], n_jobs: int | None, networks: Progress, run: Callable[[Job], Any] = run_job
) -> list[Any]:
    """Return what is found in each run, through joblib and the backend that the user has chosen.

    Args:
        jobs: the runs.
        n_jobs: how many at a time; None for joblib's own choice, 1 unless `joblib.parallel_config` says otherwise.
        networks: told how many runs are done, and of how many.
        run: brings a run to its end and returns what is found in it.
    """
    backend, _ = get_active_backend()
    calls = [delayed(run)(job) for job in jobs]
    stream = getattr(backend, "supports_return_generator", False)
    done: Iterator[Any] = iter(Parallel(n_jobs=n_jobs, **({"return_as": "generator"} if stream else {}))(calls))
    found = []
    for result in done:
        found.append(result)
        if networks is not None:
            networks(len(found), len(jobs))
    return found


def fit_candidates(
    prepared: Prepared, recipe: Recipe, folder: RunFolder, networks: Progress, n_jobs: int | None
) -> Generator[Event, None, Chosen]:
    """Train a run for each candidate on each split, and choose; the chosen one is then trained on all of the rest.

    Args:
        prepared: samples and split.
        recipe: the outer run's, with the choices on the data made.
        folder: the outer run.
        networks: told how many runs are done, and of how many.
        n_jobs: runs at a time.

    Source: notes §2.5.1 and §2.5.3.
    """
    if recipe.selection is None:
        raise ValueError("the recipe chooses nothing")
    candidates = candidates_of(as_asked(recipe))
    rows = rest(prepared)
    folds = make_folds(prepared, rows, recipe.selection.cv, recipe.training.seed)
    jobs = jobs_of([each for _, each in candidates], folds, prepared.loaded.dataset, folder)
    yield Note(f"{len(candidates)} candidates on {len(folds)} splits: {len(jobs)} runs")
    found = run_all(jobs, n_jobs, networks)
    per_candidate = [found[at : at + len(folds)] for at in range(0, len(jobs), len(folds))]
    return _choose(prepared, recipe, candidates, folds, per_candidate)


def jobs_of(candidates: Sequence[Recipe], folds: Sequence[Fold], dataset: Dataset, folder: RunFolder) -> list[Job]:
    """Return a run for each candidate on each fold, candidate by candidate.

    Args:
        candidates: their recipes.
        folds: rows to train and to test on.
        dataset: the samples.
        folder: the outer run.
    """
    parts = [folder.parts / f"part-{number}.csv" for number in range(1, len(folds) + 1)]
    for part, fold in zip(parts, folds, strict=True):
        write_part(part, dataset, fold)
    return [
        job_of(each, folder, part, folder.parts / f"candidate-{number}" / part.stem)
        for number, each in enumerate(candidates, start=1)
        for part in parts
    ]


def outer_jobs(recipe: Recipe, folds: Sequence[Fold], dataset: Dataset, folder: RunFolder) -> list[Job]:
    """Return a run that makes the whole choice anew on each outer fold.

    Args:
        recipe: the outer run's.
        folds: rows to choose on and to measure on.
        dataset: the samples.
        folder: the outer run.
    """
    bare = as_asked(recipe)
    jobs = []
    for number, fold in enumerate(folds, start=1):
        part = folder.parts / f"outer-{number}.csv"
        write_part(part, dataset, fold)
        jobs.append(job_of(bare, folder, part, folder.parts / f"outer-{number}"))
    return jobs


def _choose(
    prepared: Prepared,
    recipe: Recipe,
    candidates: list[tuple[dict[str, Any], Recipe]],
    folds: list[Fold],
    found: list[list[tuple[tuple[str, ...], NDArray[np.float64]]]],
) -> Chosen:
    dataset = prepared.loaded.dataset
    metric = metric_named(recipe.training.metric or "loss", dataset.target.task)
    row_of = {key: row for row, key in enumerate(dataset.keys)}
    scored = []
    for (params, _), parts in zip(candidates, found, strict=True):
        truths = [dataset.target.values[[row_of[key] for key in keys]] for keys, _ in parts]
        test = tuple(metric.measure(truth, scores) for truth, (_, scores) in zip(truths, parts, strict=True))
        scored.append(Candidate(params, test))
    best, simplest = best_of(scored, higher_is_better=metric.higher_is_better)
    rows, scores = gathered(found[best], row_of)
    return Chosen(
        recipe=chosen_recipe(recipe, candidates[best]),
        candidates=tuple(scored),
        best=best,
        simplest=simplest,
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        networks=len(candidates) * len(folds),
        folds=tuple(folds),
        rows=rows,
        scores=scores,
    )


def best_of(candidates: Sequence[Candidate], *, higher_is_better: bool) -> tuple[int, int]:
    """Return the numbers of the best candidate and of its one-standard-error neighbor.

    Args:
        candidates: with their figures.
        higher_is_better: which way is good.
    """
    sign = 1 if higher_is_better else -1
    best = best_index(sign * np.array([each.test for each in candidates]))
    return best, _simplest(candidates, best, sign)


def chosen_recipe(recipe: Recipe, candidate: tuple[dict[str, Any], Recipe]) -> Recipe:
    """Return a candidate's recipe with the selection that it was chosen in.

    Args:
        recipe: the outer run's.
        candidate: its values and recipe.
    """
    params, own = candidate
    selection = recipe.selection.model_copy(update={"chosen": params}) if recipe.selection else None
    return own.model_copy(update={"selection": selection})


def _simplest(candidates: Sequence[Candidate], best: int, sign: int) -> int:
    """Return the candidate of strongest weight decay within one standard error of the best; the best without decays."""
    if "weight_decay" not in candidates[best].params:
        return best
    least = sign * candidates[best].mean - standard_error(candidates[best].test)
    near = [number for number, each in enumerate(candidates) if sign * each.mean >= least or number == best]
    return max(
        near, key=lambda number: (float(candidates[number].params["weight_decay"]), sign * candidates[number].mean)
    )


def gathered(
    found: Sequence[tuple[tuple[str, ...], NDArray[np.float64]]], row_of: dict[str, int]
) -> tuple[Rows, NDArray[np.float64]]:
    """Return the rows that were left out, and the mean of what was said of each.

    Args:
        found: names of samples and their scores, for each split.
        row_of: the row of each name.
    """
    rows = np.array([row_of[key] for keys, _ in found for key in keys], dtype=np.int64)
    scores = np.concatenate([scores for _, scores in found])
    unique, place, counts = np.unique(rows, return_inverse=True, return_counts=True)
    sums = np.zeros((len(unique), *scores.shape[1:]))
    np.add.at(sums, place, scores)
    return unique, sums / counts.reshape(-1, *(1,) * (scores.ndim - 1))
