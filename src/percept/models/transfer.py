"""Transfer learning: the body of a trained network with a new head for other classes, and what of it is to learn."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from percept.data.columns import TablePreprocessing
from percept.data.preprocessing import ImagePreprocessing
from percept.errors import DataError
from percept.models.bodies import Body, open_body
from percept.models.channels import adapt_channels
from percept.models.freezing import freeze, stages_to_train
from percept.models.head import with_new_head
from percept.models.parts import Parts, find_parts


@dataclass(frozen=True)
class Transfer:
    """A network ready to be trained on new classes.

    Attributes:
        network: the body's weights under a new head; only what `stages` says learns.
        parts: its body and head.
        stages: how many of the last stages of the body are to learn in the end.
        shape: of one sample: (channels, height, width), or (features,).
        architecture: its name in `MODELS`; "" for a user's module.
        arguments: those that build this network, so that its model file can be read.
        preprocessing: what prepares the samples; None where it is not known, and the data's own is to be taken.
        notes: what the user should know, one sentence each, without a full stop.
    """

    network: nn.Module
    parts: Parts
    stages: int
    shape: tuple[int, ...]
    architecture: str
    arguments: Mapping[str, object]
    preprocessing: ImagePreprocessing | TablePreprocessing | None
    notes: tuple[str, ...]


def transfer(
    source: Path | str | nn.Module,
    *,
    classes: int,
    level: str = "head",
    channels: int | None = None,
    architecture: str | None = None,
    arguments: Mapping[str, object] | None = None,
    shape: tuple[int, ...] | None = None,
) -> Transfer:
    """Return a trained body under a new head, drawn from torch's global generator.

    Args:
        source: a run folder, a percept model file, a checkpoint, a name of published weights, or a module, as in
            `percept.models.bodies.open_body`; a module stays as it is.
        classes: outputs of the new head, 1 for regression.
        level: what learns in the end: "head" alone, "last:K" stages of the body with it, or "all".
        channels: of the pictures; None for as many as the body was trained on.
        architecture: for a checkpoint, which network of `MODELS` the weights belong to.
        arguments: for a checkpoint, arguments of its builder that are not those it takes by itself.
        shape: of one sample that the body takes, for a module and, with another size than usual, for a checkpoint.

    Raises:
        ModelFileError: a file cannot be read, or its weights do not fit the architecture.
        OptionError: an argument is out of range, or the network cannot be taken apart.
        DataError: the body takes rows of a table, and channels are asked for.

    Source: notes §3.4.2; Yosinski, Clune, Bengio & Lipson 2014.

    Example:
        >>> trained = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
        >>> moved = transfer(trained, classes=2, channels=1, shape=(3, 32, 32))
        >>> moved.network[0].weight.shape[1], moved.network[3].out_features, moved.network[0].weight.requires_grad
        (1, 2, False)
    """
    body = open_body(source, architecture=architecture, arguments=arguments, shape=shape)
    parts = find_parts(body.network, body.shape)
    stages = stages_to_train(level, len(parts.stages))
    network = with_new_head(body.network, parts, classes)
    notes, sample = list(body.notes), body.shape
    if channels is not None and channels != sample[0]:
        if len(sample) != 3:
            raise DataError("the body was trained on rows of a table, not on pictures; give a body for pictures")
        notes.append(adapt_channels(network, (sample[0], sample[1], sample[2]), channels))
        sample = (channels, *sample[1:])
    freeze(network, parts, stages)
    built = {**(body.arguments or {}), "classes": classes}
    if "channels" in built:
        built["channels"] = sample[0]
    return Transfer(
        network=network,
        parts=parts,
        stages=stages,
        shape=sample,
        architecture=body.architecture,
        arguments=built,
        preprocessing=_preprocessing(body, sample),
        notes=tuple(notes),
    )


def _preprocessing(body: Body, sample: tuple[int, ...]) -> ImagePreprocessing | TablePreprocessing | None:
    """Return the body's preprocessing for so many channels: the mean over them for one, that of the one for several."""
    form = body.preprocessing
    if not isinstance(form, ImagePreprocessing) or form.channels == sample[0]:
        return form
    mean, std = (sum(each) / len(each) for each in (form.mean, form.std))
    return replace(form, channels=sample[0], mean=(mean,) * sample[0], std=(std,) * sample[0])
