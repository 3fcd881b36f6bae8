"""Candidates by splits by restarts: the fits of a comparison, and what they say about each candidate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import ParameterGrid

from percept.errors import OptionError, TrainingError
from percept.selection.fitting import Fit, Task
from percept.selection.restarts import best_restart, candidate_models
from percept.selection.results import best_index, cv_results, one_standard_error
from percept.selection.splits import Pair

Floats = NDArray[np.float64]
Params = dict[str, Any]

# Parameters by which a model is simpler the larger they are, and the power that makes them so.
DECAYS = {"alpha": 1, "weight_decay": 1, "C": -1}


def read_grid(grid: Any) -> list[Params]:
    """Return the candidates of a grid, in the order of scikit-learn's GridSearchCV.

    Args:
        grid: values to try by the name of the parameter, or several such, which are tried one after the other.

    Raises:
        OptionError: it is something else, or nothing is to be tried.

    Example:
        >>> read_grid({"b": [1, 2], "a": ["x"]})
        [{'a': 'x', 'b': 1}, {'a': 'x', 'b': 2}]
    """
    try:
        candidates = list(ParameterGrid(grid))
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"grid does not work ({error}); expected lists of values by name, such as {{'alpha': [0.01, 1]}}"
        ) from error
    if not candidates:
        raise OptionError("grid is empty; name a parameter and the values to try")
    return candidates


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        candidates: what each sets.
        models: of each candidate the unfitted models, one a restart.
    """

    candidates: list[Params]
    models: list[list[Any]]

    @property
    def restarts(self) -> int:
        """The number of restarts of each candidate."""
        return len(self.models[0])

    def tasks(self, splits: Sequence[Pair]) -> list[Task]:
        """Return the fits of all candidates, split by split and restart by restart."""
        return [
            Task(model, train, test, f"{candidate}")
            for candidate, models in zip(self.candidates, self.models, strict=True)
            for train, test in splits
            for model in models
        ]


def make_plan(model: Any, grid: Any, restarts: int, seed: int | None) -> Plan:
    """Return what is compared: every candidate of the grid with its restarts.

    Raises:
        OptionError: the grid does not work, or not with the model.
    """
    candidates = read_grid(grid)
    return Plan(candidates, [candidate_models(model, each, restarts, seed) for each in candidates])


@dataclass(frozen=True, eq=False)
class Comparison:
    """How candidates did.

    Attributes:
        candidates: what each sets.
        kept: of each candidate and split the fit of the restart that was kept.
        scores: (candidates, splits) of these.
        restart_scores: (candidates, splits, restarts) of all.
    """

    candidates: list[Params]
    kept: list[list[Fit]]
    scores: Floats
    restart_scores: Floats

    @property
    def best(self) -> int:
        """The candidate with the highest mean score, the first of equal ones."""
        return best_index(self.scores)

    def simplest(self) -> int:
        """Return the candidate that the rule of one standard error takes, see `one_standard_error`."""
        sizes = [round(np.mean([fit.weights for fit in fits])) for fits in self.kept]
        return one_standard_error(self.scores, [_decay(each) for each in self.candidates], sizes)

    def table(self, *, train_scores: bool) -> dict[str, Any]:
        """Return GridSearchCV's `cv_results_`; of several restarts also all scores as `restart_test_score`."""
        found = cv_results(
            self.candidates,
            self.scores,
            fit_time=self._each("fit_seconds"),
            score_time=self._each("score_seconds"),
            train_scores=self._each("train_score") if train_scores else None,
        )
        if self.restart_scores.shape[2] > 1:
            found["restart_test_score"] = self.restart_scores
        return found

    def _each(self, name: str) -> Floats:
        return np.array([[getattr(fit, name) for fit in fits] for fits in self.kept], np.float64)


def compare(plan: Plan, fits: Sequence[Fit], splits: int) -> Comparison:
    """Return how the candidates did, by their fits in the order of `Plan.tasks`.

    Raises:
        TrainingError: no candidate could be fitted on every split.
    """
    shape = (len(plan.candidates), splits, plan.restarts)
    lines = [list(fits[start : start + plan.restarts]) for start in range(0, len(fits), plan.restarts)]
    best = [line[best_restart(line)] for line in lines]
    kept = [best[start : start + splits] for start in range(0, len(best), splits)]
    scores = np.array([fit.score for fit in best]).reshape(shape[:2])
    if np.isnan(scores).any(axis=1).all():
        error = next((fit.error for fit in best if fit.error), "a score that is not a number")
        raise TrainingError(f"no candidate could be fitted and scored on every split; the first failed with {error}")
    return Comparison(plan.candidates, kept, scores, np.array([fit.score for fit in fits]).reshape(shape))


def _decay(candidate: Mapping[str, Any]) -> float:
    """Return how strongly a candidate is held back, by the parameter that says so; 0 where none does."""
    for name, value in candidate.items():
        power = DECAYS.get(name.rpartition("__")[2])
        if power is not None and isinstance(value, Real) and float(value) > 0:
            return float(value) ** power
    return 0.0
