"""From the options that a user gave to a recipe with everything else left open."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from percept.errors import OptionError
from percept.runs.recipe import DataRecipe, Recipe, TrainingRecipe
from percept.selection.splits import NAMES
from percept.workflow.samples import ARRAYS
from percept.workflow.stack import ALPHAS


def asked_recipe(
    source: str, target: Any, test: str | Path | None, options: Mapping[str, Any], selection: Mapping[str, Any]
) -> Recipe:
    """Return the recipe of what the user asked for.

    Args:
        source: path or name of the data, or `ARRAYS`.
        target: target column of a table, or labels beside arrays.
        test: path of the user's own test data, or "none".
        options: values by name; None is not asked for.
        selection: what a selection goes by; empty for none.

    Raises:
        OptionError: an option has a value of the wrong kind.
    """
    device, precision = (None if options.get(name) == "auto" else options.get(name) for name in ("device", "precision"))
    ignore, classes = options.get("ignore"), options.get("classes")
    given = {
        **options,
        "device": device,
        "precision": precision,
        "ignore": None if ignore is None else str(ignore),
        "classes": None if classes is None else list(classes),
        "find_lr": options.get("find_lr") or None,
    }
    data = {name: given.get(name) for name in DataRecipe.model_fields if name in given}
    return Recipe.from_options(
        {
            "data": {
                **data,
                "source": source,
                "path": None if source == ARRAYS or not Path(source).exists() else str(Path(source).resolve()),
                "target": None if target is None or np.ndim(target) else str(target),
                "test": "none" if str(test) == "none" else "given" if test else None,
                "test_file": str(Path(test).resolve()) if test and str(test) != "none" else None,
            },
            "model": {"name": given.get("model"), "pretrained": _whole_path(given.get("pretrained"))},
            "training": {name: given.get(name) for name in TrainingRecipe.model_fields},
            "selection": dict(selection),
        }
    )


def _whole_path(source: str | Path | None) -> str | None:
    """Return the absolute path of a file or folder that is there; a name as it is."""
    return None if source is None else str(Path(source).resolve()) if Path(source).exists() else str(source)


def stack_asked(
    cv: int | str | None,
    alphas: str | Sequence[float] | None,
    hidden: Sequence[Sequence[int]] | None,
    restarts: int | None,
    nested: int | None,
) -> dict[str, Any]:
    """Return what a selection among stacked networks goes by; empty where nothing of it is asked for.

    Raises:
        OptionError: a value does not work.
    """
    if all(value is None for value in (cv, alphas, hidden, restarts, nested)):
        return {}
    if restarts is not None and restarts < 1:
        raise OptionError(f"--restarts is {restarts}; expected a whole number of 1 or more")
    return {
        "cv": checked_cv(5 if cv is None else cv),
        "alphas": _decays("auto" if alphas is None else alphas),
        "hidden": None if hidden is None else [_layers(shape) for shape in hidden],
        "restarts": restarts,
        "nested": checked_nested(nested),
    }


def checked_cv(cv: int | str) -> str:
    """Return the way of splitting as text.

    Raises:
        OptionError: it is none that percept knows.

    Example:
        >>> checked_cv(5), checked_cv("loo")
        ('5', 'loo')
    """
    if str(cv) in NAMES or (str(cv).isdecimal() and int(cv) >= 2):
        return str(cv)
    raise OptionError(f"--cv is {cv}; expected a number of parts, 2 or more, or {', '.join(NAMES)}")


def checked_nested(parts: int | None) -> int | None:
    """Return the number of outer parts.

    Raises:
        OptionError: it is below 2.
    """
    if parts is not None and parts < 2:
        raise OptionError(f"--nested is {parts}; expected 2 outer parts or more, such as 5")
    return parts


def _decays(alphas: str | Sequence[float]) -> list[float]:
    if isinstance(alphas, str) and alphas == "auto":
        return list(ALPHAS)
    words = alphas.split(",") if isinstance(alphas, str) else alphas
    try:
        values = [float(word) for word in words]
    except (TypeError, ValueError):
        values = []
    if not values or not all(0 <= value < np.inf for value in values):
        raise OptionError(f"--alphas is {alphas}; expected auto, or numbers of at least 0 such as 0.001,0.01,0.1")
    return sorted(set(values))


def _layers(shape: Sequence[int]) -> list[int]:
    if isinstance(shape, str) or not all(isinstance(units, (int, np.integer)) and units > 0 for units in shape):
        raise OptionError(f"--hidden is {shape}; expected units of each hidden layer, such as 64 or 32x16")
    return [int(units) for units in shape]
