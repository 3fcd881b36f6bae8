"""The choice among candidates that are runs of their own: what `percept select` does."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from percept.errors import OptionError
from percept.workflow.asked import checked_cv, checked_nested
from percept.workflow.candidates import candidates_of
from percept.workflow.events import Event
from percept.workflow.fit import Progress, run_to_end
from percept.workflow.options import FitOptions, asked_of, named_options
from percept.workflow.run import Run


@named_options
def select(
    data: Any,
    target: Any = None,
    *,
    grid: Mapping[str, Sequence[Any]],
    cv: int | str = 5,
    nested: int | None = None,
    n_jobs: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    watch: Callable[[Event], None] | None = None,
    progress: Progress | None = None,
    **options: Unpack[FitOptions],
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
        resume: go on with the unfinished selection of the same command.
        watch: told each event as it happens.
        progress: told how many pictures are decoded, and of how many.
        options: further choices, listed below; candidates are compared by `metric` too.

    Returns:
        The run of the best candidate.

    Raises:
        OptionError: the grid or an option does not work.
        DataError: the data cannot be used.

    Source: notes §2.5.1 and §2.5.3.
    """
    _check_grid(grid, options)
    choice = {
        "cv": checked_cv(cv),
        "grid": {name: list(values) for name, values in grid.items()},
        "nested": checked_nested(nested),
    }
    recipe, dataset = asked_of(data, target, options, choice)
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
