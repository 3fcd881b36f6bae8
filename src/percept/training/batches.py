"""From a part of the data to batches on the device: shuffled for training, each sample once an epoch."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from percept.data.augment import Augmentation
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
        augmentation: what happens to training pictures before that, or None.
    """

    inputs: NDArray[np.uint8] | NDArray[np.float32]
    targets: NDArray[np.int64] | NDArray[np.float32]
    rows: NDArray[np.int64]
    preprocessing: Preprocessing
    augmentation: Augmentation | None = None

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
    """Yield the batches of one epoch, shuffled by the seed and the epoch's number alone.

    Batches are evened out: 10 samples at batch size 4 make batches of 4, 3 and 3, so that no batch is much smaller
    than the others (batch norm cannot work on one). With several processes each gets its share of every batch.

    Args:
        part: the training part.
        batch_size: samples a batch, at most.
        seed: number that the order derives from.
        epoch: number of the epoch.
        accelerator: the device and the processes.

    Yields:
        The network's input and the targets, on the device.
    """
    generator = np.random.default_rng([seed, epoch, accelerator.process_index])
    order = part.rows[np.random.default_rng([seed, epoch]).permutation(len(part))]
    for batch in np.array_split(order, steps_an_epoch(len(part), batch_size)):
        rows = batch[share(len(batch), accelerator)]
        samples = part.inputs[rows]
        if part.augmentation is not None:
            samples = part.augmentation(samples.astype(np.uint8, copy=False), generator)
        inputs = part.preprocessing.tensor(samples, accelerator.device)
        yield inputs, torch.from_numpy(part.targets[rows]).to(accelerator.device)
