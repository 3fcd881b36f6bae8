"""From a folder of pictures and masks to a trained segmenter: the run behind `percept fit` for masks."""

import time
from collections.abc import Callable, Generator
from contextlib import nullcontext
from pathlib import Path

from percept.devices import choose_device, choose_precision, choose_threads
from percept.models import MODELS, require_task
from percept.runs.folder import RunFolder
from percept.runs.lock import locked
from percept.runs.recipe import Recipe
from percept.training.processes import deterministic, make_accelerator
from percept.workflow.begin import command_line, nothing_left, plan, taken
from percept.workflow.events import Event, Note, Started
from percept.workflow.machine import Machine
from percept.workflow.run import Run, open_finished
from percept.workflow.segmentation.choices import with_choices
from percept.workflow.segmentation.choose import check_mask_candidates, choose_masks
from percept.workflow.segmentation.finish import finish_masks
from percept.workflow.segmentation.learn import learn_masks, pixel_settings
from percept.workflow.segmentation.patches import check_patches
from percept.workflow.segmentation.prepare import PreparedMasks, as_dataset, prepare_masks, read_masks


def segment_events(
    recipe: Recipe,
    folder: RunFolder | None,
    *,
    out: Path | None,
    name: str,
    progress: Callable[[int, int], None] | None = None,
    networks: Callable[[int, int], None] | None = None,
    n_jobs: int | None = None,
) -> Generator[Event, None, Run]:
    """Train a segmenter, yielding what happens as it happens.

    Args:
        recipe: what the user asked for.
        folder: the unfinished run to go on with, or None.
        out: the run folder, or None for a fresh one under runs/.
        name: what run folders of these data are called.
        progress: told how many masks are read, and of how many.
        networks: told how many runs of a selection are done, and of how many.
        n_jobs: runs of a selection at a time.

    Returns:
        The finished run.
    """
    begun = time.monotonic()
    if recipe.model.name is not None:
        require_task(recipe.model.name, "segmentation" if recipe.training.patches is None else "classification")
    check_patches(recipe)
    dataset = read_masks(recipe.data, progress)
    yield from map(Note, dataset.notes)
    recipe = recipe.remembered()
    prepared = prepare_masks(dataset, recipe)
    check_mask_candidates(prepared)
    yield from map(Note, prepared.notes)
    machine, recipe = _machine(prepared)
    main = machine.accelerator.is_main_process
    folder = taken(folder, out, name, machine.accelerator)
    with locked(folder) if main else nullcontext(), deterministic(recipe.training.threads or 1):
        if folder.finished:  # by another process, while this one read the data
            return (yield from nothing_left(folder))
        if main:
            folder.tidy()
            plan(folder, recipe, as_dataset(dataset), prepared.split)
        if recipe.selection is not None:
            yield Started(folder.path, 1, 0)
            chosen = yield from choose_masks(prepared, recipe, folder, networks, n_jobs)
            prepared = prepare_masks(dataset, chosen.recipe)
            machine, recipe = _machine(prepared)
            recipe.write(folder.recipe)
        learned = yield from learn_masks(prepared, recipe, folder, machine, begun)
        if main:
            yield from finish_masks(prepared, recipe, folder, machine, learned, command_line())
    machine.accelerator.wait_for_everyone()
    return open_finished(folder)


def _machine(prepared: PreparedMasks) -> tuple[Machine, Recipe]:
    """Return where to train, and the recipe with every choice made."""
    training = prepared.recipe.training
    device = choose_device(training.device or "auto")
    gains = True
    if training.patches is not None:
        smallest = MODELS[prepared.recipe.model.name or ""].bfloat16_from
        gains = smallest is not None and training.patches >= smallest
    precision = choose_precision(training.precision or "auto", device, gains=gains)
    recipe = with_choices(prepared).filled(
        "training", device=str(device), precision=precision, threads=choose_threads(training.threads)
    )
    pixel_settings(recipe)
    return Machine(make_accelerator(device, precision), precision), recipe
