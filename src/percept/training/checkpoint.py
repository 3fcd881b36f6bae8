"""The state of a training between two epochs: one safetensors file, written aside and renamed."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from percept.errors import RunFolderError
from percept.files import replacing
from percept.training.loop import Epoch
from percept.training.stopping import Best

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """What a training needs to go on, beside the network, optimizer and schedule that `restore` fills.

    Attributes:
        history: every epoch so far.
        best: the best of them.
        data: digest of the data that the training saw.
    """

    history: tuple[Epoch, ...]
    best: Best
    data: str = ""


def save_checkpoint(
    path: Path, network: nn.Module, optimizer: Optimizer, schedule: LRScheduler, checkpoint: Checkpoint
) -> None:
    """Write the state of a training; an older file at `path` stays whole until the new one is on disk.

    Args:
        path: the file to write.
        network: its present weights.
        optimizer: its present state.
        schedule: its present state.
        checkpoint: history and best weights.
    """
    state = optimizer.state_dict()
    tensors = {f"network/{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in checkpoint.best.weights.items()}
    for index, values in state["state"].items():
        tensors |= {f"optimizer/{index}/{name}": value for name, value in values.items() if isinstance(value, Tensor)}
    scalars = {
        str(index): {name: value for name, value in values.items() if not isinstance(value, Tensor)}
        for index, values in state["state"].items()
    }
    content = {
        "history": [asdict(epoch) for epoch in checkpoint.history],
        "best": {"epoch": checkpoint.best.epoch, "value": checkpoint.best.value, "loss": checkpoint.best.loss},
        "groups": state["param_groups"],
        "scalars": scalars,
        "schedule": schedule.state_dict(),
        "data": checkpoint.data,
    }
    metadata = {"percept_checkpoint": str(FORMAT_VERSION), "content": json.dumps(content)}
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, metadata)
    with replacing(path) as file:
        file.write(data)


def restore_checkpoint(path: Path, network: nn.Module, optimizer: Optimizer, schedule: LRScheduler) -> Checkpoint:
    """Fill a network, its optimizer and its schedule from a file, and return the rest of the state.

    Args:
        path: a file that `save_checkpoint` wrote.
        network: a network of the same architecture.
        optimizer: an optimizer over it, made the same way.
        schedule: a schedule of that optimizer, made the same way.

    Raises:
        RunFolderError: the file is damaged or of a newer format.
    """
    tensors, content = _read(path)
    try:
        return _restored(tensors, content, network, optimizer, schedule)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise _not_whole(path, error) from error


def epochs_done(path: Path) -> int:
    """Return how many epochs a training had behind it, by which the phase is known whose optimizer is to be restored.

    Args:
        path: a file that `save_checkpoint` wrote.

    Raises:
        RunFolderError: the file is damaged or of a newer format.
    """
    return len(_read(path)[1]["history"])


def _restored(
    tensors: dict[str, Tensor], content: dict[str, Any], network: nn.Module, optimizer: Optimizer, schedule: LRScheduler
) -> Checkpoint:
    device = next(network.parameters()).device
    network.load_state_dict(_below(tensors, "network/"))
    state = {
        int(index): {**scalars, **_below(tensors, f"optimizer/{index}/")}
        for index, scalars in content["scalars"].items()
    }
    optimizer.load_state_dict({"state": state, "param_groups": content["groups"]})
    _lay_out_like_parameters(optimizer)
    schedule.load_state_dict(content["schedule"])
    best = {name: tensor.to(device) for name, tensor in _below(tensors, "best/").items()}
    return Checkpoint(
        tuple(Epoch(**epoch) for epoch in content["history"]),
        Best(**content["best"], weights=best),
        content["data"],
    )


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _lay_out_like_parameters(optimizer: Optimizer) -> None:
    # The same values in another memory layout take another path through torch, whose last bits may differ.
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.ndim:
                values[name] = torch.empty_like(parameter).copy_(value)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            version = int(metadata.get("percept_checkpoint", "0"))
            if version > FORMAT_VERSION:
                raise RunFolderError(
                    f"{path} has checkpoint format {version}, this percept reads up to {FORMAT_VERSION};"
                    " go on with the version of percept that began the run"
                )
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(metadata["content"])  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        if isinstance(error, RunFolderError):
            raise
        raise _not_whole(path, error) from error


def _not_whole(path: Path, error: Exception) -> RunFolderError:
    return RunFolderError(f"{path} is not a whole checkpoint ({error}); start the run again without --resume")
