"""The model file: one safetensors file that holds a trained network and all that is needed to use it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from percept.data.columns import TablePreprocessing
from percept.data.dataset import Task
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.data.preprocessing import ImagePreprocessing
from percept.devices import choose_device
from percept.errors import DataError, ModelFileError, OptionError
from percept.files import replacing
from percept.models.building import build
from percept.version import __version__

ModelTask = Task | Literal["segmentation"]
FORMAT_VERSION = 1

# The only key of the safetensors metadata: with two, their order and so the file's bytes would change by chance.
_KEY = "percept"
Preprocessing = ImagePreprocessing | PixelPreprocessing | TablePreprocessing
_PREPROCESSINGS: dict[str, Callable[[dict[str, Any]], Preprocessing]] = {
    "image": ImagePreprocessing.from_json,
    "pixels": PixelPreprocessing.from_json,
    "table": TablePreprocessing.from_json,
}


@dataclass(frozen=True)
class TrainedModel:
    """A trained network with all that is needed to use it.

    Attributes:
        network: from preprocessed samples to raw outputs: scores of the classes, or the scaled figure.
        architecture: its name in `percept.models.MODELS`.
        arguments: the arguments it was built with, as JSON values.
        task: whether it tells classes, figures, or the class of every pixel.
        classes: the name of each output; empty for regression.
        target: what the user calls the thing predicted.
        target_scale: mean and standard deviation that turn outputs into figures, output x std + mean; (0, 1) for
            classes.
        preprocessing: from raw samples to the network's input.
        metadata: whatever else is worth keeping, as JSON values: seed, versions, date.
    """

    network: nn.Module
    architecture: str
    arguments: Mapping[str, object]
    task: ModelTask
    classes: tuple[str, ...]
    target: str
    target_scale: tuple[float, float]
    preprocessing: Preprocessing
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def temperature(self) -> float:
        """Return what the outputs are divided by before the softmax: 1 where the file says nothing."""
        return _number(self.metadata, "temperature", 1.0)

    @property
    def abstain_below(self) -> float:
        """Return the probability of the predicted class below which not to answer: 0 where the file says nothing."""
        return _number(self.metadata, "abstain_below", 0.0)

    @property
    def views(self) -> str:
        """Return the names of the views of a picture whose mean answer counts: "" where the file says nothing."""
        kept = self.metadata.get("views", "")
        return kept if isinstance(kept, str) and self.task == "classification" else ""

    @property
    def sample_preprocessing(self) -> ImagePreprocessing | TablePreprocessing:
        """Return the preprocessing of a model that gives one answer a sample.

        Raises:
            DataError: it gives a class for every pixel.
        """
        if isinstance(self.preprocessing, PixelPreprocessing):
            raise DataError("the model gives a class for every pixel; expected one that gives one answer a sample")
        return self.preprocessing


def save_model(path: Path | str, model: TrainedModel) -> None:
    """Write a model file, with the weights in float32; equal models give equal bytes.

    The file is written aside and renamed, so that `path` holds the old file or the new one, whole, at any moment.

    Args:
        path: where to; a file that is there is replaced.
        model: what to write; its network stays as it is.

    Raises:
        WriteError: the disk is full or does not let percept write; the old file is intact.
    """
    tensors = {name: _stored(values) for name, values in model.network.state_dict().items()}
    description: dict[str, object] = {
        "format": FORMAT_VERSION,
        "architecture": model.architecture,
        "arguments": dict(model.arguments),
        "task": model.task,
        "classes": list(model.classes),
        "target": model.target,
        "target_scale": list(model.target_scale),
        "preprocessing": model.preprocessing.to_json(),
        "metadata": dict(model.metadata),
    }
    description = json.loads(_json(description))  # as a reader will see it: keys of a dict are text, tuples are lists
    description["sha256"] = _digest(description, tensors)
    with replacing(Path(path)) as file:
        file.write(safetensors.torch.save(tensors, {_KEY: _json(description)}))


def load_model(path: Path | str, device: torch.device | str = "cpu") -> TrainedModel:
    """Read a model file of this or an older format; torch's random state stays as it is.

    Args:
        path: the file.
        device: where the network is wanted, as in `choose_device`.

    Returns:
        The model, its network in evaluation mode.

    Raises:
        ModelFileError: the file is missing, truncated, damaged, no model file, or of a newer format.
        OptionError: this machine has no such device.
    """
    device = choose_device(device) if isinstance(device, str) else device
    path = Path(path)
    data = _read(path)
    description = _description(path, data)
    try:
        tensors = safetensors.torch.load(data)
    except SafetensorError as error:
        raise _damaged(path, str(error)) from error
    recorded = description.pop("sha256", None)
    if recorded != _digest(description, tensors):
        raise _damaged(path, "its contents do not match their checksum")
    network = _network(path, description, tensors).to(device).eval()
    try:
        return _model(description, network)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"its description cannot be understood: {error!r}") from error


def _number(metadata: Mapping[str, object], name: str, otherwise: float) -> float:
    value = metadata.get(name, otherwise)
    return float(value) if isinstance(value, int | float) else otherwise


def _stored(values: Tensor) -> Tensor:
    # A copy: shared or channels-last memory cannot be written as it lies.
    if values.is_floating_point():
        values = values.float()
    return values.cpu().clone(memory_format=torch.contiguous_format)


def _json(values: Mapping[str, object]) -> str:
    return json.dumps(values, sort_keys=True, allow_nan=False)


def _digest(description: Mapping[str, object], tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(_json(description).encode())
    for name, values in sorted(tensors.items()):
        digest.update(f"{name} {values.dtype} {list(values.shape)}".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(f"{path} does not exist; give the model.safetensors of a finished run") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror or error}); give a model file") from error


def _damaged(path: Path, why: str) -> ModelFileError:
    return ModelFileError(f"{path} is damaged ({why}); copy it again from where it was made, or train again")


def _description(path: Path, data: bytes) -> dict[str, object]:
    header = _header(path, data)
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if text is None:
        raise ModelFileError(f"{path} is a safetensors file of another program; give the model.safetensors of a run")
    try:
        description = json.loads(text)
        version = description["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, "its description cannot be read") from error
    if not isinstance(version, int) or version < 1:
        raise _damaged(path, f"its format is {version!r}")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format {version}, percept {__version__} reads formats up to {FORMAT_VERSION}; update percept"
        )
    return dict(description)


def _header(path: Path, data: bytes) -> dict[str, object]:
    # A safetensors file: 8 bytes that give the length of a JSON header, the header, the tensors.
    start = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:start])
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        length = start + max(ends, default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ModelFileError(
            f"{path} is no model file, or cut off after {len(data)} bytes; give the model.safetensors of a finished run"
        ) from error
    if len(data) < length:
        raise _damaged(path, f"cut off after {len(data)} of {length} bytes")
    return dict(header)


def _network(path: Path, description: Mapping[str, object], tensors: Mapping[str, Tensor]) -> nn.Module:
    name, arguments = description.get("architecture"), description.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise _damaged(path, "it does not say which network it holds")
    try:
        with torch.random.fork_rng(devices=[]):  # the drawn weights are replaced: the draw must not be felt outside
            network = build(name, **arguments)
    except OptionError as error:
        raise ModelFileError(
            f"{path} holds a network that percept {__version__} cannot build ({error}); use the version that wrote it"
        ) from error
    expected = {key: values.shape for key, values in network.state_dict().items()}
    found = {key: values.shape for key, values in tensors.items()}
    if found != expected:
        differing = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
        raise _damaged(path, f"missing, unknown or misshapen weights for {name}: {', '.join(differing[:3])}")
    network.load_state_dict(dict(tensors))
    return network


def _model(description: Mapping[str, Any], network: nn.Module) -> TrainedModel:
    preprocessing = description["preprocessing"]
    mean, std = description["target_scale"]
    return TrainedModel(
        network=network,
        architecture=description["architecture"],
        arguments=description["arguments"],
        task=description["task"],
        classes=tuple(description["classes"]),
        target=description["target"],
        target_scale=(mean, std),
        preprocessing=_PREPROCESSINGS[preprocessing["kind"]](preprocessing),
        metadata=description["metadata"],
    )
