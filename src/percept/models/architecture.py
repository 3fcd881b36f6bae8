"""What percept knows of an architecture: how it is built, from which paper, for what input."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Literal

from torch import nn

from percept.models.small_resnet import strides_for

InputKind = Literal["image", "table", "any"]
Answer = Literal["classification", "segmentation"]
Fit = Callable[[int, tuple[int, ...]], dict[str, object]]


@dataclass(frozen=True)
class Architecture:
    """A network by name: its builder and what it takes.

    Attributes:
        build: the builder, with named arguments only.
        fit: the builder's arguments for a number of outputs and the shape of one sample.
        paper: who described it.
        year: when.
        kind: what it takes: pictures, rows of a table, or any of the two.
        task: what it answers: "classification" for one answer a sample, a class or a figure; "segmentation" for a class
            at every pixel.
        smallest_side: the smallest side of a picture that the layers can take, pixels.
        kept_sides: pictures whose shorter side lies in this range, ends included, keep their size; smaller ones are
            enlarged and larger ones reduced to it, pixels; for "segmentation", where pictures keep their size and
            training takes crops, what its paper's pictures have.
        bfloat16_from: shorter side of pictures from which training in bfloat16 was measured faster on a CPU that
            multiplies it natively, pixels; None where it never was.
    """

    build: Callable[..., nn.Module]
    fit: Fit
    paper: str
    year: int
    kind: InputKind
    smallest_side: int = 1
    kept_sides: tuple[int, int] = (1, 32)
    bfloat16_from: int | None = None
    task: Answer = "classification"

    @property
    def size_rule(self) -> str:
        """Return the default size of its pictures in words."""
        if self.task == "segmentation":
            return "own size, trained on crops"
        low, high = self.kept_sides
        enlarged = f"enlarged to {low} below, " if low > 1 else ""
        return f"own size up to {high} pixels on the shorter side, {enlarged}reduced to {high} above"


def fit_flat(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    """Return the arguments of a network that takes samples as rows of values."""
    return {"classes": outputs, "inputs": prod(shape)}


def fit_layers(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    """Return those of a multilayer perceptron: some dropout helps on most tables, and harms hardly any."""
    return {**fit_flat(outputs, shape), "hidden": [128, 64], "dropout": 0.2}


def fit_channels(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    """Return those of a network for pictures of any size."""
    return {"classes": outputs, "channels": shape[0]}


def fit_size(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    """Return those of a network for pictures of one size."""
    return {**fit_channels(outputs, shape), "size": list(shape[1:])}


def fixed(fit: Fit, **arguments: object) -> Fit:
    """Return a rule that also fixes arguments of the builder whatever the data."""
    return lambda outputs, shape: {**fit(outputs, shape), **arguments}


def fit_strides(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    """Return those of the default network, whose maps shrink as fast as suits the size of the pictures."""
    channels, height, width = shape
    return {"classes": outputs, "channels": channels, "strides": list(strides_for(height, width))}
