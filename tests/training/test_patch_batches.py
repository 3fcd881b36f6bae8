from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from percept.data.augment.recipe import Augmentation
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.errors import OptionError
from percept.training.patch_batches import UNKNOWN, patch_batches
from percept.training.pixel_batches import MaskedPart

IGNORED = 255
LEVELS = np.array([10, 100, 200], np.uint8)
FORM = PixelPreprocessing(1, (0.0,), (1.0,), patch=(7, 7))


def part_of(augmentation: Augmentation | None = None) -> MaskedPart:
    """Return pictures whose grey level says the class of each pixel; class 2 is rare, the first rows are not known."""
    generator = np.random.default_rng(0)
    pictures, masks = [], []
    for height, width in ((20, 30), (5, 40), (30, 11)):
        mask = generator.choice(3, size=(height, width), p=(0.6, 0.38, 0.02)).astype(np.uint8)
        pictures.append(LEVELS[mask][..., None])
        mask[:2] = IGNORED
        masks.append(mask)
    pictures.append(np.full((9, 9, 1), 255, np.uint8))  # of another part
    masks.append(np.zeros((9, 9), np.uint8))
    return MaskedPart(pictures, masks, np.arange(3), IGNORED, FORM, None, augmentation)


def epoch(part: MaskedPart, number: int = 1, **named: Any) -> list[tuple[Tensor, Tensor]]:
    fixed = {"classes": 3, "seed": 0, "accelerator": Accelerator(cpu=True)}
    return list(patch_batches(part, 7, 32, 300, epoch=number, **{**fixed, **named}))


def levels(inputs: Tensor) -> Tensor:
    """Return the grey level in the middle of each patch."""
    return (inputs[:, 0, 3, 3] * 255).round().long()


@pytest.mark.parametrize(
    "augmentation", [None, Augmentation(flip=True, flip_vertical=True, quarter_turns=True)], ids=["plain", "mirrored"]
)
def test_the_label_is_the_class_of_the_middle_pixel(augmentation: Augmentation | None) -> None:
    batches = epoch(part_of(augmentation))
    assert sum(len(labels) for _, labels in batches) == 300
    for inputs, labels in batches:
        assert inputs.shape[1:] == (1, 7, 7) and labels.dtype == torch.int64
        assert torch.equal(levels(inputs), torch.from_numpy(LEVELS)[labels].long())


def test_labels_move_with_the_pixels_and_what_is_not_known_is_left_out() -> None:
    batches = epoch(part_of(Augmentation(shift=0.3, border="edge")))
    labels = torch.cat([each for _, each in batches])
    middle = torch.cat([levels(inputs) for inputs, _ in batches])
    known = labels != UNKNOWN
    assert 0 < (~known).sum() < 150
    assert torch.equal(middle[known], torch.from_numpy(LEVELS)[labels[known]].long())


def test_every_class_is_shown_equally_often() -> None:
    counts = torch.bincount(torch.cat([labels for _, labels in epoch(part_of())]), minlength=3)
    assert (counts > 70).all()  # 100 of each expected, of the rare class 6 without resampling
    natural = torch.bincount(torch.cat([labels for _, labels in epoch(part_of(), balance="natural")]), minlength=3)
    assert natural[2] < 25


def test_an_epoch_follows_from_its_number_and_the_seed() -> None:
    mirrored = part_of(Augmentation(flip=True))
    first, again, other = epoch(mirrored, 2), epoch(mirrored, 2), epoch(mirrored, 3)
    assert all(torch.equal(one[0], two[0]) for one, two in zip(first, again, strict=True))
    assert not all(torch.equal(one[0], two[0]) for one, two in zip(first, other, strict=True))


def test_another_preprocessing_is_refused() -> None:
    class Other:
        def tensor(self, samples: np.ndarray, device: torch.device) -> Tensor:
            return torch.from_numpy(samples)

    part = part_of()
    other = MaskedPart(part.pictures, part.masks, part.rows, IGNORED, Other())
    with pytest.raises(OptionError, match="PixelPreprocessing"):
        epoch(other)
