"""Values as JSON can hold them and give them back: what a model chose, without pickle."""

from typing import Any

import numpy as np

TUPLE = "tuple of"  # JSON has lists only


def plain(value: Any) -> Any:
    """Return a value made of numbers, texts, lists, tuples and dicts; of anything else the text that stands for it.

    Example:
        >>> plain({"sizes": (np.int64(3), 4), "model": np.tanh})
        {'sizes': (3, 4), 'model': "<ufunc 'tanh'>"}
    """
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(each) for each in value) if type(value) in (list, tuple) else repr(value)
    return repr(value)


def to_json(value: Any) -> Any:
    """Return a plain value with its tuples written as JSON can hold them.

    Example:
        >>> to_json({"sizes": (3, 4)}), from_json(to_json({"sizes": (3, 4)}))
        ({'sizes': {'tuple of': [3, 4]}}, {'sizes': (3, 4)})
    """
    if isinstance(value, dict):
        return {name: to_json(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        items = [to_json(each) for each in value]
        return {TUPLE: items} if isinstance(value, tuple) else items
    return value


def from_json(value: Any) -> Any:
    """Return what `to_json` was given."""
    if isinstance(value, dict):
        if list(value) == [TUPLE]:
            return tuple(from_json(each) for each in value[TUPLE])
        return {name: from_json(each) for name, each in value.items()}
    return [from_json(each) for each in value] if isinstance(value, list) else value
