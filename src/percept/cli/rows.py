"""Predictions on the terminal: a table that grows as they come, or one JSON list."""

import json
import sys
from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from percept.cli.screen import Screen
    from percept.workflow.predict import Row

MEASURED = 100  # rows that the columns' widths are taken from


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
    first = list(islice(rows, MEASURED))
    if not first:
        return
    lines = [list(first[0]), *map(_cells, first)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(chain(lines, map(_cells, rows))):
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        screen.line("  ".join(padded).rstrip(), "" if number else "bold")


def _cells(row: "Row") -> list[str]:
    return [_decimals(value) if isinstance(value, float) else str(value) for value in row.values()]


def _decimals(value: float) -> str:
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e9 else f"{value:.4g}"
