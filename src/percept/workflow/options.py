"""The options of a training: one record that `fit`, `select` and the recipe share."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypedDict, TypeVar, get_type_hints

from percept.data.dataset import Dataset, Task
from percept.errors import OptionError
from percept.runs.recipe import Recipe
from percept.workflow.asked import asked_recipe
from percept.workflow.memory import in_memory
from percept.workflow.samples import ARRAYS

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class FitOptions(TypedDict, total=False):
    """What a training can be asked for; an option left out, or None, is percept's choice.

    Options:
        test: path of the user's own test data, or "none" to seal nothing.
        task: "classification", "regression", or "segmentation" for a class at every pixel.
        group: column of a table whose equal values stay on one side of every split.
        header: whether a table's first line holds names.
        test_size: share of the samples to seal, in (0, 1).
        validation_size: share of the samples to validate on, in (0, 1).
        skip_unreadable: whether to go on without pictures that cannot be read.
        image_size: (height, width) that pictures are resized to, pixels.
        resize: "stretch" the whole picture, or "crop" its centre.
        classes: names of the classes in masks, the background first.
        ignore: value in masks that is not known, or "none".
        nearest: whether values of masks between those of two classes are taken for the nearest, as smeared edges need.
        model: name of the network, see `percept models`.
        pretrained: a run, a model file, a checkpoint (then with `model`), or a name of published weights to begin with.
        transfer: what of a pretrained network learns in the end: "head", "last:K" stages of its body too, or "all".
        epochs: passes over the training samples, at most.
        batch_size: samples a step.
        optimizer: "adamw", "adam" or "sgd".
        learning_rate: step size at the top of the schedule.
        weight_decay: decay of the weights.
        momentum: momentum of sgd.
        schedule: "cosine", "plateau" or "constant".
        metric: validation figure that stopping and the choice of weights go by.
        patience: epochs without a better figure before the end; 0 never stops early.
        clip_norm: largest norm of a step's gradient; 0 clips nothing.
        class_weights: "none" or "balanced".
        augment: what may happen to training pictures: "none", "shift", "auto", "light", "strong", or changes such as
            "rotate=15,flip", alone or after a preset.
        augment_class: the same for classes of their own, such as {"rare": "strong"}; evens out the class counts.
        mixup: alpha of the Beta distribution by which pairs of samples and their targets are mixed, such as 0.2.
        cutmix: the same for pictures that get a rectangle of another one.
        label_smoothing: share of each target that is spread over all classes, in [0, 1).
        find_lr: whether a learning-rate range test chooses the learning rate.
        tta: views of each picture whose mean answer counts, such as "horizontal,crops": in the figures of the run and
            in what its model predicts.
        abstain: share of wrong answers to keep to, in (0, 1), by answering only when sure enough.
        loss: over pixels, such as "cross_entropy+dice", "focal", or "0.5*cross_entropy+jaccard".
        weight_map: "unet" to make pixels between close objects count more.
        masking: share of the pixels that each step leaves out of the loss by chance, in [0, 1).
        crop: side of the squares that are cut from pictures with masks, pixels.
        patches: side of patches, pixels: a classifier of patches is trained, each labelled by the pixel in its middle.
        memory: what a training step on masks may take, such as "4GB".
        minutes: what the training may take; the schedule is fitted to it.
        seed: number that every random choice derives from.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        precision: "auto", "float32" or "bfloat16".
        threads: threads of the CPU.
    """

    test: str | Path | None
    task: Task | Literal["segmentation"] | None
    group: str | None
    header: bool | None
    test_size: float | None
    validation_size: float | None
    skip_unreadable: bool | None
    image_size: tuple[int, int] | None
    resize: str | None
    classes: Sequence[str] | None
    ignore: int | str | None
    nearest: bool | None
    model: str | None
    pretrained: str | Path | None
    transfer: str | None
    epochs: int | None
    batch_size: int | None
    optimizer: str | None
    learning_rate: float | None
    weight_decay: float | None
    momentum: float | None
    schedule: str | None
    metric: str | None
    patience: int | None
    clip_norm: float | None
    class_weights: str | None
    augment: str | None
    augment_class: Mapping[str, str] | None
    mixup: float | None
    cutmix: float | None
    label_smoothing: float | None
    find_lr: bool | None
    tta: str | None
    abstain: float | None
    loss: str | None
    weight_map: str | None
    masking: float | None
    crop: int | None
    patches: int | None
    memory: str | None
    minutes: float | None
    seed: int | None
    device: str | None
    precision: str | None
    threads: int | None


def named_options(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Return a function of `**options: Unpack[FitOptions]` whose signature and docstring name each of them."""
    hints = get_type_hints(FitOptions)
    signature = inspect.signature(function)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)
        for name, hint in hints.items()
    ]
    function.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    listed = inspect.cleandoc(FitOptions.__doc__ or "").partition("Options:\n")[2]
    function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\nOptions:\n{listed}\n"
    return function


def asked_of(
    data: Any, target: Any, options: Mapping[str, Any], selection: Mapping[str, Any]
) -> tuple[Recipe, Dataset | None]:
    """Return the recipe of what the user asked for, and the data where they are in memory.

    Args:
        data: path or name of the data, or arrays.
        target: target column of a table, or labels beside arrays.
        options: values by name, those of `FitOptions`.
        selection: what a selection goes by; empty for none.

    Raises:
        OptionError: there is no such option, or its value is of the wrong kind.
        DataError: the arrays cannot be used.
    """
    known = FitOptions.__annotations__
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise OptionError(f"there is no option {name!r}; {f'did you mean {near[0]!r}?' if near else 'see help'}")
    test = options.get("test")
    if isinstance(data, str | Path):
        return asked_recipe(str(data), target, test, options, selection), None
    reading = {name: options.get(name) for name in ("task", "group", "header")}
    dataset = in_memory(data, target, test=test, **reading)
    return asked_recipe(ARRAYS, target, test, options, selection), dataset
