"""A network that was trained before, as a run begins from it: what it decides of the recipe, and its body again."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from percept.data.columns import TablePreprocessing
from percept.data.preprocessing import ImagePreprocessing
from percept.errors import DataError, OptionError, RunFolderError
from percept.models import build
from percept.models.freezing import freeze
from percept.models.parts import Parts
from percept.models.pretrained import located
from percept.models.transfer import Transfer, transfer
from percept.runs.recipe import Recipe

LEVEL = "all"  # what learns where the user does not say: after the head, the whole network at small steps


@dataclass(frozen=True)
class Start:
    """A network before its first step.

    Attributes:
        network: on its device; every part of it learns.
        parts: its body and head; None where its weights are drawn anew.
        stages: of the body, how many learn in the end.
    """

    network: nn.Module
    parts: Parts | None
    stages: int


def open_pretrained(recipe: Recipe, outputs: int) -> Transfer:
    """Return a trained body under a new head for these data; torch's random state stays as it is.

    Args:
        recipe: with `pretrained`, and the channels of the pictures where they are known.
        outputs: classes, or 1 for regression.

    Raises:
        OptionError: a choice does not go with the body.
        ModelFileError: it cannot be read.
        DataError: it is a body for tables, or gives a class for every pixel.
        RunFolderError: it is not the one that the run was begun with.
    """
    source, data = recipe.model.pretrained or "", recipe.data
    if recipe.model.pretrained_digest not in (None, digest_of(source)):
        raise RunFolderError(f"{source} has changed since the run was begun; put it back, or begin a new run")
    asked = None if data.image_size is None else (data.channels or 3, *data.image_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        return transfer(
            source,
            classes=outputs,
            level=recipe.training.transfer or LEVEL,
            channels=data.channels,
            architecture=recipe.model.name,
            shape=asked,
        )


def with_pretrained(recipe: Recipe, moved: Transfer) -> Recipe:
    """Return the recipe with what a body decides: the network, its arguments and, where it is open, the input size.

    Args:
        recipe: what the user asked for.
        moved: the body under its new head.

    Raises:
        OptionError: the body takes pictures of one size alone, and another is asked for; or it was built otherwise.
        DataError: it takes no pictures.
    """
    if len(moved.shape) != 3:
        raise DataError(f"{recipe.model.pretrained} was trained on rows of a table; give a body for pictures")
    size, asked = (moved.shape[1], moved.shape[2]), recipe.data.image_size
    if asked is not None and asked != size and "size" in moved.arguments:
        raise OptionError(
            f"--image-size is {asked[0]}x{asked[1]}; {recipe.model.pretrained} takes pictures of {size[0]}x{size[1]}"
            " alone: leave it out"
        )
    for name, value in recipe.model.arguments.items():
        if moved.arguments.get(name) != value:
            raise OptionError(
                f"{name} is {value}, but {recipe.model.pretrained} has {moved.arguments.get(name)}: a trained network"
                " stays as it was built; leave it out"
            )
    model = recipe.model.model_copy(
        update={
            "name": moved.architecture,
            "arguments": dict(moved.arguments),
            "pretrained_digest": digest_of(recipe.model.pretrained or ""),
        }
    )
    return recipe.model_copy(update={"model": model}).filled("data", image_size=size).filled("training", transfer=LEVEL)


def preprocessing_of(
    moved: Transfer | None, own: ImagePreprocessing | TablePreprocessing
) -> ImagePreprocessing | TablePreprocessing:
    """Return the preprocessing that a body was trained with, at the size of these pictures; the data's own elsewhere.

    Args:
        moved: the body, or None.
        own: fitted on the training part.
    """
    form = None if moved is None else moved.preprocessing
    if not isinstance(form, ImagePreprocessing) or not isinstance(own, ImagePreprocessing):
        return own
    return replace(own, mean=form.mean, std=form.std)


def start(recipe: Recipe, outputs: int, device: torch.device) -> Start:
    """Return the network that a training begins with.

    Args:
        recipe: every choice.
        outputs: classes, or 1 for regression.
        device: where it is to lie.
    """
    parts, stages = None, 0
    if recipe.model.pretrained is not None:
        moved = open_pretrained(recipe, outputs)
        network, parts, stages = moved.network, moved.parts, moved.stages
        freeze(network, parts, len(parts.stages))
    torch.manual_seed(recipe.training.seed)
    if parts is None:
        network = build(recipe.model.name or "", **recipe.model.arguments)
    placed = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Start(placed, parts, stages)


def digest_of(source: str) -> str:
    """Return a digest of a model file, that of a run, or a checkpoint.

    Args:
        source: as in `percept.models.bodies.open_body`, by path or name.
    """
    path = Path(source)
    path = path / "model.safetensors" if path.is_dir() else located(source)
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}); give a finished run or a model file"
        ) from None
