"""The layer augments in training alone, repeats itself, and takes what batches are made of."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from percept.data.augment.draws import generator_of
from percept.data.augment.layer import AugmentationLayer, augment
from percept.data.augment.presets import Traits, strong
from percept.data.augment.recipe import Augmentation
from percept.errors import DataError, OptionError

STRONG = strong(Traits((16, 16), 3, flip=True, masks=True))


def pictures_of(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def test_a_recipe_of_nothing_changes_nothing() -> None:
    pictures, masks, maps = pictures_of(3), torch.ones(3, 16, 16, dtype=torch.int32), torch.rand(3, 16, 16)
    result = augment(pictures, Augmentation(), generator_of(0), masks=masks, maps=maps)
    assert torch.equal(result.pictures, pictures)
    assert result.masks is not None and torch.equal(result.masks, masks)
    assert result.maps is not None and torch.equal(result.maps, maps)
    points = torch.tensor([[[1.0, 2.0]]] * 3)
    assert torch.equal(result.moves.points(points), points.double())


def test_the_same_seed_epoch_and_step_give_the_same_pictures_and_others_do_not() -> None:
    layer, pictures = AugmentationLayer(STRONG), pictures_of(8)
    once, again, next_step = (layer(pictures, None, generator_of(5, 2, step)) for step in (3, 3, 4))
    assert torch.equal(once, again)
    assert not torch.equal(once, next_step)


def test_without_a_generator_the_layer_follows_torchs_own_seed() -> None:
    layer, results = AugmentationLayer(STRONG), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(layer(pictures_of(4)))
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


def test_in_evaluation_pictures_stay_as_they_are() -> None:
    network = nn.Sequential(AugmentationLayer(STRONG)).eval()
    assert torch.equal(network(pictures_of(4)), pictures_of(4))


def test_bytes_and_floats_give_the_same() -> None:
    pixels = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    for recipe in (STRONG, Augmentation(shift=0.2, flip=True)):
        of_bytes, of_floats = (augment(each, recipe, generator_of(1)).pictures for each in (pixels, pixels / 255))
        assert torch.equal(of_bytes, of_floats)


def test_pictures_with_channels_last_give_the_same() -> None:
    pictures = pictures_of(5)
    last = pictures.contiguous(memory_format=torch.channels_last)
    one, other = (augment(each, STRONG, generator_of(1)).pictures for each in (pictures, last))
    assert (one - other).abs().max() < 1e-6


def test_what_is_given_is_not_written_to() -> None:
    pictures, masks = pictures_of(5), torch.ones(5, 16, 16)
    for recipe in (STRONG, Augmentation(brightness=0.5, noise=0.2), Augmentation(erase=0.5, overlay=0.4)):
        augment(pictures, recipe, generator_of(0), masks=masks, maps=masks)
    assert torch.equal(pictures, pictures_of(5)) and torch.equal(masks, torch.ones(5, 16, 16))


def test_large_batches_are_worked_off_in_lots_that_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, masks = pictures_of(7), torch.arange(7 * 256).view(7, 16, 16)
    recipe = Augmentation(rotate=30, brightness=0.3, blur=1, elastic=0.02)
    whole = augment(pictures, recipe, generator_of(0), masks=masks)
    monkeypatch.setattr("percept.data.augment.layer.CHUNK", 3 * 16 * 16 * 2)
    in_lots = augment(pictures, recipe, generator_of(0), masks=masks)
    assert torch.allclose(whole.pictures, in_lots.pictures, atol=1e-6)
    assert whole.masks is not None and in_lots.masks is not None and torch.equal(whole.masks, in_lots.masks)


@pytest.mark.parametrize("recipe", [STRONG, Augmentation(shift=0.1, flip=True)])
def test_a_batch_may_be_empty_and_a_picture_a_single_pixel(recipe: Augmentation) -> None:
    assert augment(torch.zeros(0, 3, 8, 8), recipe, generator_of(0)).pictures.shape == (0, 3, 8, 8)
    dot = augment(torch.full((4, 3, 1, 1), 0.5), Augmentation(rotate=90, shift=0.3, blur=3, flip=True), generator_of(0))
    assert torch.allclose(dot.pictures, torch.full((4, 3, 1, 1), 0.5))


def test_classes_with_a_recipe_of_their_own_get_it_and_the_others_do_not() -> None:
    layer = AugmentationLayer(Augmentation(), by_class={2: Augmentation(brightness=0.9)})
    pictures, labels = torch.full((40, 3, 4, 4), 0.5), torch.arange(40) % 4
    changed = (layer(pictures, labels, generator_of(0)) != 0.5).flatten(1).any(1)
    assert torch.equal(changed, labels == 2)
    marked = torch.arange(40.0).view(40, 1, 1, 1).expand(40, 1, 2, 2) / 40
    assert torch.equal(AugmentationLayer(Augmentation(), {1: Augmentation(flip=True)})(marked, labels), marked)


def test_labels_are_asked_for_where_classes_differ() -> None:
    layer = AugmentationLayer(Augmentation(), by_class={0: Augmentation(flip=True)})
    with pytest.raises(DataError, match="labels are None; expected one for each of the 4 pictures"):
        layer(pictures_of(4))
    with pytest.raises(OptionError, match="crop_size=None and \\(4, 4\\)"):
        AugmentationLayer(Augmentation(), {0: Augmentation(crop_size=(4, 4))})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: augment(torch.zeros(3, 8, 8), STRONG, generator_of(0)), "of shape \\(3, 8, 8\\)"),
        (lambda: augment(torch.zeros(1, 3, 8, 8).long(), STRONG, generator_of(0)), "torch.int64"),
        (
            lambda: augment(pictures_of(2), STRONG, generator_of(0), masks=torch.zeros(2, 8, 8)),
            "masks are of shape \\(2, 8, 8\\)",
        ),
        (
            lambda: augment(pictures_of(2), STRONG, generator_of(0), maps=torch.zeros(2, 16, 16).long()),
            "pass whole numbers as masks",
        ),
    ],
)
def test_wrong_input_is_told(wrong: Callable[[], object], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        wrong()


@pytest.mark.gpu
def test_a_gpu_moves_pictures_as_the_cpu_does() -> None:
    recipe = Augmentation(rotate=30, elastic=0.02, crop=0.3, brightness=0.2, blur=1, erase=0.2, overlay=0.2, flip=True)
    pictures, masks = pictures_of(6), torch.randint(0, 5, (6, 16, 16))
    here = augment(pictures, recipe, generator_of(0), masks=masks)
    there = augment(pictures.cuda(), recipe, generator_of(0), masks=masks.cuda())
    assert here.masks is not None and there.masks is not None
    assert np.abs(here.pictures.numpy() - there.pictures.cpu().numpy()).max() < 1e-3
    assert (here.masks != there.masks.cpu()).float().mean() < 0.01
