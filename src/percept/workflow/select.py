"""The choice among candidates that are runs of their own: what `percept select` does."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from percept.data.dataset import Task
from percept.errors import OptionError
from percept.workflow.asked import asked_recipe, checked_cv, checked_nested
from percept.workflow.candidates import candidates_of
from percept.workflow.events import Event
from percept.workflow.fit import Progress, run_to_end
from percept.workflow.memory import in_memory
from percept.workflow.run import Run
from percept.workflow.samples import ARRAYS


def select(
    data: Any,
    target: Any = None,
    *,
    grid: Mapping[str, Sequence[Any]],
    cv: int | str = 5,
    nested: int | None = None,
    n_jobs: int | None = None,
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
    """Compare settings of any network by cross-validation, train the best one, and return that finished run.

    Each candidate on each split is a run in the folder `parts/` of the returned one, and is not done again when the
    selection is resumed. The sealed test part takes no part; the best candidate is trained on all other samples, of
    which it keeps some to choose its epoch by, as each of the runs did.

    Args:
        data: as for `percept.fit`.
        target: as for `percept.fit`.
        grid: values to choose from by name: options of the training such as "learning_rate", "model", or arguments of
            the network such as "hidden".
        cv: a number of parts, "loo", "bootstrap", or "subsampling".
        nested: parts of an outer loop that measures the error of the whole choice.
        n_jobs: runs at a time, through joblib; `joblib.parallel_config` takes them to a cluster.
        out: the run folder; must not hold anything.
        model: name of the network, see `percept models`.
        test: as for `percept.fit`, as are all further arguments.
        task: see there.
        group: see there.
        header: see there.
        test_size: see there.
        validation_size: see there; of the samples of each run.
        skip_unreadable: see there.
        image_size: see there.
        resize: see there.
        epochs: see there.
        batch_size: see there.
        optimizer: see there.
        learning_rate: see there.
        weight_decay: see there.
        momentum: see there.
        schedule: see there.
        metric: see there; candidates are compared by it too.
        patience: see there.
        clip_norm: see there.
        class_weights: see there.
        augment: see there.
        seed: see there.
        device: see there.
        precision: see there.
        threads: see there.
        resume: go on with the unfinished selection of the same command.
        watch: told each event as it happens.
        progress: told how many pictures are decoded, and of how many.

    Raises:
        OptionError: the grid or an option does not work.
        DataError: the data cannot be used.

    Source: notes §2.5.1 and §2.5.3.
    """
    _check_grid(grid, locals())
    if isinstance(data, str | Path):
        dataset, source = None, str(data)
    else:
        dataset, source = in_memory(data, target, task=task, group=group, test=test, header=header), ARRAYS
    recipe = asked_recipe(
        source,
        target,
        test,
        {
            "task": task,
            "group": group,
            "header": header,
            "model": model,
            "test_size": test_size,
            "validation_size": validation_size,
            "skip_unreadable": skip_unreadable,
            "image_size": image_size,
            "resize": resize,
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
            "device": device,
            "precision": precision,
            "threads": threads,
        },
        {
            "cv": checked_cv(cv),
            "grid": {name: list(values) for name, values in grid.items()},
            "nested": checked_nested(nested),
        },
    )
    candidates_of(recipe)
    return run_to_end(recipe, dataset, out, resume=resume, watch=watch, progress=progress, n_jobs=n_jobs)


def _check_grid(grid: Mapping[str, Sequence[Any]], given: Mapping[str, Any]) -> None:
    """Refuse a grid without values, and an option that is given both a value and a choice of values."""
    if not grid:
        raise OptionError("there is nothing to choose from; give a grid, such as --grid learning_rate=0.001,0.003")
    for name, values in grid.items():
        if isinstance(values, str) or not len(values):
            raise OptionError(f"--grid {name} is {values!r}; expected one value or more, such as {name}=0.001,0.003")
        if given.get(name) is not None:
            raise OptionError(f"--{name.replace('_', '-')} is {given[name]}, and --grid has {name} too; leave one out")
