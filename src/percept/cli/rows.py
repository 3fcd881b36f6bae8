"""Predictions on the terminal: a table that grows as they come, or one JSON list."""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from percept.cli.screen import Screen
    from percept.workflow.predict import Row


def print_rows(rows: "Iterator[Row]", screen: "Screen") -> None:
    """Print rows as they come: aligned columns for people, a list of objects for --json.

    Args:
        rows: what `predict_rows` yields.
        screen: where to print.
    """
    if screen.as_json:
        separator = "["
        for row in rows:
            sys.stdout.write(separator + json.dumps(row))
            separator = ",\n "
        sys.stdout.write("[]\n" if separator == "[" else "]\n")
        return
    width = 0
    for number, row in enumerate(rows):
        cells = [f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values()]
        if number == 0:
            width = max(24, len(cells[0]))
            screen.say("  ".join([next(iter(row)).ljust(width), *(name.ljust(12) for name in list(row)[1:])]), "bold")
        screen.say("  ".join([cells[0].ljust(width), *(cell.ljust(12) for cell in cells[1:])]).rstrip())
