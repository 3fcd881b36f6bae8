"""All fits of a selection, run where joblib is told to, each kept as it ends, so that a killed run goes on."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import joblib
from joblib import delayed

from percept.errors import OptionError, PerceptWarning, TrainingError
from percept.selection.digest import digest_of
from percept.selection.fit_file import read_fit, write_fit
from percept.selection.fitting import Fit, Rules, Task, fit_one
from percept.selection.samples import Samples
from percept.version import __version__

Progress = Callable[[int, int], object]  # called with the fits that are done, and all there are
Folder = str | PathLike[str] | None


def run_fits(
    tasks: Sequence[Task],
    samples: Samples,
    rules: Rules,
    *,
    scoring: Any = None,
    n_jobs: int | None = None,
    folder: Folder = None,
    progress: Progress | None = None,
) -> list[Fit]:
    """Return the fit of every task.

    Args:
        tasks: what to fit.
        samples: what all of them take their rows from.
        rules: what is measured.
        scoring: what the user named the scorer by.
        n_jobs: how many at once; None for what `joblib.parallel_config` says, whose backend may be a cluster.
        folder: keeps every fit that ends well, as a file of its own; what it has is read instead of fitted. On a
            cluster, a folder that all machines see.
        progress: told after each fit.

    Raises:
        TrainingError: every fit failed.
        WriteError: the folder cannot be written to.
    """
    keys: list[str] = [""] * len(tasks) if folder is None else _keys(tasks, samples, rules, scoring)
    paths = [None if folder is None else Path(folder) / f"{key}.npz" for key in keys]
    kept = [None if path is None else read_fit(path, key) for path, key in zip(paths, keys, strict=True)]
    found = {place: fit for place, fit in enumerate(kept) if fit is not None}
    waiting = [place for place in range(len(tasks)) if place not in found]
    if progress is not None and found:
        progress(len(found), len(tasks))
    calls = (delayed(_fit_and_keep)(each, tasks[each], samples, rules, paths[each], keys[each]) for each in waiting)
    for place, fit in _as_they_end(calls, n_jobs) if waiting else ():
        found[place] = fit
        if progress is not None:
            progress(len(found), len(tasks))
    fits = [found[place] for place in range(len(tasks))]
    _report_failures(tasks, fits)
    return fits


def _fit_and_keep(
    place: int, task: Task, samples: Samples, rules: Rules, path: Path | None, key: str
) -> tuple[int, Fit]:
    fit = fit_one(task, samples, rules)
    if path is not None and not fit.error:  # one that failed is tried again next time
        write_fit(path, key, fit)
    return place, fit


def _as_they_end(calls: Iterable[Any], n_jobs: int | None) -> Iterator[tuple[int, Fit]]:
    try:
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    except ValueError:  # some clusters give all results at the end
        parallel = joblib.Parallel(n_jobs=n_jobs)
    yield from parallel(calls)


def _keys(tasks: Sequence[Task], samples: Samples, rules: Rules, scoring: Any) -> list[str]:
    groups = samples.groups if rules.grouped else None  # otherwise they are in the rows
    data = digest_of(samples.X, samples.y, samples.weights, groups, files=True)
    asked = digest_of(__version__, scoring, rules.train_scores, rules.compared, rules.weighted)
    parts = [(task.model, task.train, task.test) for task in tasks]
    known = {id(part): part for of_task in parts for part in of_task}  # many tasks share them
    digests = {place: digest_of(part) for place, part in known.items()}
    return [digest_of(data, asked, *(digests[id(part)] for part in of_task)) for of_task in parts]


def _report_failures(tasks: Sequence[Task], fits: Sequence[Fit]) -> None:
    """Warn once for each model that failed somewhere.

    Raises:
        TrainingError: nothing succeeded.
    """
    errors = [fit.error for fit in fits if fit.error]
    if len(errors) == len(fits):
        raise TrainingError(f"every one of {len(fits)} fits failed, the first with {errors[0]}")
    for label in dict.fromkeys(task.label for task in tasks):
        of_label = [fit.error for task, fit in zip(tasks, fits, strict=True) if task.label == label]
        failed = [error for error in of_label if error]
        if failed:
            warnings.warn(
                f"{label} failed in {len(failed)} of {len(of_label)} fits, which count as NaN; the first error was"
                f" {failed[0]}",
                PerceptWarning,
                stacklevel=4,
            )


def check_progress(progress: Any) -> None:
    """Raise unless progress can be called.

    Raises:
        OptionError: it is something else.
    """
    if progress is not None and not callable(progress):
        raise OptionError(f"progress is a {type(progress).__name__}; expected a function of (done, total)")
