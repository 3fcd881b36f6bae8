"""From labelled data to a trained model: the run behind `percept fit`."""

import shlex
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percept.data.archives import arrays_dataset
from percept.data.dataset import Dataset, Task
from percept.data.snapshot import save_dataset
from percept.data.splits import read_splits, write_splits
from percept.data.tables import arrays_table, frame_dataset
from percept.devices import choose_device, choose_precision, choose_threads
from percept.errors import OptionError, RunFolderError
from percept.models import MODELS, names
from percept.runs.folder import RunFolder, claim, latest
from percept.runs.recipe import Recipe
from percept.training.processes import agreed, deterministic, make_accelerator
from percept.workflow.defaults import training_defaults
from percept.workflow.events import Event, Note
from percept.workflow.finish import finish
from percept.workflow.learn import Machine, learn, settings_of
from percept.workflow.prepare import Prepared, prepare
from percept.workflow.run import Run, open_finished
from percept.workflow.samples import ARRAYS, read_dataset

Progress = Callable[[int, int], None]


def fit(
    data: Any,
    target: Any = None,
    *,
    out: str | Path | None = None,
    model: str | None = None,
    test: str | Path | None = None,
    task: Task | None = None,
    group: str | None = None,
    header: bool | None = None,
    test_size: float | None = None,
    validation_size: float | None = None,
    skip_unreadable: bool | None = None,
    image_size: tuple[int, int] | None = None,
    resize: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    momentum: float | None = None,
    schedule: str | None = None,
    metric: str | None = None,
    patience: int | None = None,
    clip_norm: float | None = None,
    class_weights: str | None = None,
    augment: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    threads: int | None = None,
    resume: bool = False,
    watch: Callable[[Event], None] | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train a network on labelled data and return the finished run; None leaves a choice to percept.

    Args:
        data: path of a folder of pictures, an IDX folder, an .npz or a table; the name of a built-in set; or arrays:
            (samples, height, width[, channels]) pictures, (samples, features) rows, or a pandas DataFrame.
        target: target column of a table, or (samples,) labels beside arrays.
        out: the run folder; must not hold anything. By default runs/NAME, then runs/NAME-2, and so on.
        model: name of the network, see `percept models`.
        test: path of the user's own test data, or "none" to seal nothing.
        task: "classification" or "regression".
        group: column of a table whose equal values stay on one side of every split.
        header: whether a table's first line holds names.
        test_size: share of the samples to seal, in (0, 1).
        validation_size: share of the samples to validate on, in (0, 1).
        skip_unreadable: whether to go on without pictures that cannot be read.
        image_size: (height, width) that pictures are resized to, pixels.
        resize: "stretch" the whole picture, or "crop" its centre.
        epochs: passes over the training samples, at most.
        batch_size: samples a step.
        optimizer: "adamw", "adam" or "sgd".
        learning_rate: step size at the top of the schedule.
        weight_decay: decay of the weights.
        momentum: momentum of sgd.
        schedule: "cosine", "plateau" or "constant".
        metric: validation figure that stopping and the choice of weights go by.
        patience: epochs without a better figure before the end; 0 never stops early.
        clip_norm: largest norm of a step's gradient; 0 clips nothing.
        class_weights: "none" or "balanced".
        augment: "none", or "shift" for training pictures moved by a few pixels.
        seed: number that every random choice derives from.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        precision: "auto", "float32" or "bfloat16".
        threads: threads of the CPU.
        resume: go on with the unfinished run of the same command.
        watch: told each event as it happens.
        progress: told how many pictures are decoded, and of how many.

    Returns:
        The run, with its figures on the validation part.

    Raises:
        DataError: the data cannot be used.
        OptionError: an option has a value that does not work.
        TrainingError: the loss is no longer finite.
    """
    dataset, source, column = _given(data, target, task, group)
    recipe = Recipe.from_options(
        {
            "data": {
                "source": source,
                "path": None if source == ARRAYS or not Path(source).exists() else str(Path(source).resolve()),
                "target": column,
                "task": task,
                "header": header,
                "group": group,
                "test": "none" if str(test) == "none" else "given" if test else None,
                "test_file": str(Path(test).resolve()) if test and str(test) != "none" else None,
                "test_size": test_size,
                "validation_size": validation_size,
                "skip_unreadable": skip_unreadable,
                "image_size": image_size,
                "resize": resize,
            },
            "model": {"name": model},
            "training": {
                "epochs": epochs,
                "batch_size": batch_size,
                "optimizer": optimizer,
                "learning_rate": learning_rate,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "schedule": schedule,
                "metric": metric,
                "patience": patience,
                "clip_norm": clip_norm,
                "class_weights": class_weights,
                "augment": augment,
                "seed": seed,
                "device": None if device == "auto" else device,
                "precision": None if precision == "auto" else precision,
                "threads": threads,
            },
        }
    )
    events = fit_events(recipe, dataset=dataset, out=Path(out) if out else None, resume=resume, progress=progress)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            run: Run = end.value
            return run
        if watch is not None:
            watch(event)


def _given(data: Any, target: Any, task: Task | None, group: str | None) -> tuple[Dataset | None, str, str | None]:
    """Return the data set if it is in memory, the source's name, and the target column."""
    if isinstance(data, str | Path):
        return None, str(data), None if target is None else str(target)
    if target is None:
        raise OptionError("data in memory needs its target too: percept.fit(X, y), or a DataFrame and a column's name")
    if isinstance(data, pd.DataFrame) and isinstance(target, str):
        return frame_dataset(data, target=target, task=task, group=group), ARRAYS, target
    if isinstance(data, pd.DataFrame) or np.ndim(data) == 2:
        return arrays_table(data, np.asarray(target), task=task), ARRAYS, None
    return arrays_dataset(np.asarray(data), np.asarray(target)), ARRAYS, None


def fit_events(
    recipe: Recipe,
    *,
    dataset: Dataset | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Generator[Event, None, Run]:
    """Train as `fit` does, yielding what happens as it happens.

    Args:
        recipe: what the user asked for.
        dataset: the data, where they are in memory.
        out: the run folder, or None for a fresh one under runs/.
        resume: go on with the unfinished run of the same command.
        progress: told how many pictures are decoded, and of how many.

    Yields:
        Notes, epochs, and steps in between.

    Returns:
        The finished run.
    """
    _known_model(recipe)
    name = run_name(recipe.data.source)
    folder = _unfinished(out, name, resume)
    if folder is not None:
        recipe = _same_choices(recipe, Recipe.read(folder.recipe), folder)
        if folder.finished:
            yield Note(f"{folder.path} is finished already: nothing is left to resume")
            return open_finished(folder)
    elif resume:
        yield Note("there is no unfinished run of this data: a new one begins")
    dataset = dataset or read_dataset(recipe.data, folder)
    yield from map(Note, dataset.notes)
    prepared = prepare(dataset, recipe, progress)
    yield from map(Note, prepared.notes)
    machine, recipe = _machine(prepared)
    main = machine.accelerator.is_main_process
    if folder is None:
        path = str(claim(out, name).path) if main else ""
        folder = RunFolder(Path(agreed(path, machine.accelerator)))
        if main:
            _write_plan(folder, recipe, prepared)
    else:
        _same_split(folder, prepared)
    with deterministic(recipe.training.threads or 1):
        learned = yield from learn(prepared, recipe, folder, machine)
        if main:
            yield from finish(prepared, recipe, folder, machine, learned, command_line())
    machine.accelerator.wait_for_everyone()
    return open_finished(folder)


def run_name(source: str) -> str:
    """Return the short name of a source for its run folder.

    Example:
        >>> run_name("data/heart.csv.gz"), run_name("flowers/")
        ('heart', 'flowers')
    """
    name = Path(source).resolve().name if Path(source).exists() else Path(source).name
    return name.split(".")[0] or name.strip(".") or "run"


def _known_model(recipe: Recipe) -> None:
    if recipe.model.name is not None and recipe.model.name not in MODELS:
        raise OptionError(f"model is {recipe.model.name!r}; expected one of {', '.join(names())}")


def _unfinished(out: Path | None, name: str, resume: bool) -> RunFolder | None:
    if not resume:
        return None
    folder = RunFolder(out) if out is not None else latest(name)
    return folder if folder is not None and folder.recipe.exists() else None


def _same_choices(asked: Recipe, kept: Recipe, folder: RunFolder) -> Recipe:
    for section in ("data", "model", "training"):
        given = getattr(asked, section).model_dump(exclude_unset=True)
        for name, value in given.items():
            before = getattr(getattr(kept, section), name)
            if name in ("path", "test_file") or before == value or (name == "arguments" and not value):
                continue
            raise OptionError(
                f"--resume: {name.replace('_', ' ')} is {value}, but {folder.path} was begun with {before};"
                " give the same options, or leave --resume out to begin a new run"
            )
    return kept


def _machine(prepared: Prepared) -> tuple[Machine, Recipe]:
    """Return where to train, and the recipe with every choice made."""
    recipe = prepared.recipe
    training, name = recipe.training, recipe.model.name or ""
    device = choose_device(training.device or "auto")
    threads = choose_threads(training.threads)
    smallest = MODELS[name].bfloat16_from
    gains = smallest is not None and min(recipe.data.image_size or (0,)) >= smallest
    precision = choose_precision(training.precision or "auto", device, gains=gains)
    kind = prepared.loaded.dataset.kind
    choices = training_defaults(kind, name, training.optimizer, len(prepared.rows("train")))
    recipe = recipe.filled(
        "training", **choices, metric="loss", device=str(device), precision=precision, threads=threads
    )
    settings_of(recipe)
    return Machine(make_accelerator(device, precision), precision), recipe


def _write_plan(folder: RunFolder, recipe: Recipe, prepared: Prepared) -> None:
    recipe.write(folder.recipe)
    write_splits(folder.splits, prepared.loaded.dataset.keys, prepared.split, prepared.loaded.dataset.target)
    if recipe.data.source == ARRAYS:
        save_dataset(folder.data, prepared.loaded.dataset)


def _same_split(folder: RunFolder, prepared: Prepared) -> None:
    parts = read_splits(folder.splits, prepared.loaded.dataset.keys)
    if (parts != prepared.split.part).any():
        raise RunFolderError(
            f"the data of {folder.path} have changed since the run was begun; put them back, or begin a new run"
        )


def command_line() -> str:
    """Return the command that was typed, for the report."""
    return (
        shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv[0].endswith("percept") else "percept.fit(...)"
    )
