"""Batches are augmented, mixed and resampled as asked, and repeat."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from percept.data.augment.by_class import resampling_weights
from percept.data.augment.layer import AugmentationLayer
from percept.data.augment.recipe import Augmentation
from percept.data.mixup import Mixing
from percept.data.preprocessing import ImagePreprocessing
from percept.errors import OptionError
from percept.training.batches import LabeledPart, batches
from percept.training.processes import make_accelerator

CPU = make_accelerator(torch.device("cpu"), "float32")
PREPROCESSING = ImagePreprocessing(8, 8, 3, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))


def part() -> LabeledPart:
    pictures = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3)).astype(np.uint8)
    return LabeledPart(pictures, np.repeat([0, 1, 2], [20, 7, 3]), np.arange(30), PREPROCESSING)


def epoch_of(part: LabeledPart, epoch: int = 1) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(batches(part, 8, seed=4, epoch=epoch, accelerator=CPU))


def test_augmented_batches_repeat_by_seed_and_epoch_whatever_came_before() -> None:
    changed = replace(part(), augmentation=AugmentationLayer(Augmentation(rotate=40, noise=0.1, shift=0.1)))
    first, second = epoch_of(changed, 1), epoch_of(changed, 2)
    torch.rand(7)
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(second, epoch_of(changed, 2), strict=True))
    assert not torch.equal(first[0][0], second[0][0])


def test_an_augmentation_of_nothing_is_the_plain_batch() -> None:
    plain, same = epoch_of(part()), epoch_of(replace(part(), augmentation=AugmentationLayer(Augmentation())))
    for (inputs, targets), (others, labels) in zip(plain, same, strict=True):
        assert torch.equal(targets, labels)
        assert (inputs - others).abs().max() < 1e-5
        assert others.is_contiguous(memory_format=torch.channels_last)


def test_classes_are_augmented_by_their_labels() -> None:
    layer = AugmentationLayer(Augmentation(), by_class={2: Augmentation(brightness=0.9)})
    for (inputs, targets), (others, _) in zip(
        epoch_of(part()), epoch_of(replace(part(), augmentation=layer)), strict=True
    ):
        moved = (inputs - others).flatten(1).abs().amax(1) > 1e-3
        assert torch.equal(moved, targets == 2)


def test_mixed_batches_have_soft_targets_in_proportion() -> None:
    dots = np.zeros((30, 8, 8, 3), np.uint8)
    dots[np.arange(30), ..., np.repeat([0, 1, 2], 10)] = 255  # each class has a color
    plain = ImagePreprocessing(8, 8, 3, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    colored = LabeledPart(dots, np.repeat([0, 1, 2], 10), np.arange(30), plain, mixing=Mixing(3, mixup=1.0))
    for inputs, targets in epoch_of(colored):
        assert targets.shape == (len(inputs), 3)
        assert (inputs.mean((2, 3)) - targets).abs().max() < 1e-5
    smoothed = epoch_of(replace(colored, mixing=Mixing(3, label_smoothing=0.3)))
    assert all(torch.allclose(targets.amax(1), torch.tensor(0.8)) for _, targets in smoothed)


def test_resampled_epochs_show_each_class_as_often() -> None:
    even = replace(part(), resampling=resampling_weights(part().targets.astype(np.int64)))
    counts = np.bincount(np.concatenate([targets.numpy() for _, targets in epoch_of(even)]), minlength=3)
    assert counts.sum() == 30 and np.abs(counts - 10).max() <= 1


def test_rows_of_a_table_are_not_augmented() -> None:
    class Plain:
        def tensor(self, samples: np.ndarray, device: torch.device) -> torch.Tensor:
            return torch.from_numpy(samples)

    with pytest.raises(OptionError, match="--augment is for pictures"):
        LabeledPart(
            np.zeros((3, 2), np.float32),
            np.arange(3),
            np.arange(3),
            Plain(),
            AugmentationLayer(Augmentation(flip=True)),
        )
