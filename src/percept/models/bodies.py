"""Where a trained body comes from: a model file or run of percept, a checkpoint of another library, or a module."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from percept.data.columns import TablePreprocessing
from percept.data.preprocessing import ImagePreprocessing
from percept.errors import ModelFileError, OptionError
from percept.models.building import architecture as architecture_named
from percept.models.building import arguments_for, build
from percept.models.file import load_model
from percept.models.parts import find_parts
from percept.models.pretrained import load_weights, located, shapes_in
from percept.models.weights_file import is_model_file, published_normalization
from percept.nn.geometry.trace import undrawn

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green and blue by which torchvision and most of timm normalize pictures."""
IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class Body:
    """A trained network whose body is to be used again.

    Attributes:
        network: as it was trained, its head included.
        shape: of one sample that it takes: (channels, height, width), or (features,).
        architecture: its name in `MODELS`; "" for a user's module.
        arguments: those it is built with.
        preprocessing: what its samples were prepared by; None where that is not known.
        notes: what the user should know, one sentence each, without a full stop.
    """

    network: nn.Module
    shape: tuple[int, ...]
    architecture: str = ""
    arguments: Mapping[str, object] | None = None
    preprocessing: ImagePreprocessing | TablePreprocessing | None = None
    notes: tuple[str, ...] = ()


def open_body(
    source: Path | str | nn.Module,
    *,
    architecture: str | None = None,
    arguments: Mapping[str, object] | None = None,
    shape: tuple[int, ...] | None = None,
) -> Body:
    """Return a trained network with what is known of it.

    Args:
        source: a run folder, a percept model file, a checkpoint of torchvision, timm or another percept network, a name
            of published weights as in `percept.models.weights_file.fetch`, or a module.
        architecture: for a checkpoint, which network of `MODELS` the weights belong to.
        arguments: for a checkpoint, arguments of its builder that are not those it takes by itself.
        shape: of one sample that the body takes, for a module and, with another size than usual, for a checkpoint.

    Raises:
        ModelFileError: a file cannot be read, or its weights do not fit the architecture.
        OptionError: what has to be said for this kind of source is missing.

    Source: notes §3.4.2.
    """
    if isinstance(source, nn.Module):
        if shape is None:
            raise OptionError("a module does not say which samples it takes; pass shape=(channels, height, width)")
        return Body(source, shape)
    path = Path(source)
    path = path / "model.safetensors" if path.is_dir() else located(source)
    if not is_model_file(path):
        return _checkpoint(path, str(source), architecture, dict(arguments or {}), shape)
    model = load_model(path)
    if architecture is not None and architecture != model.architecture:
        raise ModelFileError(f"{path} holds {model.architecture}, not {architecture}; leave the architecture out")
    form = model.sample_preprocessing
    taken = (form.channels, form.height, form.width) if isinstance(form, ImagePreprocessing) else (form.features,)
    return Body(model.network, taken, model.architecture, model.arguments, form)


def _checkpoint(
    path: Path, source: str, name: str | None, given: dict[str, object], shape: tuple[int, ...] | None
) -> Body:
    if name is None:
        raise OptionError(f"{path} does not say of which network its weights are; name it, such as resnet18")
    side = architecture_named(name).kept_sides[1]
    size = given.get("size") or (side, side)
    shape = shape or (3, *size)  # type: ignore[misc]
    with undrawn():
        bare = build(name, **{**arguments_for(name, outputs=IMAGENET_CLASSES, shape=shape), **given})
    shapes, entry = shapes_in(path, bare), next(key for key, each in bare.named_parameters() if each.ndim >= 2)
    scores = f"{find_parts(bare, shape).scores}.weight"
    classes = shapes.get(scores, (IMAGENET_CLASSES,))[0]
    channels = shapes.get(entry, (0, shape[0]))[1] if len(shape) == 3 else shape[0]
    shape = (channels, *shape[1:])
    arguments = {**arguments_for(name, outputs=classes, shape=shape), **given}
    with undrawn():
        network = build(name, **arguments)
    network = load_weights(network, path).eval()
    known = published_normalization(source) if path != Path(source) else None
    notes: tuple[str, ...] = ()
    if known is None and classes == IMAGENET_CLASSES and channels == 3:
        known = IMAGENET
        notes = ("pictures are normalized as torchvision and most of timm do for ImageNet; the file does not say",)
    if known is None or len(shape) != 3 or len(known[0]) != channels:
        return Body(network, shape, name, arguments, None, notes)
    preprocessing = ImagePreprocessing(shape[1], shape[2], channels, mean=known[0], std=known[1])
    return Body(network, shape, name, arguments, preprocessing, notes)
