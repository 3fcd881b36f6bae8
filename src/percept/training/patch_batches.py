"""From pictures with masks to batches of patches labelled by their middle pixel, drawn anew in every epoch."""

from collections.abc import Iterator

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from percept.data.augment.draws import generator_of
from percept.data.augment.layer import augment
from percept.data.patches import Balance, Centers, cut_patches, draw_centers
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.errors import OptionError
from percept.training.batches import steps_an_epoch
from percept.training.pixel_batches import MaskedPart
from percept.training.processes import share

UNKNOWN = -100  # the class that torch's cross-entropy leaves out


def patch_batches(
    part: MaskedPart,
    size: int,
    batch_size: int,
    count: int,
    *,
    classes: int,
    seed: int,
    epoch: int,
    accelerator: Accelerator,
    balance: Balance = "balanced",
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of one epoch; what is random in them follows from the seed, the epoch and the step alone.

    Patches are augmented together with their masks, and labelled afterwards by the pixel that is then in the middle.

    Args:
        part: the training part; its pictures go through `PixelPreprocessing`.
        size: side of the patches, pixels.
        batch_size: patches a batch, at most.
        count: patches of the epoch.
        classes: how many there are.
        seed: number that places and augmentation derive from.
        epoch: number of the epoch.
        accelerator: the device and the processes.
        balance: "balanced" shows every class equally often, "natural" as often as it occurs.

    Yields:
        (patches, channels, size, size) the network's input, and (patches,) int64 classes; `UNKNOWN`, which the
        cross-entropy leaves out, where augmentation moved a pixel that is not known into the middle.

    Raises:
        OptionError: the pictures go through another preprocessing.
        DataError: no pixel of the training part has a class.

    Source: notes §3.6.6, patch-based training; Ciresan et al. 2012, section 2.
    """
    form = part.preprocessing
    if not isinstance(form, PixelPreprocessing):
        raise OptionError(f"pictures go through {type(form).__name__}; patches need PixelPreprocessing")
    pictures, masks = ([each[row] for row in part.rows] for each in (part.pictures, part.masks))
    drawn = draw_centers(masks, count, np.random.default_rng([seed, epoch]), classes=classes, balance=balance)
    for step, some in enumerate(np.array_split(np.arange(count), steps_an_epoch(count, batch_size))):
        here = some[share(len(some), accelerator)]
        centers = Centers(drawn.pictures[here], drawn.rows[here], drawn.columns[here], drawn.labels[here])
        patches = cut_patches(pictures, centers, size)
        if part.augmentation is None:
            labels = torch.from_numpy(centers.labels).to(accelerator.device)
            yield form.tensor(patches, accelerator.device), labels
            continue
        around = cut_patches([mask[..., None] for mask in masks], centers, size)[..., 0].astype(np.int64)
        shown = torch.from_numpy(patches).to(accelerator.device).permute(0, 3, 1, 2)
        draws = generator_of(seed, epoch, step, accelerator.process_index)
        moved = augment(shown, part.augmentation, draws, masks=torch.from_numpy(around).to(accelerator.device))
        if moved.masks is None:
            raise OptionError("the augmentation of patches left their masks out; leave --augment out")
        labels = moved.masks[:, size // 2, size // 2]
        yield form.normalized(moved.pictures), labels.masked_fill(labels == part.ignore, UNKNOWN)
