"""Building a network by its name, with the arguments and the size of pictures that fit the data."""

import inspect
from collections.abc import Mapping
from difflib import get_close_matches

from torch import nn

from percept.errors import OptionError
from percept.models.architecture import Answer, Architecture, Fit, InputKind
from percept.models.catalog import MODELS, classifiers, fit_body


def names(kind: InputKind = "any", task: Answer = "classification") -> tuple[str, ...]:
    """Return the names of the architectures that take this kind of input, all of them for "any".

    Args:
        kind: what they take.
        task: "classification" for one answer a sample, "segmentation" for a class at every pixel.

    Example:
        >>> names("table")
        ('linear', 'mlp')
        >>> names(task="segmentation")
        ('unet', 'fcn32s', 'fcn16s', 'fcn8s', 'encoder_decoder')
    """
    return tuple(
        name for name, known in MODELS.items() if known.task == task and (kind == "any" or known.kind in (kind, "any"))
    )


def require_task(name: str, task: Answer) -> None:
    """Refuse an architecture that gives another kind of answer than the data ask for.

    Args:
        name: a key of `MODELS`.
        task: "classification" for one answer a sample, "segmentation" for a class at every pixel.

    Raises:
        OptionError: it is unknown, or for another task.

    Example:
        >>> require_task("resnet18", "segmentation")
        Traceback (most recent call last):
            ...
        percept.errors.OptionError: model resnet18 gives one answer a picture, not a class for every pixel; choose ...
    """
    if architecture(name).task != task:
        given, wanted = "one answer a picture", "a class for every pixel"
        if task == "classification":
            given, wanted = wanted, given
        raise OptionError(f"model {name} gives {given}, not {wanted}; choose {' or '.join(names('image', task))}")


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


def arguments_for(name: str, *, outputs: int, shape: tuple[int, ...], body: str | None = None) -> dict[str, object]:
    """Return every argument with which an architecture fits the data, as JSON values.

    The builder's own defaults are among them, so that a model file stays whole if they ever change.

    Args:
        name: a key of `MODELS`.
        outputs: outputs of the network: classes, or 1 for regression.
        shape: of one sample: (features,) or (channels, height, width).
        body: name of the classifier that the network is made over, for those that are; None for its default.

    Raises:
        OptionError: a name is unknown, or the architecture takes no such samples, or no body.

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
    fitted = (known.fit if body is None else _over(name, body))(outputs, shape)
    return {**fitted, **{name: value for name, value in chosen.items() if name not in fitted}}


def _over(name: str, body: str) -> Fit:
    if "body" not in inspect.signature(MODELS[name].build).parameters:
        others = [each for each in MODELS if "body" in inspect.signature(MODELS[each].build).parameters]
        raise OptionError(f"body is {body!r}, but {name} has none; leave it out, or choose {' or '.join(others)}")
    if body not in classifiers():
        raise OptionError(f"body is {body!r}; expected one of {', '.join(classifiers())}{_near(body, MODELS)}")
    return fit_body(body)


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
