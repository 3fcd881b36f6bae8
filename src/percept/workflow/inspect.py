"""Any network layer by layer: one of percept's by name, a user's own, or that of a run."""

import sys
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn

from percept.data.columns import TablePreprocessing
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.errors import OptionError, PerceptError
from percept.models import MODELS, arguments_for, build, choose_size
from percept.models.file import Preprocessing, load_model
from percept.nn.geometry.trace import undrawn
from percept.nn.inspection import Inspection, inspect_network
from percept.runs.folder import open_run

PIXELS = 256  # side of the picture that a segmenter, which takes any, is told for
IMAGE = (224, 224)  # pixels, where neither the user nor the network says
DATA_ARGUMENTS = (
    "classes",
    "channels",
    "size",
    "inputs",
    "strides",
    "hidden",
)  # of builders, that follow from the data


def inspect(
    network: str | Path | nn.Module,
    *,
    image: tuple[int, int] | None = None,
    channels: int | None = None,
    classes: int | None = None,
    features: int | None = None,
) -> Inspection:
    """Return a network layer by layer: output, weights, multiply-adds, receptive field, memory; nothing is computed.

    Args:
        network: a name that `percept models` lists, "module:function" (importable from the working directory; the
            function returns a network), a run folder, a model file, or a network.
        image: height and width of the pictures, pixels; by default what the network takes 224x224 pictures at, and that
            of its own pictures for a run.
        channels: of the pictures, 3 by default.
        classes: outputs of the network, 10 by default.
        features: columns of a table, 10 by default, for networks that take rows.

    Returns:
        A record with `layers`, totals, a `table()` and `to_json()`.

    Raises:
        OptionError: the network is not found, or cannot be followed for such an input.

    Example:
        >>> inspect("resnet18", image=(224, 224), classes=1000).parameters
        11689512
    """
    given = {"image": image, "channels": channels, "classes": classes, "features": features}
    if isinstance(network, nn.Module):
        return inspect_network(network, _shape(image, channels, features))
    name = str(network)
    if name not in MODELS and ":" in name and not Path(name).exists():
        made = _users_own(name, {"classes": classes, "num_classes": classes, "channels": channels})
        return inspect_network(made, _shape(image, channels, features), name)
    if name not in MODELS and Path(name).exists():
        for option, value in given.items():
            if value is not None and option != "image":
                raise OptionError(f"--{option} is {value}; a trained network has its own: leave it out")
        return _trained(Path(name), image)
    shape = _shape_for(name, image, channels, features)
    return inspect_network(papers_own(name, 10 if classes is None else classes, shape), shape, name)


def papers_own(name: str, classes: int, shape: tuple[int, ...]) -> nn.Module:
    """Return a network of percept's as its paper has it, for samples of this shape, without weights.

    What `percept fit` adds, such as batch normalization for VGG, is left out.

    Args:
        name: a key of `MODELS`.
        classes: outputs.
        shape: (channels, height, width), or (features,).
    """
    fitted = arguments_for(name, outputs=classes, shape=shape)
    with undrawn():
        return build(name, **{each: value for each, value in fitted.items() if each in DATA_ARGUMENTS})


def _shape(image: tuple[int, int] | None, channels: int | None, features: int | None) -> tuple[int, ...]:
    if features is not None:
        if image is not None or channels is not None:
            raise OptionError("--features is for rows of a table, --image and --channels for pictures; give one kind")
        return (_count("features", features),)
    height, width = IMAGE if image is None else image
    three = 3 if channels is None else channels
    return _count("channels", three), _count("image", height), _count("image", width)


def _count(name: str, value: int) -> int:
    if value < 1:
        raise OptionError(f"--{name} is {value}; expected 1 or more")
    return value


def _shape_for(name: str, image: tuple[int, int] | None, channels: int | None, features: int | None) -> tuple[int, ...]:
    if name not in MODELS or (features is not None and MODELS[name].kind == "image"):
        return _shape(image, channels, None) if features is None else (_count("features", features),)
    if MODELS[name].kind != "image" and image is None and channels is None:
        return _shape(None, None, 10 if features is None else features)
    return _shape(choose_size(name, IMAGE) if image is None else image, channels, features)


def _trained(path: Path, image: tuple[int, int] | None) -> Inspection:
    model = load_model(open_run(path).model if path.is_dir() else path)
    shape = input_shape(model.preprocessing)
    if image is not None and len(shape) == 1:
        raise OptionError("--image is for networks that take pictures; this one takes rows of a table: leave it out")
    return inspect_network(model.network, shape if image is None else (shape[0], *image), model.architecture)


def input_shape(form: Preprocessing) -> tuple[int, ...]:
    """Return the shape of one sample behind a model's preprocessing; a usual one where pictures keep their sizes."""
    if isinstance(form, PixelPreprocessing):
        return form.channels, *(form.patch or (PIXELS, PIXELS))
    if isinstance(form, TablePreprocessing):
        return (form.features,)
    return form.channels, form.height, form.width


def _users_own(name: str, options: dict[str, int | None]) -> nn.Module:
    """Return what a user's function makes, told as many classes and channels as it takes arguments for."""
    module, _, called = name.partition(":")
    function = _imported(module, called)
    try:
        taken = signature(function).parameters
    except ValueError:  # it is written in C
        taken = {}  # type: ignore[assignment]
    arguments = {each: value for each, value in options.items() if value is not None and each in taken}
    try:
        try:
            with torch.device("meta"):
                made = function(**arguments)
        except (RuntimeError, NotImplementedError):  # it reads or computes weights
            made = function(**arguments)
    except PerceptError:
        raise
    except Exception as error:  # whatever a user's code raises
        raise OptionError(f"{name} failed: {' '.join(str(error).split()) or type(error).__name__}") from error
    if not isinstance(made, nn.Module):
        raise OptionError(f"{name} gave {type(made).__name__}; expected a function that returns a torch.nn.Module")
    return made


def _imported(module: str, called: str) -> Callable[..., Any]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found: Any = import_module(module)
        for part in called.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise OptionError(f"{module}:{called}: there is no module {error.name!r}; run percept where it lies") from None
    except AttributeError:
        raise OptionError(f"{module} has no {called!r}; name a function that returns a network") from None
    except Exception as error:  # whatever a user's code raises
        raise OptionError(f"{module} cannot be imported: {' '.join(str(error).split())}") from error
    finally:
        sys.path.remove(here)
    if not callable(found):
        raise OptionError(f"{module}:{called} is {type(found).__name__}; name a function that returns a network")
    return found  # type: ignore[no-any-return]
