from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from percept.data.augment.recipe import Augmentation
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.errors import DataError
from percept.training.crop_sizes import Crop
from percept.training.pixel_batches import MaskedPart, PixelBatch, crops_an_epoch, cut_crop, pixel_batches

IGNORED = 255
SIZES = ((40, 30), (7, 90), (64, 64))


class AsTheyAre:
    """A preprocessing that changes nothing but the order of dimensions."""

    def tensor(self, pixels: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def part_of(sizes: tuple[tuple[int, int], ...] = SIZES, *, weighted: bool = True) -> MaskedPart:
    """Return pictures whose two channels are the row and the column of each pixel, and masks that derive from them."""
    pictures, masks = [], []
    for height, width in sizes:
        rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
        pictures.append(np.stack([rows, columns], axis=2).astype(np.uint8))
        masks.append((rows + 2 * columns) % 5)
    weights = [mask / 7 for mask in masks] if weighted else None
    return MaskedPart(pictures, masks, np.arange(len(sizes)), IGNORED, AsTheyAre(), weights)


def epoch(part: MaskedPart, crop: Crop, **named: int) -> list[PixelBatch]:
    chosen = {"seed": 0, "epoch": 0, **named}
    return list(pixel_batches(part, crop, 4, accelerator=Accelerator(cpu=True), **chosen))


def crop_of(height: int, width: int, border: tuple[int, int] = (0, 0)) -> Crop:
    return Crop(height, width, border, 0)


def test_masks_and_weights_are_cut_where_the_pictures_are() -> None:
    for batch in epoch(part_of(), crop_of(16, 24)):
        assert batch.inputs.shape[1:] == (2, 16, 24) and batch.targets.dtype == torch.int64
        rows, columns = batch.inputs[:, 0].long(), batch.inputs[:, 1].long()
        known = batch.targets != IGNORED
        assert torch.equal(batch.targets[known], ((rows + 2 * columns) % 5)[known])
        assert batch.weights is not None
        torch.testing.assert_close(batch.weights, ((rows + 2 * columns) % 5) / 7)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(sides=st.tuples(st.integers(1, 40), st.integers(1, 40)), size=st.integers(1, 50), edge=st.integers(0, 20))
def test_a_crop_is_a_window_of_the_picture_mirrored_at_its_border(sides: tuple[int, int], size: int, edge: int) -> None:
    part = part_of((sides,))
    crop = crop_of(size + 2 * edge, size + 2 * edge, (edge, edge))
    picture, mask, _ = cut_crop(part, 0, crop, np.random.default_rng(size))
    far = 100
    mirrored = np.pad(part.pictures[0], ((far, far), (far, far), (0, 0)), mode="reflect")
    known = np.argwhere(mask != IGNORED)
    top, left = (int(picture[tuple(known[0])][axis]) - int(known[0][axis]) + far for axis in (0, 1))
    np.testing.assert_array_equal(picture, mirrored[top : top + crop.height, left : left + crop.width])
    real = np.pad(np.ones(sides, bool), far)[top : top + crop.height, left : left + crop.width]
    np.testing.assert_array_equal(mask != IGNORED, real)
    # what the network gives a class for lies in the picture as far as it fits
    inside = real[edge : edge + size, edge : edge + size]
    assert inside.sum() == min(size, sides[0]) * min(size, sides[1])


def test_pixels_at_the_border_are_seen_half_as_often_as_in_the_middle() -> None:
    part, crop = part_of(((1, 60),)), crop_of(1, 20)
    generator = np.random.default_rng(0)
    seen = np.zeros(60)
    for _ in range(6000):
        seen[cut_crop(part, 0, crop, generator)[0][0, :, 1]] += 1
    assert seen[20:40].min() / seen[20:40].max() > 0.9
    # of 60 centers, 20 show a middle pixel; 0 to 10 show the first, since a center has 10 pixels before it and 9 behind
    assert seen[0] / seen[20:40].mean() == pytest.approx(11 / 20, abs=0.04)
    assert seen[-1] / seen[20:40].mean() == pytest.approx(10 / 20, abs=0.04)


def test_an_epoch_has_as_many_crops_of_a_picture_as_hold_its_pixels() -> None:
    rows, counts = np.unique(crops_an_epoch(part_of(), crop_of(16, 16)), return_counts=True)
    assert dict(zip(rows.tolist(), counts.tolist(), strict=True)) == {0: 5, 1: 2, 2: 16}  # 1200, 630, 4096 of 256
    rows, counts = np.unique(crops_an_epoch(part_of(), crop_of(32, 32, (8, 8))), return_counts=True)
    assert counts.tolist() == [5, 2, 16]  # what the network gives a class for counts
    assert len(crops_an_epoch(part_of(), crop_of(200, 200))) == 3


def same(one: PixelBatch, other: PixelBatch) -> bool:
    assert one.weights is not None and other.weights is not None
    return all(torch.equal(here, there) for here, there in zip(one, other, strict=True))  # type: ignore[arg-type]


def test_an_epoch_is_taken_up_again_at_any_step() -> None:
    whole = epoch(part_of(), crop_of(16, 16))
    assert {len(batch.inputs) for batch in whole} <= {3, 4}
    for first in range(len(whole)):
        again = epoch(part_of(), crop_of(16, 16), first_step=first)
        assert len(again) == len(whole) - first
        assert all(same(one, other) for one, other in zip(whole[first:], again, strict=True))


@pytest.mark.parametrize("changed", [{"seed": 1}, {"epoch": 1}])
def test_another_seed_or_epoch_gives_other_crops(changed: dict[str, int]) -> None:
    one, other = epoch(part_of(), crop_of(16, 16)), epoch(part_of(), crop_of(16, 16), **changed)
    assert not any(same(*each) for each in zip(one, other, strict=True))


def test_pictures_masks_and_weights_of_a_crop_are_flipped_together() -> None:
    form = PixelPreprocessing(1, (0.0,), (1.0,))
    masks = [np.random.default_rng(number).integers(0, 200, (40, 40)).astype(np.uint8) for number in range(6)]
    pictures, weights = [mask[..., None] for mask in masks], [mask.astype(np.float32) for mask in masks]
    part = MaskedPart(pictures, masks, np.arange(6), IGNORED, form, weights, Augmentation(flip=True))
    for plain, batch in zip(
        epoch(replace(part, augmentation=None), crop_of(16, 16)), epoch(part, crop_of(16, 16)), strict=True
    ):
        shown = (255 * batch.inputs[:, 0]).round().long()
        assert batch.weights is not None
        assert torch.equal(shown, batch.targets) and torch.equal(shown.float(), batch.weights)
        assert not torch.equal(plain.targets, batch.targets)
        for one, other in zip(plain.targets, batch.targets, strict=True):
            assert torch.equal(one, other) or torch.equal(one.flip(1), other)


def test_float_pictures_in_a_file_are_cut_without_being_read_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "picture.npy", np.random.default_rng(0).random((50, 60, 1), np.float32))
    picture = np.load(tmp_path / "picture.npy", mmap_mode="r")
    part = MaskedPart([picture], [np.zeros((50, 60), np.uint8)], np.array([0]), IGNORED, AsTheyAre())
    (batch, *_) = epoch(part, crop_of(16, 16))
    assert batch.inputs.dtype == torch.float32 and batch.weights is None
    assert np.isin(batch.inputs.numpy(), picture).all()


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(
        DataError, match="picture 0 has 4x5 pixels, its mask 4x6 and its weights 4x6; expected the same"
    ):
        MaskedPart([np.zeros((4, 5, 1))], [np.zeros((4, 6), np.int64)], np.array([0]), 255, AsTheyAre())
