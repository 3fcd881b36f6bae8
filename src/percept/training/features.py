"""The features of a frozen body: computed once, in memory or in a file, and handed to the head batch by batch."""

import hashlib
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.devices import Precision
from percept.errors import PerceptWarning
from percept.evaluation.predict import BATCH, outputs
from percept.files import replacing
from percept.training.batches import LabeledPart

MEMORY = 256 << 20
"""Bytes of features that are kept in memory; more of them lie in a file, of which a batch at a time is read."""


@dataclass(frozen=True)
class FeatureStore:
    """Where features are kept.

    Attributes:
        folder: where files of features are written and found again, by a digest of the body, the samples and their
            preprocessing; None keeps them for this training alone, in memory or in a file that goes with it.
        memory: bytes that may stay in memory where there is no folder.
    """

    folder: Path | None = None
    memory: int = MEMORY


@dataclass(frozen=True)
class AsTheyAre:
    """The preprocessing of features: none."""

    def tensor(self, samples: NDArray[Any], device: torch.device, /) -> Tensor:
        """Return features on the device."""
        return torch.from_numpy(np.ascontiguousarray(samples)).to(device)


def with_features(
    part: LabeledPart, body: nn.Module, store: FeatureStore, *, device: torch.device, precision: Precision = "float32"
) -> LabeledPart | None:
    """Return a part whose inputs are what a body in evaluation mode makes of its samples, in the same order.

    Args:
        part: the samples, without augmentation.
        body: lies on `device`; from samples to features, (samples, ...).
        store: where the features are kept.
        device: where to compute.
        precision: what to compute in; features are kept in float32.

    Returns:
        The part; None where the features have to go to a file that cannot be written, of which a warning says why.

    Source: notes §3.4.2; Donahue et al. 2014 (features of a network as they are).
    """
    try:
        made = _stored(part, body, store, device, precision)
    except OSError as error:
        warnings.warn(
            f"the features of the frozen body cannot be kept ({error.strerror or error}), so every epoch will compute"
            " them anew; make room, or choose another folder",
            PerceptWarning,
            stacklevel=2,
        )
        return None
    return replace(
        part, inputs=made, targets=part.targets[part.rows], rows=np.arange(len(part)), preprocessing=AsTheyAre()
    )


def _stored(
    part: LabeledPart, body: nn.Module, store: FeatureStore, device: torch.device, precision: Precision
) -> NDArray[np.float32]:
    batches = _computed(part, body, device, precision)
    first = next(batches)
    shape = (len(part), *first.shape[1:])
    if store.folder is None and 4 * prod(shape) <= store.memory:
        return np.concatenate([first, *batches])
    # written in order, not through the map: a full disk is an error then, where it would kill the process
    if store.folder is None:
        with tempfile.TemporaryFile() as file:  # its bytes are there for as long as they are mapped
            file.writelines(batch.tobytes() for batch in chain([first], batches))
            file.flush()
            return np.memmap(file, np.float32, "r", shape=shape)
    path = store.folder / f"features-{_digest(part, body, precision)}.npy"
    if not _whole(path, shape):
        with replacing(path) as kept:
            np.lib.format.write_array_header_1_0(kept, {"descr": "<f4", "fortran_order": False, "shape": shape})
            kept.writelines(batch.tobytes() for batch in chain([first], batches))
    found: NDArray[np.float32] = np.load(path, mmap_mode="r")
    return found


def _computed(
    part: LabeledPart, body: nn.Module, device: torch.device, precision: Precision
) -> Iterator[NDArray[np.float32]]:
    """Yield the features of a batch after the other; of no samples, one that is empty."""
    for start in range(0, max(len(part), 1), BATCH):
        some = part.rows[start : start + BATCH]
        yield outputs(body, part.inputs, some, part.preprocessing, device=device, precision=precision)


def _whole(path: Path, shape: tuple[int, ...]) -> bool:
    try:
        return tuple(np.load(path, mmap_mode="r").shape) == shape
    except (OSError, ValueError, EOFError):  # not there, or not whole
        return False


def _digest(part: LabeledPart, body: nn.Module, precision: Precision) -> str:
    """Return a digest of all that the features depend on."""
    digest = hashlib.blake2b(f"{precision} {part.preprocessing} {part.inputs.dtype}".encode(), digest_size=16)
    digest.update(f"{body} {getattr(body, 'code', '')}".encode())  # the layers with their sizes, and what joins them
    for name, values in sorted(body.state_dict().items()):
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(values.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    for start in range(0, len(part), BATCH):
        digest.update(part.inputs[part.rows[start : start + BATCH]].tobytes())
    return digest.hexdigest()
