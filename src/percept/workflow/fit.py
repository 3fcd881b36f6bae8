"""From labelled data to a trained model: the run behind `percept fit`."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from percept.data.dataset import Dataset
from percept.devices import choose_device, choose_precision, choose_threads
from percept.evaluation.metrics import metric_named
from percept.models import MODELS
from percept.runs.lock import locked
from percept.runs.recipe import Recipe
from percept.training.defaults import default_threads, training_defaults
from percept.training.processes import deterministic, make_accelerator
from percept.workflow.asked import stack_asked
from percept.workflow.augment import with_augmentation
from percept.workflow.begin import command_line, nothing_left, plan, run_name, taken
from percept.workflow.candidates import check_candidates
from percept.workflow.choices import check_choices
from percept.workflow.choose import choose
from percept.workflow.events import Event, Networks, Note, Started
from percept.workflow.finish import finish
from percept.workflow.folds import rest
from percept.workflow.learn import learn
from percept.workflow.machine import Machine, settings_of
from percept.workflow.options import FitOptions, asked_of, named_options
from percept.workflow.prepare import Prepared, prepare
from percept.workflow.resume import same_choices, unfinished
from percept.workflow.run import Run, open_finished
from percept.workflow.samples import read_dataset
from percept.workflow.segmentation.asked import refuse_mask_options
from percept.workflow.segmentation.fit import segment_events
from percept.workflow.segmentation.prepare import holds_masks
from percept.workflow.stack import possible, stack_choices

Progress = Callable[[int, int], None]


@named_options
def fit(
    data: Any,
    target: Any = None,
    *,
    out: str | Path | None = None,
    cv: int | str | None = None,
    alphas: str | Sequence[float] | None = None,
    hidden: Sequence[Sequence[int]] | None = None,
    restarts: int | None = None,
    nested: int | None = None,
    resume: bool = False,
    watch: Callable[[Event], None] | None = None,
    progress: Progress | None = None,
    **options: Unpack[FitOptions],
) -> Run:
    """Train a network on labelled data and return the finished run; None leaves a choice to percept.

    With `cv`, `alphas`, `hidden`, `restarts` or `nested` the weight decay of a table's multilayer perceptron is chosen
    by cross-validation over all samples but the sealed ones, every network trained as part of one stack; the chosen
    one is then trained on all of these samples, and the run's validation figures are those of samples left out in turn.

    Args:
        data: path of a folder of pictures, an IDX folder, an .npz or a table; the name of a built-in set; or arrays:
            (samples, height, width[, channels]) pictures, (samples, features) rows, or a pandas DataFrame.
        target: target column of a table, by name or position, or (samples,) labels beside arrays.
        out: the run folder; must not hold anything. By default runs/NAME, then runs/NAME-2, and so on.
        cv: a number of parts, "loo" to leave out one sample in turn, "bootstrap", or "subsampling".
        alphas: weight decays to choose from, or "auto".
        hidden: units of each hidden layer, for each shape to choose from, such as [[64], [32, 16]].
        restarts: networks of each candidate on each split, from different first weights.
        nested: parts of an outer loop that measures the error of the whole choice.
        resume: go on with the unfinished run of the same command.
        watch: told each event as it happens.
        progress: told how many pictures are decoded, and of how many.
        options: further choices, listed below.

    Returns:
        The run, with its figures on the validation part.

    Raises:
        DataError: the data cannot be used.
        OptionError: an option has a value that does not work.
        TrainingError: the loss is no longer finite.
    """
    recipe, dataset = asked_of(data, target, options, stack_asked(cv, alphas, hidden, restarts, nested))
    return run_to_end(recipe, dataset, out, resume=resume, watch=watch, progress=progress)


def run_to_end(
    recipe: Recipe,
    dataset: Dataset | None,
    out: str | Path | None,
    *,
    resume: bool,
    watch: Callable[[Event], None] | None,
    progress: Progress | None,
    n_jobs: int | None = None,
) -> Run:
    """Return the finished run of a recipe, telling each event as it happens.

    Args:
        recipe: what the user asked for.
        dataset: the data, where they are in memory.
        out: the run folder, or None for a fresh one.
        resume: go on with the unfinished run of the same command.
        watch: told each event as it happens.
        progress: told how many pictures are decoded, and of how many.
        n_jobs: runs of a selection at a time.
    """

    def networks(done: int, total: int) -> None:
        if watch is not None:
            watch(Networks(done, total))

    events = fit_events(
        recipe,
        dataset=dataset,
        out=Path(out) if out else None,
        resume=resume,
        progress=progress,
        networks=networks,
        n_jobs=n_jobs,
    )
    with closing(events):  # whatever ends the training here, the run is let go at once
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                run: Run = end.value
                return run
            if watch is not None:
                watch(event)


def fit_events(
    recipe: Recipe,
    *,
    dataset: Dataset | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    networks: Progress | None = None,
    n_jobs: int | None = None,
) -> Generator[Event, None, Run]:
    """Train as `fit` does, yielding what happens as it happens.

    Args:
        recipe: what the user asked for.
        dataset: the data, where they are in memory.
        out: the run folder, or None for a fresh one under runs/.
        resume: go on with the unfinished run of the same command.
        progress: told how many pictures are decoded, and of how many.
        networks: told how many networks of a selection are trained, and of how many.
        n_jobs: runs of a selection at a time, where each candidate is one.

    Yields:
        Notes, epochs, and steps in between.

    Returns:
        The finished run.
    """
    begun = time.monotonic()
    check_choices(recipe)
    name = run_name(recipe.data.source)
    folder = unfinished(out, name, resume)
    if folder is not None:
        recipe = same_choices(recipe, Recipe.read(folder.recipe), folder)
        if folder.finished:
            return (yield from nothing_left(folder))
    elif resume:
        yield Note("there is no unfinished run of this data: a new one begins")
    if dataset is None and holds_masks(recipe.data):
        masks = partial(segment_events, recipe, folder, out=out, name=name, progress=progress)
        return (yield from masks(networks=networks, n_jobs=n_jobs))
    refuse_mask_options(recipe, recipe.data.source)
    dataset = dataset or read_dataset(recipe.data, folder)
    metric_named(recipe.training.metric or "loss", dataset.target.task)
    possible(recipe, dataset.kind)
    yield from map(Note, dataset.notes)
    recipe = recipe.remembered()
    prepared = prepare(dataset, recipe, progress)
    for candidate in check_candidates(prepared):
        check_choices(candidate)
    yield from map(Note, prepared.notes)
    machine, recipe = _machine(prepared)
    main = machine.accelerator.is_main_process
    folder = taken(folder, out, name, machine.accelerator)
    with locked(folder) if main else nullcontext(), deterministic(recipe.training.threads or 1):
        if folder.finished:  # by another process, while this one read the data
            return (yield from nothing_left(folder))
        if main:
            folder.tidy()
            plan(folder, recipe, prepared.loaded.dataset, prepared.split)
        chosen = None
        if recipe.selection is not None:
            yield Started(folder.path, 1, 0)
            chosen = yield from choose(prepared, recipe, folder, networks, n_jobs)
            recipe = chosen.recipe
            if chosen.learned is None:
                prepared = prepare(dataset, recipe)
                machine, recipe = _machine(prepared)
            recipe.write(folder.recipe)
        learned = chosen.learned if chosen is not None else None
        if learned is None:
            learned, recipe = yield from learn(prepared, recipe, folder, machine, begun)
        if main:
            yield from finish(prepared, recipe, folder, machine, learned, command_line(), chosen)
    machine.accelerator.wait_for_everyone()
    return open_finished(folder)


def _machine(prepared: Prepared) -> tuple[Machine, Recipe]:
    """Return where to train, and the recipe with every choice made."""
    recipe = prepared.recipe
    if recipe.selection is not None and recipe.selection.alphas is not None:
        dataset = prepared.loaded.dataset
        recipe = stack_choices(recipe, dataset.kind, len(dataset.target.classes), len(rest(prepared)))
        return Machine(make_accelerator(choose_device("cpu"), "float32"), "float32"), recipe
    training, name = recipe.training, recipe.model.name or ""
    device = choose_device(training.device or "auto")
    threads = choose_threads(training.threads or default_threads(recipe.data.image_size))
    smallest = MODELS[name].bfloat16_from
    gains = smallest is not None and min(recipe.data.image_size or (0,)) >= smallest
    precision = choose_precision(training.precision or "auto", device, gains=gains)
    kind = prepared.loaded.dataset.kind
    choices = training_defaults(kind, name, training.optimizer, len(prepared.rows("train")), training.transfer)
    if training.minutes is not None:
        choices.pop("epochs")  # as many as the time lets
    recipe = recipe.filled(
        "training", **choices, metric="loss", device=str(device), precision=precision, threads=threads
    )
    settings_of(recipe.filled("training", epochs=1))
    return Machine(make_accelerator(device, precision), precision), with_augmentation(prepared, recipe)
