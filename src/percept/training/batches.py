"""From a part of the data to batches on the device: shuffled, augmented and mixed for training."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from percept.data.augment.by_class import resampled
from percept.data.augment.draws import generator_of
from percept.data.augment.layer import AugmentationLayer
from percept.data.mixup import Mixing
from percept.data.preprocessing import ImagePreprocessing
from percept.errors import OptionError
from percept.evaluation.predict import Preprocessing
from percept.training.processes import share


@dataclass(frozen=True)
class LabeledPart:
    """The samples of one part of a split, as rows of the whole data.

    Attributes:
        inputs: (all samples, ...) uint8 pictures or float32 rows, possibly memory-mapped.
        targets: (all samples,) int64 class numbers or float32 figures.
        rows: (samples of this part,) which rows belong to it.
        preprocessing: from stored samples to the network's input.
        augmentation: what happens to training pictures on the device, or None; for uint8 pictures alone.
        mixing: how their targets are softened and they are mixed, or None.
        resampling: (samples of this part,) how often each comes in an epoch, mean 1; None for once each.

    Raises:
        OptionError: an augmentation of something else than pictures.
    """

    inputs: NDArray[np.uint8] | NDArray[np.float32]
    targets: NDArray[np.int64] | NDArray[np.float32]
    rows: NDArray[np.int64]
    preprocessing: Preprocessing
    augmentation: AugmentationLayer | None = None
    mixing: Mixing | None = None
    resampling: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.augmentation is not None and not isinstance(self.preprocessing, ImagePreprocessing):
            raise OptionError(f"samples are {self.inputs.dtype} rows; --augment is for pictures: leave it out")

    def __len__(self) -> int:
        return len(self.rows)


def smallest_batch(samples: int, batch_size: int) -> int:
    """Return how many samples the smallest batch of an epoch has."""
    return samples // steps_an_epoch(samples, batch_size)


def steps_an_epoch(samples: int, batch_size: int) -> int:
    """Return how many batches an epoch has."""
    return -(-samples // batch_size)


def batches(
    part: LabeledPart, batch_size: int, *, seed: int, epoch: int, accelerator: Accelerator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the batches of one epoch: what is random in them follows from the seed, the epoch and the step alone.

    Batches are evened out: 10 samples at batch size 4 make batches of 4, 3 and 3, so that no batch is much smaller
    than the others (batch norm cannot work on one). With several processes each gets its share of every batch.

    Args:
        part: the training part.
        batch_size: samples a batch, at most.
        seed: number that order, augmentation and mixing derive from.
        epoch: number of the epoch.
        accelerator: the device and the processes.

    Yields:
        The network's input and the targets, on the device; (samples, classes) probabilities where they are mixed.
    """
    shuffle = np.random.default_rng([seed, epoch])
    order = part.rows[shuffle.permutation(len(part))]
    if part.resampling is not None:
        order = resampled(part.rows, part.resampling, shuffle)
    for step, batch in enumerate(np.array_split(order, steps_an_epoch(len(part), batch_size))):
        rows = batch[share(len(batch), accelerator)]
        targets = torch.from_numpy(part.targets[rows]).to(accelerator.device)
        generator = generator_of(seed, epoch, step, accelerator.process_index)
        inputs = _inputs(part, rows, targets, generator, accelerator.device)
        yield (inputs, targets) if part.mixing is None else part.mixing(inputs, targets, generator)


def _inputs(
    part: LabeledPart, rows: NDArray[np.int64], targets: torch.Tensor, generator: torch.Generator, device: torch.device
) -> torch.Tensor:
    samples, preprocessing = part.inputs[rows], part.preprocessing
    if part.augmentation is None or not isinstance(preprocessing, ImagePreprocessing):
        return preprocessing.tensor(samples, device)
    pictures = torch.from_numpy(samples.astype(np.uint8, copy=False)).to(device).permute(0, 3, 1, 2)
    return preprocessing.normalized(part.augmentation(pictures, targets, generator))
