"""The options that every command that trains takes, and how they join the command's own."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from percept.cli.options import DATA, TRAINING, DeviceOption, TaskName, ThreadsOption, by_class
from percept.cli.sizes import picture_size

if TYPE_CHECKING:
    from percept.workflow.options import FitOptions

MASKS, FEW = "Pictures with masks", "Learning from few samples"  # panels of percept fit --help
ResizeName = Literal["stretch", "crop"]
WeightsName = Literal["none", "balanced"]


def _option(panel: str | None, help_text: str, shown: str | bool | None = None, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=help_text, show_default=shown or False, rich_help_panel=panel, **more)


# by name, in the order of percept fit --help; each is one of percept.workflow.options.FitOptions
TRAINING_OPTIONS: Mapping[str, Any] = {
    "test": Annotated[
        str | None,
        _option(DATA, "Your own test file or folder, or none to seal nothing.", "a part of the data"),
    ],
    "task": Annotated[TaskName | None, _option(DATA, "classification or regression.", "by the target", metavar="NAME")],
    "group": Annotated[str | None, _option(DATA, "Column whose equal values stay on one side of a split.")],
    "header": Annotated[
        bool | None,
        _option(DATA, "Whether a table's first line holds names.", "noticed", "--header/--no-header"),
    ],
    "test_size": Annotated[float | None, _option(DATA, "Share of the samples to seal.", "0.2")],
    "validation_size": Annotated[float | None, _option(DATA, "Share of the samples to validate on.", "0.15")],
    "skip_unreadable": Annotated[
        bool | None, _option(DATA, "Go on without broken pictures.", None, "--skip-unreadable")
    ],
    "image_size": Annotated[
        str | None,
        _option(DATA, "Input size, such as 64 or 64x96 (height x width) pixels.", "by the model"),
    ],
    "resize": Annotated[ResizeName | None, _option(DATA, "stretch pictures, or crop them.", "stretch", metavar="NAME")],
    "classes": Annotated[str | None, _option(MASKS, "Names of the classes, such as background,cell.", "by the masks")],
    "ignore": Annotated[str | None, _option(MASKS, "Value that is not known, or none.", "255 beside other classes")],
    "nearest": Annotated[bool | None, _option(MASKS, "Take smeared values for the nearest class.", None, "--nearest")],
    "loss": Annotated[
        str | None,
        _option(MASKS, "cross_entropy, dice, jaccard, focal, or several joined by +.", "cross_entropy+dice"),
    ],
    "weight_map": Annotated[
        str | None, _option(MASKS, "none, or unet to keep close objects apart.", "none", metavar="NAME")
    ],
    "masking": Annotated[float | None, _option(MASKS, "Share of the pixels left out of each step.", "0")],
    "crop": Annotated[int | None, _option(MASKS, "Side of the squares trained on, pixels.", "by the pictures")],
    "patches": Annotated[
        int | None, _option(MASKS, "Train a classifier of patches of this side, each for its middle pixel.")
    ],
    "memory": Annotated[str | None, _option(MASKS, "What a step may take, such as 4GB.", "half of what is free")],
    "model": Annotated[str | None, _option(TRAINING, "Network, see percept models.", "by the data")],
    "pretrained": Annotated[
        str | None,
        _option(FEW, "A run, model file, checkpoint (with --model) or name of published weights to begin with."),
    ],
    "transfer": Annotated[
        str | None, _option(FEW, "What of it learns: head, last:K stages of its body too, or all.", "all")
    ],
    "epochs": Annotated[int | None, _option(TRAINING, "Passes over the data, at most.", "by the data")],
    "batch_size": Annotated[int | None, _option(TRAINING, "Samples a step.", "by the data")],
    "optimizer": Annotated[str | None, _option(TRAINING, "adamw, adam or sgd.", "adamw")],
    "learning_rate": Annotated[float | None, _option(TRAINING, "Step size.", "by the optimizer")],
    "weight_decay": Annotated[float | None, _option(TRAINING, "Decay of the weights.", "by the optimizer")],
    "momentum": Annotated[float | None, _option(TRAINING, "Momentum of sgd.", "0.9")],
    "schedule": Annotated[str | None, _option(TRAINING, "cosine, plateau or constant.", "cosine")],
    "metric": Annotated[
        str | None,
        _option(
            TRAINING,
            "Validation figure that chooses the weights (and candidates): loss, accuracy,"
            " balanced_accuracy, auroc, macro_f1, rmse, mae, r2.",
            "loss",
        ),
    ],
    "patience": Annotated[
        int | None,
        _option(TRAINING, "Epochs without a better figure before the end; 0 never stops.", "by the data"),
    ],
    "clip_norm": Annotated[float | None, _option(TRAINING, "Largest norm of a gradient; 0 is off.", "5")],
    "class_weights": Annotated[
        WeightsName | None,
        _option(TRAINING, "none, or balanced to weigh rare classes up.", "none", metavar="NAME"),
    ],
    "augment": Annotated[
        str | None,
        _option(FEW, "none, shift, auto, light, strong, or changes such as rotate=15,flip.", "by the data"),
    ],
    "augment_class": Annotated[
        list[str] | None,
        _option(FEW, "NAME=CHANGES for a class of its own, which evens out class counts; again for another."),
    ],
    "mixup": Annotated[float | None, _option(FEW, "Alpha by which pairs of samples are mixed, such as 0.2.", "0")],
    "cutmix": Annotated[float | None, _option(FEW, "Alpha by which pictures get a part of another one.", "0")],
    "label_smoothing": Annotated[
        float | None, _option(FEW, "Share of each target that is spread over all classes.", "0")
    ],
    "find_lr": Annotated[
        bool | None, _option(TRAINING, "Choose the learning rate by a range test.", None, "--find-lr")
    ],
    "tta": Annotated[
        str | None, _option(FEW, "Views of a picture whose mean answer counts, such as horizontal,crops.", "none")
    ],
    "abstain": Annotated[
        float | None,
        _option(TRAINING, "Share of wrong answers to keep to, by answering only when sure.", "none"),
    ],
    "minutes": Annotated[float | None, _option(TRAINING, "What the training may take.", "any time")],
    "seed": Annotated[int | None, _option(None, "Every random choice derives from it.", "0")],
    "device": DeviceOption,
    "precision": Annotated[str | None, _option(None, "auto, float32 or bfloat16.", "auto")],
    "threads": ThreadsOption,
}


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command of `**options: Any` with each of `TRAINING_OPTIONS` in its signature, where typer reads it."""
    signature = inspect.signature(command)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in TRAINING_OPTIONS.items()
    ]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return command


def asked(options: Mapping[str, Any]) -> "FitOptions":
    """Return the options as percept.fit takes them.

    Args:
        options: values as typer read them.

    Raises:
        OptionError: the size of pictures is none.
    """
    size, classes = options["image_size"], options["classes"]
    read = {
        **options,
        "image_size": None if size is None else picture_size("--image-size", size),
        "classes": None if classes is None else [name.strip() for name in classes.split(",")],
        "augment_class": by_class(options["augment_class"]),
    }
    return cast("FitOptions", read)
