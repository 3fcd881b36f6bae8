"""The network that a classifier of pictures starts from: a new one, or a trained body under a new head."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from percept.data.channel_statistics import channel_statistics
from percept.data.preprocessing import ImagePreprocessing, Resize
from percept.errors import OptionError
from percept.estimators.pictures import Given, network_pixels, typical_of
from percept.models import arguments_for, build, choose_size
from percept.models.building import require_task
from percept.models.transfer import Transfer, transfer
from percept.models.weights_file import is_model_file

STATISTICS = 1024  # pictures looked at together


@dataclass(frozen=True)
class Wish:
    """What the user asks of the network.

    Attributes:
        model: its name.
        arguments: of its builder, beside those that fit the data.
        pretrained: a body to start from, or None.
        level: what of that body learns.
        image_size: (height, width), or None for what suits the network and the pictures.
        resize: how pictures come to that size.
    """

    model: str
    arguments: Mapping[str, Any]
    pretrained: Any
    level: str
    image_size: tuple[int, int] | None
    resize: Resize


@dataclass(frozen=True)
class Start:
    """A network before its training, and the pictures as it takes them.

    Attributes:
        network: its weights drawn, or those of the body.
        architecture: its name in `percept.models.MODELS`; "" for a user's module.
        arguments: those that build it.
        form: its preprocessing.
        pixels: (samples, height, width, channels) uint8, possibly memory-mapped.
        moved: what is known of the body; None for a new network.
    """

    network: nn.Module
    architecture: str
    arguments: Mapping[str, object]
    form: ImagePreprocessing
    pixels: NDArray[np.uint8]
    moved: Transfer | None


def start(wish: Wish, given: Given, rows: NDArray[np.int64], classes: int) -> Start:
    """Return the network to train; new weights are drawn from torch's global generator.

    Args:
        wish: what the user asks for.
        given: the pictures.
        rows: those to train on, by which pictures are normalized.
        classes: how many there are.

    Raises:
        OptionError: an argument does not work.
        ModelFileError: the body's file cannot be read.
        DataError: a picture cannot be read.
    """
    seen = typical_of(given)
    moved = None if wish.pretrained is None else _moved(wish, seen.size, seen.channels, classes)
    if moved is None:
        require_task(wish.model, "classification")
    size = wish.image_size or (choose_size(wish.model, seen.size) if moved is None else moved.shape[1:])
    height, width = size
    pixels = network_pixels(given, (height, width), seen.channels, wish.resize, seen.white)
    mean, std = channel_statistics(pixels[rows[at : at + STATISTICS]] for at in range(0, len(rows), STATISTICS))
    form = ImagePreprocessing(height, width, seen.channels, mean, std, wish.resize, seen.white)
    if moved is None:
        fitted = arguments_for(wish.model, outputs=classes, shape=(seen.channels, height, width))
        arguments = {**fitted, **wish.arguments}
        return Start(build(wish.model, **arguments), wish.model, arguments, form, pixels, None)
    if isinstance(moved.preprocessing, ImagePreprocessing):
        form = replace(form, mean=moved.preprocessing.mean, std=moved.preprocessing.std)
    return Start(moved.network, moved.architecture, moved.arguments, form, pixels, moved)


def _moved(wish: Wish, size: tuple[int, int], channels: int, classes: int) -> Transfer:
    """Return the body under a new head; a percept model file says itself which network it holds."""
    source = wish.pretrained
    if isinstance(source, nn.Module):
        shape: tuple[int, ...] = (channels, *(wish.image_size or size))
        return transfer(source, classes=classes, level=wish.level, channels=channels, shape=shape)
    if not isinstance(source, str | Path):
        raise OptionError(
            f"pretrained is a {type(source).__name__}; expected a model file, a checkpoint, a run folder, a name of"
            " published weights, or a torch module"
        )
    told = Path(source).is_dir() or is_model_file(Path(source))
    return transfer(
        source,
        classes=classes,
        level=wish.level,
        channels=channels,
        architecture=None if told else wish.model,
        arguments=None if told else wish.arguments,
        shape=None if told or wish.image_size is None else (3, *wish.image_size),
    )
