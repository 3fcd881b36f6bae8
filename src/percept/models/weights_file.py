"""Reading weights from a file of any of the usual formats, told apart by content, without running code from it."""

import pickle
import struct
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from percept.errors import ModelFileError

# Under which a checkpoint of torch keeps the weights, beside the state of its training.
_INSIDE = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights")
# What wrappers put before the name of every weight: torch's for several devices, and its compiler.
_WRAPPERS = ("module.", "_orig_mod.")
_FORMATS = "a PyTorch checkpoint (.pth), a safetensors file or a percept model file"


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights in a file by their names there.

    Args:
        path: a percept model file, a safetensors file, or a checkpoint of torch.save: the weights alone, or a
            dictionary with the weights inside.

    Raises:
        ModelFileError: the file is missing, damaged, of another format, or would have to run code.
    """
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except FileNotFoundError:
        raise ModelFileError(f"{path} does not exist; give {_FORMATS}") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror or error}); give {_FORMATS}") from error
    if start[8:] == b"{":  # after the length of the header, the header in JSON
        return _from_safetensors(path)
    if start.startswith((b"PK\x03\x04", b"\x80")):  # a zip file, or a pickle as before torch 1.6
        return _from_torch(path)
    raise ModelFileError(f"{path} holds no weights; give {_FORMATS}")


def _from_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path} is damaged ({error}); copy it again from where it came from") from error
    if "percept" in metadata:
        from percept.models.file import load_model  # checks the whole file; brings the code for data with it

        return load_model(path).network.state_dict()
    return dict(safetensors.torch.load_file(path))


def _from_torch(path: Path) -> dict[str, Tensor]:
    try:
        with path.open("rb") as file:  # by its name torch would take a file for safetensors
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelFileError(
            f"{path} holds more than weights, which only running code from it could read;"
            " save network.state_dict() alone with torch.save, or take a safetensors file"
        ) from error
    except (RuntimeError, EOFError, ValueError, OSError, struct.error) as error:
        raise ModelFileError(f"{path} is damaged or cut off; copy it again from where it came from") from error
    weights = _weights_in(content)
    if weights is None:
        found = f"a dictionary of {', '.join(list(map(str, content))[:5])}" if isinstance(content, Mapping) else ""
        raise ModelFileError(f"{path} holds {found or type(content).__name__}, not weights by name; give {_FORMATS}")
    for wrapper in _WRAPPERS:
        if all(name.startswith(wrapper) for name in weights):
            weights = {name.removeprefix(wrapper): values for name, values in weights.items()}
    return weights


def _weights_in(content: object) -> dict[str, Tensor] | None:
    if not isinstance(content, Mapping) or not content:
        return None
    if all(isinstance(name, str) and isinstance(values, Tensor) for name, values in content.items()):
        return dict(content)
    inside = (_weights_in(content[name]) for name in _INSIDE if name in content)
    return next((weights for weights in inside if weights), None)


def fetch(name: str) -> Path:
    """Return the file of published weights, downloaded unless it is there already.

    Args:
        name: a repository of the Hugging Face hub ("timm/resnet18.a1_in1k"), one of timm's ("resnet18.a1_in1k"), or
            a network of timm ("resnet18"), which stands for its default weights.

    Raises:
        ModelFileError: the extra `pretrained` is not installed, there is no network, or nothing of that name.
    """
    if name.count("/") > 1 or ("/" in name and Path(name).parent.exists()):  # a repository is OWNER/NAME
        raise ModelFileError(f"{name} does not exist; expected a run folder, a model file or a checkpoint")
    try:
        hub = import_module("huggingface_hub")
        repository = name if "/" in name else f"timm/{name}" if "." in name else _default_weights(name)
    except ImportError as error:
        raise ModelFileError(
            f"{name} is no file here, and weights are fetched by name only with the extra: pip install"
            f" 'percept[pretrained]' ({error})"
        ) from error
    try:
        return Path(hub.hf_hub_download(repository, "model.safetensors"))
    except (OSError, ValueError) as error:  # what the hub raises without a network, and for a name it does not know
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelFileError(
            f"{name} is no file here, and fetching it from {repository} on the hub failed ({reason});"
            " check the name and the network, or give a file"
        ) from error


def published_normalization(name: str) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Return mean and standard deviation of each channel that timm states for weights of a name; None where it cannot.

    Args:
        name: as in `fetch`.
    """
    try:
        described = import_module("timm").get_pretrained_cfg(name.removeprefix("timm/"))
    except (ImportError, RuntimeError):  # there is no timm, or torchvision does not load beside this torch
        return None
    mean, std = getattr(described, "mean", None), getattr(described, "std", None)
    return (tuple(mean), tuple(std)) if mean and std else None


def is_model_file(path: Path) -> bool:
    """Return whether a file is one that percept wrote, which says more than weights."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            return "percept" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def _default_weights(name: str) -> str:
    try:
        described = import_module("timm").get_pretrained_cfg(name)
    except RuntimeError as error:  # timm does not know the name, or torchvision does not load beside this torch
        raise ModelFileError(f"{name} is neither a file here nor weights that timm can name ({error})") from error
    if described is None or not described.hf_hub_id:
        raise ModelFileError(f"{name} is neither a file here nor a network that timm publishes weights of; give a file")
    return str(described.hf_hub_id)
