"""An inspected network as lines of text, for the terminal and for documents."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from percept.nn.inspection import InspectedLayer, Inspection

HEAD = ("layer", "kind", "output", "weights", "written out", "multiply-adds", "sees", "stride", "training", "inference")
LEFT = (0, 1, 2, 4)  # columns that begin at their left


def inspection_table(inspection: "Inspection", layers: "Sequence[InspectedLayer]") -> str:
    """Return a line for each of these layers, and the totals of the network below.

    Args:
        inspection: the network.
        layers: its layers, or some of them taken together.
    """
    rows = [HEAD, *(_row(layer) for layer in layers)]
    shown = [column for column in range(len(HEAD)) if any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in shown}
    lines = [
        "  ".join(
            row[column].ljust(widths[column]) if column in LEFT else row[column].rjust(widths[column])
            for column in shown
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *_totals(inspection)])


def _row(layer: "InspectedLayer") -> tuple[str, ...]:
    field = layer.field
    return (
        layer.name,
        f"{layer.repeats} {layer.kind}" if layer.repeats > 1 else layer.kind,
        sides(layer.shape),
        f"{layer.parameters:,}" if layer.parameters else "",
        layer.formula,
        short(layer.multiply_adds) if layer.multiply_adds else "",
        "" if field is None else str(field),
        "" if field is None or not any(field.stride) else sides(_distinct(field.stride)),
        bytes_in_words(layer.training_bytes) if layer.training_bytes else "",
        bytes_in_words(layer.inference_bytes) if layer.inference_bytes else "",
    )


def _distinct(numbers: Sequence[object]) -> Sequence[object]:
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def _totals(inspection: "Inspection") -> list[str]:
    frozen = inspection.parameters - inspection.trainable
    known = f", {frozen:,} of them frozen" if frozen else ""
    work = f"{inspection.parameters:,} weights{known}; {short(inspection.multiply_adds)} multiply-adds a sample"
    training = bytes_in_words(inspection.training_fixed), bytes_in_words(inspection.training_bytes)
    predicting = bytes_in_words(inspection.weight_bytes), bytes_in_words(inspection.inference_bytes)
    lines = [
        f"{inspection.name} for an input of {sides(inspection.shape)}: {work}.",
        f"Training: {training[0]} (weights, gradients, Adam) and {training[1]} a sample (kept for the backward pass).",
        f"Inference: {predicting[0]} (weights, averages) and {predicting[1]} a sample (the most at one time).",
    ]
    return [*lines, *([f"Note: {inspection.note}."] if inspection.note else [])]


def sides(numbers: Sequence[object]) -> str:
    """Return sizes as they are written, such as "64x56x56"."""
    return "x".join(map(str, numbers))


def short(count: int) -> str:
    """Return a large count in four digits.

    Example:
        >>> short(118_013_952), short(1_814_073_344), short(5120)
        ('118.0 M', '1.814 G', '5,120')
    """
    for unit, name in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if count >= unit:
            return f"{count / unit:#.4g} {name}"
    return f"{count:,}"


def bytes_in_words(size: int) -> str:
    """Return a size in memory; a MB is a million bytes.

    Example:
        >>> bytes_in_words(3_211_264), bytes_in_words(40), bytes_in_words(0)
        ('3.21 MB', '40 B', '0 B')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:#.3g}".rstrip(".") + f" {name}"
    return f"{size} B"
