"""Several trainings of one candidate, from other random numbers: how they are begun, and which is kept."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone

from percept.errors import OptionError
from percept.selection.fitting import Fit


def candidate_models(model: Any, candidate: Mapping[str, Any], restarts: int, seed: int | None) -> list[Any]:
    """Return unfitted models with a candidate's parameters, one a restart, each with random numbers of its own.

    The first restart has the seeds that the model was given, so that one restart equals GridSearchCV's fit; where it
    was given None, `seed` takes its place.

    Args:
        model: stays as it is.
        candidate: names and values as `set_params` takes them; a random state among them holds for every restart.
        restarts: how many.
        seed: None leaves to chance what the model leaves to it.

    Raises:
        OptionError: the model has no such parameter, or no random numbers that restarts could differ by.

    Example:
        >>> from sklearn.linear_model import Perceptron
        >>> models = candidate_models(Perceptron(random_state=5), {"alpha": 0.1}, 3, 0)
        >>> models[0].random_state, len({each.random_state for each in models})
        (5, 3)
    """
    if not isinstance(restarts, Integral) or isinstance(restarts, bool) or restarts < 1:
        raise OptionError(f"restarts is {restarts!r}; expected a whole number of 1 or more")
    first = clone(model, safe=False)
    if candidate:
        try:
            first.set_params(**clone(dict(candidate), safe=False))
        except (ValueError, AttributeError) as error:
            raise OptionError(f"{type(model).__name__} cannot take {dict(candidate)}: {error}") from error
    parameters = first.get_params(deep=True) if hasattr(first, "get_params") else {}
    sources = {name: value for name, value in parameters.items() if _is_random_state(name) and name not in candidate}
    if restarts > 1 and not sources:
        raise OptionError(
            f"{type(model).__name__} has no random_state, so its {restarts} restarts would be the same; set restarts=1"
        )
    models = [first, *(clone(first) for _ in range(restarts - 1))]
    for name, value in sources.items():
        for each, own in zip(models, _seeds(value, restarts, seed), strict=True):
            each.set_params(**{name: own})
    return models


def _is_random_state(name: str) -> bool:
    return name.rpartition("__")[2] == "random_state"


def _seeds(given: Any, count: int, seed: int | None) -> list[Any]:
    """Return the random states of all restarts, the first being the given one."""
    if given is None and seed is None:
        return [None] * count
    first = seed if given is None else given
    source: Any = np.random.RandomState(int(first)) if isinstance(first, Integral) else deepcopy(first)
    draw = source.integers if isinstance(source, np.random.Generator) else source.randint
    return [first, *(int(own) for own in draw(2**31 - 1, size=count - 1))]


def best_restart(fits: Sequence[Fit]) -> int:
    """Return the fit that did best on the samples it was trained with, the first of equal ones.

    What the samples left out say must not choose among restarts, or their score would be too good.
    """
    return max(range(len(fits)), key=lambda each: (not fits[each].error, fits[each].standing, -each))
