"""Every choice of a run, defaults included: recipe.toml."""

import tomllib
from pathlib import Path
from typing import Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from percept.errors import OptionError, RunFolderError
from percept.files import write_text
from percept.version import __version__

FORMAT_VERSION = 1


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecipe(_Section):
    """Which data, how read, how split.

    Attributes:
        source: path as the user gave it, name of a built-in set, or "arrays" for data kept in the run folder.
        path: absolute path of the source, if it is one.
        target: target column of a table.
        task: "classification", "regression" or "segmentation".
        header: whether a table's first line holds the column names; None where there is no such question.
        group: column whose equal values stay on one side of every split.
        test: "cut" (a part of the data), "given" (a part or file of the user's), or "none" (nothing sealed).
        test_file: absolute path of the user's own test file or folder.
        test_size: share of the samples to seal where the test is cut.
        validation_size: share of the samples to validate on where that part is cut.
        skip_unreadable: whether pictures that cannot be read are left out instead of being an error.
        image_size: (height, width) of the network's input in pixels; None for tables.
        channels: 1 or 3; None for tables.
        resize: "stretch" or "crop".
        parts_file: a file such as splits.csv that lays down the part of each sample; what it leaves out does not count.
        classes: the names of the classes in masks, the background first.
        ignore: the value in masks that is not known, or "none"; None for 255 where it stands for no class.
        nearest: whether values between those of two classes, as smeared edges have, are taken for the nearest.
    """

    source: str
    path: str | None = None
    target: str | None = None
    task: Literal["classification", "regression", "segmentation"] | None = None
    header: bool | None = None
    group: str | None = None
    test: Literal["cut", "given", "none"] | None = None
    test_file: str | None = None
    test_size: float = 0.2
    validation_size: float = 0.15
    skip_unreadable: bool = False
    image_size: tuple[int, int] | None = None
    channels: Literal[1, 3] | None = None
    resize: Literal["stretch", "crop"] = "stretch"
    parts_file: str | None = None
    classes: list[str] | None = None
    ignore: str | None = None
    nearest: bool = False


class ModelRecipe(_Section):
    """Which network.

    Attributes:
        name: its name in `percept models`.
        arguments: those it is built with.
        pretrained: absolute path of a run, a model file or a checkpoint, or a name of published weights, whose body
            the network begins with; None for weights drawn anew.
        pretrained_digest: of that file, by which one that has changed is told.
    """

    name: str | None = None
    arguments: dict[str, Any] = {}
    pretrained: str | None = None
    pretrained_digest: str | None = None


class TrainingRecipe(_Section):
    """How it is trained: the fields of `TrainingSettings`, the data's part in it, and where the arithmetic happens.

    Attributes:
        class_weights: whether rare classes weigh more in the loss.
        augment: what may happen to training pictures, as the user wrote it or percept chose it: a preset or changes.
        augmentation: what that came to be: how far each change goes, off where it is left out.
        augment_class: the same for classes of their own, by name; where there are any, class counts are evened out.
        class_augmentations: what these came to be.
        mixup: alpha by which pairs of samples are mixed; 0 for none.
        cutmix: alpha by which pictures get a rectangle of another; 0 for none.
        label_smoothing: share of the target that is spread over all classes.
        transfer: what of a pretrained network learns in the end: "head", "last:K" or "all".
        find_lr: whether a range test before the training chooses the learning rate.
        tta: views of each picture whose mean answer counts, such as "horizontal,crops"; None for the picture as it is.
        abstain: share of wrong answers to keep to, by answering only when sure; None to answer always.
        loss: what is minimized over pixels, such as "cross_entropy+dice"; None where samples have one answer.
        weight_map: "unet" where pixels between close objects count more in the loss.
        masking: share of the pixels that a step leaves out of the loss, by chance, in [0, 1).
        crop: side of the squares that are cut from training pictures, pixels.
        patches: side of the patches that a classifier learns from, each labelled by the pixel in its middle; None for
            a network that learns from whole pictures.
        memory: what a training step may take, such as "4GB".
        minutes: what the whole training may take; None for any time.
        steps: of an epoch, where `minutes` made it shorter than a pass over all samples or as long; None for a pass.
        device: such as "cpu" or "cuda:0".
        precision: "float32" or "bfloat16".
        threads: threads of the CPU.
    """

    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str = "adamw"
    learning_rate: float | None = None
    weight_decay: float | None = None
    momentum: float = 0.9
    schedule: str = "cosine"
    metric: str | None = None
    patience: int | None = None
    clip_norm: float = 5.0
    class_weights: Literal["none", "balanced", "median_frequency"] = "none"
    augment: str | None = None
    augmentation: dict[str, Any] | None = None
    augment_class: dict[str, str] | None = None
    class_augmentations: dict[str, dict[str, Any]] | None = None
    mixup: float = 0.0
    cutmix: float = 0.0
    label_smoothing: float = 0.0
    transfer: str | None = None
    find_lr: bool = False
    tta: str | None = None
    abstain: float | None = None
    loss: str | None = None
    weight_map: Literal["none", "unet"] | None = None
    masking: float = 0.0
    crop: int | None = None
    patches: int | None = None
    memory: str | None = None
    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    device: str | None = None
    precision: str | None = None
    threads: int | None = None

    @property
    def views(self) -> str:
        """Return the names of the views whose mean answer counts; "" for the picture as it is."""
        return "" if self.tta is None or self.tta == "none" else self.tta


class SelectionRecipe(_Section):
    """What a choice among candidates goes by, where there is one.

    Attributes:
        cv: a number of parts, or "loo", "bootstrap" or "subsampling".
        alphas: weight decays of the networks that are trained as one stack; None where each is a run of its own.
        hidden: units of each hidden layer, for each shape of the stack.
        restarts: networks of each candidate on each split of the stack.
        grid: values to choose from by the name of the option, where each candidate is a run of its own.
        nested: parts of a loop around the whole choice, which tells its honest error; None for no such loop.
        chosen: what the chosen candidate sets; None until it is known.
        asked: the choices that were the user's own, from which each run of the selection starts.
    """

    cv: str = "5"
    alphas: list[float] | None = None
    hidden: list[list[int]] | None = None
    restarts: int = 1
    grid: dict[str, list[Any]] | None = None
    nested: int | None = None
    chosen: dict[str, Any] | None = None
    asked: dict[str, Any] | None = None


class Recipe(_Section):
    """Everything that decides a run; None stands for a choice not made yet.

    Attributes:
        format_version: version of this file's format.
        percept_version: version of percept that began the run.
        data: which data, how read, how split.
        model: which network.
        training: how it is trained.
        selection: which candidates are compared, and how; None where there is one alone.
    """

    format_version: int = FORMAT_VERSION
    percept_version: str = __version__
    data: DataRecipe
    model: ModelRecipe = ModelRecipe()
    training: TrainingRecipe = TrainingRecipe()
    selection: SelectionRecipe | None = None

    @classmethod
    def from_options(cls, options: dict[str, dict[str, Any]]) -> Self:
        """Return the recipe of what the user asked for, by section; options that are None are not asked for.

        Raises:
            OptionError: an option has a value of the wrong kind.
        """
        given = {
            section: {name: value for name, value in values.items() if value is not None}
            for section, values in options.items()
        }
        if not given.get("selection"):
            given.pop("selection", None)
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise OptionError(_sentence(error)) from error

    def filled(self, section: str, **choices: object) -> "Recipe":
        """Return the recipe with choices filled in where the user made none.

        Args:
            section: "data", "model" or "training".
            choices: values by field; a field that has a value already keeps it.
        """
        present = getattr(self, section)
        missing = {name: value for name, value in choices.items() if getattr(present, name) is None}
        return self.model_copy(update={section: present.model_copy(update=missing)})

    def remembered(self) -> "Recipe":
        """Return the recipe of a selection with a record of what the user asked for, before open choices are made."""
        if self.selection is None or self.selection.asked is not None:
            return self
        asked = {"training": self.training.model_dump(exclude_unset=True), "image_size": self.data.image_size}
        kept = {name: value for name, value in asked.items() if value}
        return self.model_copy(update={"selection": self.selection.model_copy(update={"asked": kept})})

    def to_toml(self) -> str:
        """Return the recipe as TOML; what does not apply is left out."""
        return tomli_w.dumps(_told(self.model_dump(mode="json", exclude_none=True)))

    def write(self, path: Path) -> None:
        """Write the recipe to a file, whole or not at all."""
        write_text(path, self.to_toml())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the recipe that a file holds.

        Raises:
            RunFolderError: the file is missing, damaged, or of a newer format.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            version = int(values.get("format_version", 0))
            if version > FORMAT_VERSION:
                raise RunFolderError(
                    f"{path} has format {version}, this percept ({__version__}) reads up to {FORMAT_VERSION};"
                    " install a newer percept"
                )
            return cls.model_validate(values)
        except FileNotFoundError:
            raise RunFolderError(f"{path} is not there; a run folder is what percept fit makes") from None
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
            raise RunFolderError(
                f"{path} cannot be read ({error}); put back the file that percept fit wrote"
            ) from error
        except ValidationError as error:
            raise RunFolderError(f"{path} does not fit: {_sentence(error)}") from error


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """Return values without those that are None at any depth, as an argument that a network chooses itself may be."""
    kept = {name: value for name, value in values.items() if value is not None}
    return {name: _told(value) if isinstance(value, dict) else value for name, value in kept.items()}


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    name = " ".join(str(part) for part in first["loc"][1:] or first["loc"]).replace("_", " ")
    return f"{name} is {first['input']!r}; {first['msg'][0].lower()}{first['msg'][1:]}"
