"""What a selection found: the candidates with their figures, the chosen one, and what it said out of fold."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.errors import RunFolderError
from percept.runs.folder import RunFolder, write_rows
from percept.runs.recipe import Recipe
from percept.workflow.assess import write_json
from percept.workflow.folds import Fold, Rows
from percept.workflow.learn import Learned

FORMAT_VERSION = 1  # of selection.json


@dataclass(frozen=True)
class Candidate:
    """One candidate of a selection.

    Attributes:
        params: what it sets, by name.
        test: its figure on each split's left-out samples.
        train: its mean figure on the samples that it learned from; None where it was not taken.
        restarts: mean figure of each restart on the left-out samples; empty for one alone.
    """

    params: Mapping[str, Any]
    test: tuple[float, ...]
    train: float | None = None
    restarts: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """Return the mean figure over the splits."""
        return float(np.mean(self.test))


@dataclass(frozen=True)
class Chosen:
    """A selection that is done.

    Attributes:
        recipe: the recipe with the chosen candidate's values.
        candidates: all of them.
        best: number of the chosen one.
        simplest: number of its one-standard-error neighbor.
        metric: what they were compared by.
        higher_is_better: which way is good.
        networks: how many were trained.
        folds: rows of the splits.
        rows: the samples that were left out at least once.
        scores: (rows, classes) probabilities or (rows,) figures of the chosen candidate for them, out of fold.
        learned: the network trained on all of the rest; None where that is still to be done.
    """

    recipe: Recipe
    candidates: tuple[Candidate, ...]
    best: int
    simplest: int
    metric: str
    higher_is_better: bool
    networks: int
    folds: tuple[Fold, ...]
    rows: Rows
    scores: NDArray[np.float64]
    learned: Learned | None = None


def write_selection(folder: RunFolder, chosen: Chosen, nested: Mapping[str, Any] | None) -> None:
    """Write selection.json and selection.csv.

    Args:
        folder: the run.
        chosen: what was found.
        nested: the honest error of the whole choice, or None.
    """
    selection = chosen.recipe.selection
    write_json(
        folder.selection,
        {
            "format_version": FORMAT_VERSION,
            "metric": chosen.metric,
            "higher_is_better": chosen.higher_is_better,
            "cv": selection.cv if selection else "",
            "splits": len(chosen.folds),
            "networks": chosen.networks,
            "candidates": [
                {
                    "params": dict(each.params),
                    "mean": _known(each.mean),
                    "error": _known(standard_error(each.test)),
                    "test": [_known(value) for value in each.test],
                    "train": None if each.train is None else _known(each.train),
                    "restarts": [_known(value) for value in each.restarts],
                }
                for each in chosen.candidates
            ],
            "best": chosen.best,
            "simplest": chosen.simplest,
            "nested": nested,
        },
    )
    names = list(chosen.candidates[0].params)
    header = [*names, chosen.metric, "standard_error", f"train_{chosen.metric}", "splits", "chosen"]
    write_rows(
        folder.candidates,
        header,
        [
            (
                *(written(each.params[name]) for name in names),
                each.mean,
                standard_error(each.test),
                "" if each.train is None else each.train,
                len(each.test),
                {chosen.best: "best", chosen.simplest: "one standard error"}.get(number, ""),
            )
            for number, each in enumerate(chosen.candidates)
        ],
    )


def read_selection(folder: RunFolder) -> dict[str, Any] | None:
    """Return what `write_selection` wrote, or None where the run chose nothing.

    Raises:
        RunFolderError: the file is damaged or of a newer format.
    """
    if not folder.selection.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(folder.selection.read_text(encoding="utf-8"))
        if found["format_version"] > FORMAT_VERSION:
            raise RunFolderError(f"{folder.selection} is of a newer format; install a newer percept")
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, RunFolderError):
            raise
        raise RunFolderError(f"{folder.selection} cannot be read ({error}); put back the file as it was") from error
    return found


def standard_error(values: Sequence[float]) -> float:
    """Return the standard error of the mean; splits share samples, so it is a guide and no proof.

    Example:
        >>> standard_error([0.8, 0.9])
        0.05
    """
    return round(float(np.std(values, ddof=1) / math.sqrt(len(values))), 12) if len(values) > 1 else 0.0


def written(value: Any) -> str:
    """Return a candidate's value as it is written in tables: layers as 64x32, others as they are.

    Example:
        >>> written([64, 32]), written(0.001), written("adam")
        ('64x32', '0.001', 'adam')
    """
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "x".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
