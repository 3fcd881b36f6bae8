"""Choosing honestly: candidates compared by cross-validation, and the error of the whole choice by a loop around it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from percept.selection.choosing import select as select
    from percept.selection.cross_validation import cross_validate as cross_validate
    from percept.selection.outer import nested as nested

_HOMES = {
    "cross_validate": "percept.selection.cross_validation",
    "nested": "percept.selection.outer",
    "select": "percept.selection.choosing",
}

__all__ = ["cross_validate", "nested", "select"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'percept.selection' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
