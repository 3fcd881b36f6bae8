import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from percept.errors import DataError
from percept.nn.segmentation_losses import center_crop, pixel_loss
from percept.nn.segmentation_parts import PIXEL_LOSSES

IGNORED = 255


def scene(seed: int = 0, classes: int = 3, ignored: bool = True) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(2, classes, 6, 7, generator=generator)
    targets = torch.randint(classes, (2, 6, 7), generator=generator)
    if ignored:
        targets[:, :2, 1:4] = IGNORED
    return scores, targets


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 5.0, 0.25])])
def test_cross_entropy_is_torchs_with_class_weights_and_ignored_pixels(weights: Tensor | None) -> None:
    scores, targets = scene()
    expected = functional.cross_entropy(scores, targets, weight=weights, ignore_index=IGNORED)
    torch.testing.assert_close(pixel_loss(ignore=IGNORED, class_weights=weights)(scores, targets), expected)


def test_a_weight_map_weights_each_pixel_and_the_mean_is_by_the_weights_sum() -> None:
    scores, targets = scene(ignored=False)
    maps = torch.rand(2, 6, 7)
    each = functional.cross_entropy(scores, targets, reduction="none")
    torch.testing.assert_close(pixel_loss()(scores, targets, maps), (maps * each).sum() / maps.sum())


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_whole_weights_are_as_good_as_repeated_pixels(name: str) -> None:
    scores, targets = scene(ignored=False)
    twice = torch.tensor([1, 2]).repeat(4)[:7]
    repeated = [each.repeat_interleave(twice, -1) for each in (scores, targets)]
    found = pixel_loss(name)(scores, targets, twice.expand(2, 6, 7))
    torch.testing.assert_close(found, pixel_loss(name)(*repeated))


def test_dice_and_jaccard_of_one_uncertain_pixel_are_those_of_hand() -> None:
    # one pixel of class 0, p = (1/4, 3/4): of the class that occurs, Dice = 2/4 / (1/4 + 1), Jaccard = 1/4 / 1
    scores, targets = torch.tensor([1.0, 3.0]).log().reshape(1, 2, 1, 1), torch.zeros(1, 1, 1, dtype=torch.long)
    assert float(pixel_loss("dice")(scores, targets)) == pytest.approx(1 - 0.4, abs=1e-4)
    assert float(pixel_loss("jaccard")(scores, targets)) == pytest.approx(1 - 0.25, abs=1e-4)
    # Lin et al.: (1 - p)^gamma times cross-entropy
    assert float(pixel_loss("focal")(scores, targets)) == pytest.approx(0.75**2 * math.log(4), rel=1e-6)


def test_dice_is_one_minus_f1_and_jaccard_one_minus_iou_for_certain_scores() -> None:
    from sklearn.metrics import f1_score, jaccard_score

    random = np.random.default_rng(0)
    truth, guess = random.integers(3, size=(2, 2, 30, 20))
    certain = 1000 * functional.one_hot(torch.from_numpy(guess), 3).movedim(-1, 1).float()
    for name, score in (("dice", f1_score), ("jaccard", jaccard_score)):
        expected = 1 - score(truth.ravel(), guess.ravel(), average="macro")
        assert float(pixel_loss(name)(certain, torch.from_numpy(truth))) == pytest.approx(expected, abs=1e-5)


def test_ignored_pixels_are_as_good_as_not_there() -> None:
    scores, targets = scene(ignored=False)
    partly = targets.clone()
    partly[:, 3:] = IGNORED
    other = torch.cat([scores[:, :, :3], 100 * torch.randn(2, 3, 3, 7)], dim=2)
    for name in PIXEL_LOSSES:
        found = pixel_loss(name, ignore=IGNORED)(other, partly)
        torch.testing.assert_close(found, pixel_loss(name)(scores[:, :, :3], targets[:, :3]))


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_without_a_known_pixel_loss_and_gradient_are_zero(name: str) -> None:
    scores = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = pixel_loss(name, ignore=IGNORED)(scores, torch.full((1, 4, 4), IGNORED))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert scores.grad is not None and not scores.grad.any()


@pytest.mark.parametrize("name", ("dice", "jaccard"))
def test_a_class_that_does_not_occur_takes_no_part_in_the_mean_over_classes(name: str) -> None:
    scores, targets = scene(classes=2, ignored=False)
    absent = torch.cat([scores, torch.full((2, 1, 6, 7), -1e9)], dim=1)
    torch.testing.assert_close(pixel_loss(name)(absent, targets), pixel_loss(name)(scores, targets))


def test_class_weights_of_dice_weight_the_classes() -> None:
    scores, targets = scene(ignored=False)
    alone = [
        pixel_loss("dice", class_weights=functional.one_hot(torch.tensor(each), 3))(scores, targets)
        for each in range(3)
    ]
    mixed = pixel_loss("dice", class_weights=torch.tensor([1.0, 2.0, 5.0]))(scores, targets)
    torch.testing.assert_close(mixed, (alone[0] + 2 * alone[1] + 5 * alone[2]) / 8)


def test_focal_loss_without_gamma_is_cross_entropy() -> None:
    scores, targets = scene()
    found = pixel_loss("focal", ignore=IGNORED, gamma=0)(scores, targets)
    torch.testing.assert_close(found, pixel_loss(ignore=IGNORED)(scores, targets))


@settings(deadline=None, max_examples=20)
@given(size=st.floats(0, 60), gamma=st.floats(0, 3), seed=st.integers(0, 99))
@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_losses_and_gradients_are_finite_however_sure_the_network_is(
    name: str, size: float, gamma: float, seed: int
) -> None:
    scores, targets = scene(seed)
    scores = (10**size * scores / 1e30).clamp(-1e30, 1e30).requires_grad_()
    loss = pixel_loss(name, ignore=IGNORED, gamma=gamma)(scores, targets)
    loss.backward()  # type: ignore[no-untyped-call]
    assert math.isfinite(float(loss.detach()))
    assert scores.grad is not None and bool(scores.grad.isfinite().all())


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    scores, targets = scene()
    loss = pixel_loss(name, ignore=IGNORED, class_weights=torch.tensor([1.0, 2.0, 3.0]))
    maps = torch.rand(2, 6, 7, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda each: loss(each, targets, maps), scores.double().requires_grad_())


def test_a_sum_is_the_weighted_sum_of_its_parts() -> None:
    scores, targets = scene()
    parts = {name: pixel_loss(name, ignore=IGNORED)(scores, targets) for name in PIXEL_LOSSES}
    both = pixel_loss("cross_entropy+dice", ignore=IGNORED)(scores, targets)
    torch.testing.assert_close(both, parts["cross_entropy"] + parts["dice"])
    weighted = pixel_loss("0.5*focal + 2 * jaccard", ignore=IGNORED)(scores, targets)
    torch.testing.assert_close(weighted, 0.5 * parts["focal"] + 2 * parts["jaccard"])


def test_a_valid_networks_scores_are_compared_with_the_center_of_the_mask() -> None:
    scores, targets = scene()
    large = torch.full((2, 10, 13), 2)
    large[:, 2:8, 3:10] = targets
    maps = torch.rand(2, 10, 13)
    loss = pixel_loss("cross_entropy+dice", ignore=IGNORED)
    torch.testing.assert_close(loss(scores, large, maps), loss(scores, targets, maps[:, 2:8, 3:10]))
    with pytest.raises(DataError, match="masks have 5x7 pixels; expected 6x7 of the output, or more"):
        center_crop(targets[:, :5], 6, 7)


@pytest.mark.parametrize("side", [1, 16])
def test_masking_leaves_out_its_share_of_pixels_in_squares(side: int) -> None:
    torch.manual_seed(0)
    scores = torch.zeros(4, 2, 160, 170, requires_grad=True)
    pixel_loss(masked=0.3, masked_side=side)(scores, torch.ones(4, 160, 170, dtype=torch.long)).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    counted = scores.grad[:, 0] != 0
    assert float(counted.float().mean()) == pytest.approx(0.7, abs=0.05 if side > 1 else 0.01)
    squares = counted[:, :160, :160].reshape(4, 160 // side, side, 160 // side, side)
    assert bool((squares.amin((2, 4)) == squares.amax((2, 4))).all())


def test_masking_is_drawn_anew_each_step_and_again_from_the_same_seed() -> None:
    scores, targets = scene(ignored=False)
    loss = pixel_loss(masked=0.5)
    torch.manual_seed(3)
    first, second = loss(scores, targets), loss(scores, targets)
    torch.manual_seed(3)
    assert torch.equal(loss(scores, targets), first) and not torch.equal(first, second)


def test_half_precision_scores_give_the_loss_of_single_precision() -> None:
    scores, targets = scene()
    half = scores.half()
    found = pixel_loss("cross_entropy+dice", ignore=IGNORED)(half, targets)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, pixel_loss("cross_entropy+dice", ignore=IGNORED)(half.float(), targets))
