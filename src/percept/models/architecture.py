"""The architectures that percept knows by name: how each is built, from which paper, for what input."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import prod
from typing import Literal

from torch import nn

from percept.errors import OptionError
from percept.models.lenet import SMALLEST_SIDE, lenet
from percept.models.linear import linear
from percept.models.mlp import mlp
from percept.models.small_resnet import small_resnet, strides_for

InputKind = Literal["image", "table", "any"]


@dataclass(frozen=True)
class Architecture:
    """A network by name: its builder and what it takes.

    Attributes:
        build: the builder, with named arguments only.
        fit: the builder's arguments for a number of outputs and the shape of one sample.
        paper: who described it.
        year: when.
        kind: what it takes: pictures, rows of a table, or any of the two.
        smallest_side: the smallest side of a picture that the layers can take, pixels.
        kept_sides: pictures whose shorter side lies in this range, ends included, keep their size; smaller ones are
            enlarged and larger ones reduced to it, pixels.
        bfloat16_from: shorter side of pictures from which training in bfloat16 was measured faster on a CPU that
            multiplies it natively, pixels; None where it never was.
    """

    build: Callable[..., nn.Module]
    fit: Callable[[int, tuple[int, ...]], dict[str, object]]
    paper: str
    year: int
    kind: InputKind
    smallest_side: int = 1
    kept_sides: tuple[int, int] = (1, 32)
    bfloat16_from: int | None = None

    @property
    def size_rule(self) -> str:
        """Return the default size of its pictures in words."""
        low, high = self.kept_sides
        enlarged = f"enlarged to {low} below, " if low > 1 else ""
        return f"own size up to {high} pixels on the shorter side, {enlarged}reduced to {high} above"


def _fit_flat(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    return {"classes": outputs, "inputs": prod(shape)}


def _fit_size(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    return {"classes": outputs, "channels": shape[0], "size": list(shape[1:])}


def _fit_layers(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    # Some dropout helps on most tables, and harms hardly any.
    return {**_fit_flat(outputs, shape), "hidden": [128, 64], "dropout": 0.2}


def _fit_strides(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    channels, height, width = shape
    return {"classes": outputs, "channels": channels, "strides": list(strides_for(height, width))}


MODELS: dict[str, Architecture] = {
    "linear": Architecture(linear, _fit_flat, "Fisher", 1936, "any"),
    "mlp": Architecture(mlp, _fit_layers, "Rumelhart, Hinton & Williams", 1986, "any"),
    "lenet": Architecture(
        *(lenet, _fit_size, "LeCun, Bottou, Bengio & Haffner", 1998, "image"),
        smallest_side=SMALLEST_SIDE,
        kept_sides=(28, 64),
    ),
    "small_resnet": Architecture(
        *(small_resnet, _fit_strides, "He, Zhang, Ren & Sun", 2016, "image"),
        kept_sides=(8, 96),
        bfloat16_from=16,
    ),
}


def names(kind: InputKind = "any") -> tuple[str, ...]:
    """Return the names of the architectures that take this kind of input, all of them for "any".

    Example:
        >>> names("table")
        ('linear', 'mlp')
    """
    return tuple(name for name, known in MODELS.items() if kind == "any" or known.kind in (kind, "any"))


def build(name: str, **named: object) -> nn.Module:
    """Return a new network, its weights drawn from torch's global generator.

    Args:
        name: a key of `MODELS`.
        named: arguments of its builder; `arguments_for` gives those that fit the data.

    Raises:
        OptionError: the name or an argument is unknown, one is missing or out of range.

    Example:
        >>> build("linear", classes=3, inputs=4)[1]
        Linear(in_features=4, out_features=3, bias=True)
    """
    builder = architecture(name).build
    parameters = inspect.signature(builder).parameters
    for given in named:
        if given not in parameters:
            known = ", ".join(parameters)
            raise OptionError(f"{name} has no argument {given!r}; expected {known}{_near(given, parameters)}")
    needed = [key for key, value in parameters.items() if value.default is inspect.Parameter.empty]
    missing = [key for key in needed if key not in named]
    if missing:
        raise OptionError(f"{name} needs {' and '.join(missing)}; pass {', '.join(f'{key}=...' for key in missing)}")
    return builder(**named)


def architecture(name: str) -> Architecture:
    """Return the architecture of that name.

    Raises:
        OptionError: there is none.
    """
    if not isinstance(name, str) or name not in MODELS:
        raise OptionError(f"model is {name!r}; expected one of {', '.join(MODELS)}{_near(name, MODELS)}")
    return MODELS[name]


def _near(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(str(name), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def arguments_for(name: str, *, outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
    """Return every argument with which an architecture fits the data, as JSON values.

    The builder's own defaults are among them, so that a model file stays whole if they ever change.

    Args:
        name: a key of `MODELS`.
        outputs: outputs of the network: classes, or 1 for regression.
        shape: of one sample: (features,) or (channels, height, width).

    Raises:
        OptionError: the name is unknown, or the architecture takes no such samples.

    Example:
        >>> arguments_for("lenet", outputs=10, shape=(1, 28, 28))
        {'classes': 10, 'channels': 1, 'size': [28, 28], 'activation': 'relu'}
    """
    known = architecture(name)
    kind: InputKind = "image" if len(shape) == 3 else "table"
    if known.kind not in (kind, "any"):
        takes = "pictures" if known.kind == "image" else "rows of a table"
        raise OptionError(
            f"model {name} takes {takes}, not samples of shape {shape}; choose {' or '.join(names(kind))}"
        )
    parameters = inspect.signature(known.build).parameters.values()
    open_choices = {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}
    chosen = {name: list(value) if isinstance(value, tuple) else value for name, value in open_choices.items()}
    fitted = known.fit(outputs, shape)
    return {**fitted, **{name: value for name, value in chosen.items() if name not in fitted}}


def choose_size(name: str, size: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width at which an architecture takes pictures of a size, by its `kept_sides`.

    Proportions are kept, except that the longer side never exceeds twice the largest shorter side.

    Args:
        name: a key of `MODELS`.
        size: height and width of the pictures (of a typical one where they differ), pixels.

    Raises:
        OptionError: the name is unknown.

    Example:
        >>> choose_size("small_resnet", (8, 8)), choose_size("lenet", (8, 8)), choose_size("small_resnet", (375, 500))
        ((8, 8), (28, 28), (96, 128))
    """
    low, high = architecture(name).kept_sides
    shorter = min(size)
    scale = min(max(shorter, low), high) / shorter
    height, width = (min(max(round(side * scale), low), 2 * high) for side in size)
    return height, width
