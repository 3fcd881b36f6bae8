"""Options and arguments that several commands share, and how their text is read."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from percept.errors import OptionError

DATA, TRAINING = "What is learned from", "How it is learned"  # panels of percept fit --help
CHOICE = "What is chosen from"
TaskName = Literal["classification", "regression", "segmentation"]

RunArgument = Annotated[Path, typer.Argument(help="Run folder that percept fit wrote.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone on standard output.")]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.", show_default="auto")]
ViewsOption = Annotated[
    str | None,
    typer.Option(
        help="Mean over views of each picture: horizontal, vertical, rotations, crops, scales, joined by commas; none.",
        show_default="the model's",
    ),
]
ThreadsOption = Annotated[int | None, typer.Option(help="Threads of the CPU.", show_default="all")]
DataOption = Annotated[Path | None, typer.Option(help="Where the data lie now, if they have moved.")]
TargetOption = Annotated[
    str | None, typer.Option(help="Target column of a table; -1 is the last one.", rich_help_panel=DATA)
]
OutOption = Annotated[Path | None, typer.Option(help="Run folder; never overwritten.", show_default="runs/NAME")]
CvOption = Annotated[
    str | None,
    typer.Option(
        help="Choose the weight decay of a table's mlp by so many parts, or loo, bootstrap or subsampling.",
        rich_help_panel=CHOICE,
    ),
]
AlphasOption = Annotated[
    str | None,
    typer.Option(
        help="Weight decays to choose from, such as 0.01,0.1,1.", show_default="auto with --cv", rich_help_panel=CHOICE
    ),
]
HiddenOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Hidden layers, such as 64 or 32x16; give it again for each shape to choose from.",
        show_default="64 with --cv",
        rich_help_panel=CHOICE,
    ),
]
RestartsOption = Annotated[
    int | None,
    typer.Option(help="Networks of each candidate, from new weights.", show_default="1", rich_help_panel=CHOICE),
]
NestedOption = Annotated[
    int | None,
    typer.Option(help="Outer parts that measure the error of the whole choice.", rich_help_panel=CHOICE),
]


def layers(text: str) -> list[int]:
    """Return the units of each hidden layer.

    Raises:
        OptionError: they are no whole numbers above 0.

    Example:
        >>> layers("32x16")
        [32, 16]
    """
    parts = text.lower().split("x")
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise OptionError(f"--hidden is {text!r}; expected units of each hidden layer, such as 64 or 32x16")
    return [int(part) for part in parts]


def grid_of(given: list[str]) -> dict[str, list[Any]]:
    """Return the values to choose from by name.

    Args:
        given: such as ["learning_rate=0.001,0.003", "hidden=64,32x16"].

    Raises:
        OptionError: one of them names no option or no value.

    Example:
        >>> grid_of(["learning-rate=0.001,0.003", "hidden=64,32x16", "optimizer=sgd"])
        {'learning_rate': [0.001, 0.003], 'hidden': [[64], [32, 16]], 'optimizer': ['sgd']}
    """
    grid: dict[str, list[Any]] = {}
    for text in given:
        name, equals, values = text.partition("=")
        name = name.strip().replace("-", "_")
        words = [word.strip() for word in values.split(",")]
        if not name or not equals or not all(words):
            raise OptionError(f"--grid is {text!r}; expected a name and its values, such as learning_rate=0.001,0.003")
        if name in grid:
            raise OptionError(f"--grid {name} is given twice; give all its values at once")
        grid[name] = [layers(word) if name == "hidden" else _value(word) for word in words]
    return grid


def by_class(given: list[str] | None) -> dict[str, str] | None:
    """Return the augmentations of single classes by the class's name.

    Args:
        given: such as ["rare=strong", "bee=rotate=15,flip"].

    Raises:
        OptionError: one of them names no class or no augmentation, or a class comes twice.

    Example:
        >>> by_class(["rare=strong", "bee=rotate=15,flip"])
        {'rare': 'strong', 'bee': 'rotate=15,flip'}
    """
    found: dict[str, str] = {}
    for text in given or ():
        name, _, changes = (part.strip() for part in text.partition("="))
        if not name or not changes:
            raise OptionError(f"--augment-class is {text!r}; expected a class and its changes, such as rare=strong")
        if name in found:
            raise OptionError(f"--augment-class {name} is given twice; give all its changes at once, joined by commas")
        found[name] = changes
    return found or None


def _value(word: str) -> Any:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(word.lower(), word)
