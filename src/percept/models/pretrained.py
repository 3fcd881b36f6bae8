"""Loading the weights that another program trained into one of percept's networks, layer by layer, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from percept.errors import ModelFileError
from percept.models.layouts import LAYOUTS, Layout, renamed
from percept.models.pictures import taken_by
from percept.models.weights_file import fetch, read_weights

_SUFFIXES = frozenset({".pth", ".pt", ".th", ".bin", ".ckpt", ".tar", ".safetensors"})
_COUNTER = "num_batches_tracked"  # of normalization; old files lack it, and no network needs it
_TRAINING_ONLY = "auxiliary"  # heads that a network may go without


def load_weights(network: nn.Module, file: Path | str) -> nn.Module:
    """Load published weights into a network of `build`, whatever library saved them.

    Weights named as in percept, torchvision or timm are taken, in checkpoints of torch, safetensors files and percept
    model files alike; the content tells which. Nothing is loaded unless everything fits. What weights cannot tell is
    what the pictures were normalized by, and with timm's networks named tf_ that they pad pictures on one side, which
    percept does not.

    Args:
        network: changed in place; it may lie on the meta device, and then lies where the weights are.
        file: a file, or a name as in `percept.models.weights_file.fetch`, where the extra `pretrained` is installed.

    Returns:
        The network.

    Raises:
        ModelFileError: the file cannot be read, or its weights do not fit; it says which.

    Source: notes §3.4.2.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     torch.save({"0.weight": torch.eye(2), "0.bias": torch.ones(2)}, Path(folder) / "weights.pth")
        ...     load_weights(nn.Sequential(nn.Linear(2, 2)), Path(folder) / "weights.pth")[0].weight.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    path = located(file)
    expected = network.state_dict()
    best = _best_fit(read_weights(path), expected)
    if best.missing or best.misshapen or best.unknown:
        raise ModelFileError(f"{path} does not fit {_name(network)}: {best.sentence()}")
    counters = {name: torch.zeros_like(values, device="cpu") for name, values in expected.items() if _COUNTER in name}
    bare = any(values.is_meta for values in expected.values())
    network.load_state_dict({**counters, **best.weights}, assign=bare)
    return network


def located(file: Path | str) -> Path:
    """Return the path of a file of weights, fetched first where it is a name and no file.

    Args:
        file: as in `load_weights`.

    Raises:
        ModelFileError: it can be neither found nor fetched.
    """
    path = Path(file)
    if not path.exists() and isinstance(file, str) and path.suffix not in _SUFFIXES and not path.is_absolute():
        return fetch(file)
    return path


def shapes_in(file: Path, network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shapes in a file of the weights of a network, by their names in it; those that the file has.

    They tell for how many classes and channels the network has to be built before `load_weights` can fill it.

    Args:
        file: as in `load_weights`.
        network: of the same architecture, built for any number of classes and channels; the meta device will do.

    Raises:
        ModelFileError: the file cannot be read.
    """
    expected = network.state_dict()
    best = _best_fit(read_weights(file), expected)
    return {
        **{name: tuple(expected[name].shape) for name in best.weights},
        **{name: there for name, (there, _) in best.misshapen.items()},
    }


@dataclass(frozen=True)
class _Fit:
    """How the weights of a file fit a network when read by one layout.

    Attributes:
        weights: what fits, by percept's name.
        missing: names and shapes that the network expects and the file lacks.
        misshapen: names, shapes there, and shapes expected.
        unknown: names and shapes in the file, as it names them, that the network has no place for.
    """

    weights: dict[str, Tensor]
    missing: dict[str, tuple[int, ...]]
    misshapen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    unknown: dict[str, tuple[int, ...]]

    def sentence(self) -> str:
        """Return what does not fit, in words."""
        parts = []
        if self.misshapen:
            parts.append(_listed([f"{k} has shape {there}, not {here}" for k, (there, here) in self.misshapen.items()]))
        if self.missing:
            parts.append(f"it lacks {_listed([f'{k} {shape}' for k, shape in self.missing.items()])}")
        if self.unknown:
            parts.append(f"it has, without a place, {_listed([f'{k} {shape}' for k, shape in self.unknown.items()])}")
        classes = self.misshapen.get("scores.weight")
        advice = f"; build the network with classes={classes[0][0]}" if classes and len(self.misshapen) <= 2 else ""
        return "; ".join(parts) + advice


def _best_fit(read: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> _Fit:
    fits = [_fit(layout, read, expected) for layout in LAYOUTS.values()]
    return max(fits, key=lambda fit: (len(fit.weights), -len(fit.misshapen)))


def _fit(layout: Layout, read: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> _Fit:
    weights: dict[str, Tensor] = {}
    misshapen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    unknown: dict[str, tuple[int, ...]] = {}
    for foreign, values in read.items():
        name = renamed(foreign, layout)
        there = tuple(values.shape)
        if name not in expected:
            if not name.startswith(_TRAINING_ONLY) and _COUNTER not in name:
                unknown[foreign] = there
            continue
        here = tuple(expected[name].shape)
        if there == here:
            weights[name] = values
        elif len(there) == 4 and len(here) == 2 and there[0] == here[0] and values.numel() == expected[name].numel():
            weights[name] = values.flatten(1)  # a dense layer, written as a convolution as large as the map
        else:
            misshapen[name] = (there, here)
    missing = {
        name: tuple(values.shape)
        for name, values in expected.items()
        if name not in weights and name not in misshapen and _COUNTER not in name
    }
    return _Fit(weights, missing, misshapen, unknown)


def _listed(items: list[str], most: int = 3) -> str:
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")


def _name(network: nn.Module) -> str:
    pictures = taken_by(network)
    return type(network).__name__ if pictures is None else pictures.network
