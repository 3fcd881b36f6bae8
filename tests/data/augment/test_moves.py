"""Pixels, marks and points go where the geometry of the change says, all of them together."""

import math
from typing import Literal

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from percept.data.augment.draws import generator_of
from percept.data.augment.layer import augment
from percept.data.augment.moves import draw_moves, homography
from percept.data.augment.recipe import Augmentation
from percept.errors import DataError

CPU = torch.device("cpu")
REACHES = {
    "shift": 0.3,
    "rotate": 180.0,
    "scale": 0.5,
    "shear": 20.0,
    "affine": 0.2,
    "perspective": 0.15,
    "crop": 0.5,
    "elastic": 0.03,
}
FLIPS = ("flip", "flip_vertical", "quarter_turns")
recipes = st.builds(
    lambda names, flips, border: Augmentation.from_json(
        {name: REACHES[name] for name in names} | dict.fromkeys(flips, True) | {"border": border}
    ),
    st.sets(st.sampled_from(sorted(REACHES))),
    st.sets(st.sampled_from(FLIPS)),
    st.sampled_from(["reflect", "edge"]),
)


def read_at(picture: Tensor, places: Tensor, order: Literal[0, 1]) -> Tensor:
    """Return a (height, width) picture read by SciPy at (rows, columns, 2) places in pixels, mirrored outside."""
    values: NDArray[np.float64] = picture.double().numpy()
    where: NDArray[np.float64] = places.flip(-1).movedim(-1, 0).double().numpy()
    return torch.from_numpy(scipy.ndimage.map_coordinates(values, where, order=order, mode="reflect"))


def places_of(recipe: Augmentation, seed: int, count: int, size: tuple[int, int]) -> Tensor:
    """Return (n, height, width, 2) where each pixel of the result is read, by the definition of `Moves`."""
    moves = draw_moves(recipe, count, size, generator_of(seed))
    y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float64) for side in moves.size), indexing="ij")
    here = torch.stack((x, y), -1).expand(count, *moves.size, 2)
    field = moves.displacement(CPU)
    if field is not None:
        here = here + field.movedim(1, -1)
    lifted = torch.cat((here, torch.ones_like(here[..., :1])), -1) @ moves.matrix.mT[:, None]
    return lifted[..., :2] / lifted[..., 2:]


@settings(max_examples=40, deadline=None)
@given(recipe=recipes, seed=st.integers(0, 10**6), height=st.integers(9, 24), width=st.integers(9, 24))
def test_where_the_mask_has_the_mark_the_picture_has_it_too(
    recipe: Augmentation, seed: int, height: int, width: int
) -> None:
    pictures, masks = torch.zeros(4, 1, height, width), torch.zeros(4, height, width, dtype=torch.int64)
    pictures[:, 0, height // 2, width // 3], masks[:, height // 2, width // 3] = 1, 7
    result = augment(pictures, recipe, generator_of(seed), masks=masks, maps=pictures[:, 0])
    assert result.masks is not None and result.maps is not None
    assert set(result.masks.flatten().tolist()) <= {0, 7}
    # the nearest pixel is at most half a pixel away along each axis, where bilinear weights are a quarter or more
    assert (result.pictures[:, 0][result.masks == 7] >= 0.249).all()
    assert (result.masks[result.pictures[:, 0] > 0.501] == 7).all()
    assert torch.equal(result.maps, result.pictures[:, 0])


@settings(max_examples=30, deadline=None)
@given(recipe=recipes, seed=st.integers(0, 10**6))
def test_a_point_goes_where_its_pixel_goes(recipe: Augmentation, seed: int) -> None:
    count, side = 3, 33
    places = places_of(recipe, seed, count, (side, side))
    moves = draw_moves(recipe, count, (side, side), generator_of(seed))
    # the place at which pixel (x, y) of the result is read is a point of the picture: it must come out at (x, y)
    inner = places[:, 6:-6:5, 6:-6:5].reshape(count, -1, 2)
    y, x = torch.meshgrid(torch.arange(side)[6:-6:5], torch.arange(side)[6:-6:5], indexing="ij")
    wanted = torch.stack((x, y), -1).reshape(1, -1, 2).expand(count, -1, 2)
    assert (moves.points(inner) - wanted).abs().max() < 1e-3


@pytest.mark.parametrize("name", sorted(REACHES))
def test_each_change_reads_pictures_as_scipy_does_at_the_same_places(name: str) -> None:
    recipe = Augmentation.from_json({"rotate": REACHES["rotate"], name: REACHES[name]})
    pictures = torch.rand(3, 2, 20, 26, generator=torch.Generator().manual_seed(1))
    labels = torch.randint(0, 300, (3, 20, 26), generator=torch.Generator().manual_seed(2))
    result = augment(pictures, recipe, generator_of(5), masks=labels)
    places = places_of(recipe, 5, 3, (20, 26))
    assert result.masks is not None
    for number, where in enumerate(places):
        for channel in range(2):
            expected = read_at(pictures[number, channel], where, 1)
            assert (expected - result.pictures[number, channel]).abs().max() < 2e-4
        differs = read_at(labels[number], where, 0) != result.masks[number]
        assert differs.double().mean() < 0.01  # a place within rounding of the middle between two pixels


def test_the_picture_goes_through_torchs_grid_sample_with_a_grid_made_by_hand() -> None:
    recipe, size = Augmentation(rotate=40, scale=0.3, shift=0.2), (14, 18)
    pictures = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    places = places_of(recipe, 3, 2, size)
    by_hand = (2 * places + 1) / torch.tensor([size[1], size[0]]) - 1
    expected = functional.grid_sample(pictures, by_hand.float(), padding_mode="reflection", align_corners=False)
    assert (augment(pictures, recipe, generator_of(3)).pictures - expected).abs().max() < 1e-4


@given(height=st.integers(8, 40), width=st.integers(8, 40), seed=st.integers(0, 100))
def test_a_marked_point_shifts_by_at_most_an_eighth_and_stays_itself(height: int, width: int, seed: int) -> None:
    pictures = torch.zeros(5, 3, height, width, dtype=torch.uint8)
    row, column = height // 2, width // 2
    pictures[:, :, row, column] = torch.tensor([10, 20, 30], dtype=torch.uint8)
    shifted = augment(pictures, Augmentation(shift=0.125, border="edge"), generator_of(seed)).pictures
    samples, rows, columns = shifted[:, 0].nonzero(as_tuple=True)
    assert samples.tolist() == [0, 1, 2, 3, 4]
    assert (rows - row).abs().max() <= height // 8
    assert (columns - column).abs().max() <= width // 8
    assert (shifted[samples, :, rows, columns] * 255).tolist() == [[10, 20, 30]] * 5


def test_every_shift_by_whole_pixels_occurs() -> None:
    pictures = torch.zeros(500, 1, 8, 8)
    pictures[:, :, 4, 4] = 1
    rows, columns = augment(pictures, Augmentation(shift=0.125), generator_of(0)).pictures.nonzero()[:, 2:].unbind(1)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {(r, c) for r in (3, 4, 5) for c in (3, 4, 5)}


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    flips=st.sets(st.sampled_from(FLIPS), min_size=1),
    kind=st.sampled_from([torch.uint8, torch.float32]),
)
def test_flips_and_quarter_turns_give_one_of_numpys_exactly(seed: int, flips: set[str], kind: torch.dtype) -> None:
    pictures = torch.randint(0, 256, (6, 2, 7, 7), generator=torch.Generator().manual_seed(seed)).to(kind)
    if kind == torch.float32:
        pictures /= 255
    changed = augment(pictures, Augmentation.from_json(dict.fromkeys(flips, True)), generator_of(seed)).pictures
    for picture, result in zip(pictures.numpy(), changed.numpy(), strict=True):
        unit = picture.astype(np.float32) / 255 if kind == torch.uint8 else picture
        images = [
            np.flip(np.rot90(unit, turns, (1, 2)), axes)
            for turns in (range(4) if "quarter_turns" in flips else [0])
            for axes in ((), (2,), (1,), (1, 2))
            if ("flip" in flips or 2 not in axes) and ("flip_vertical" in flips or 1 not in axes)
        ]
        assert any(np.array_equal(image, result) for image in images)


def test_every_quarter_turn_and_flip_occurs_about_as_often() -> None:
    corner = torch.zeros(800, 1, 4, 4)
    corner[:, :, 0, 1] = 1
    recipe = Augmentation(flip=True, quarter_turns=True)
    places = augment(corner, recipe, generator_of(0)).pictures.flatten(1).argmax(1)
    counts = torch.bincount(places, minlength=16)
    assert (counts > 0).sum() == 8  # the eight images of a square
    assert (counts[counts > 0] - 100).abs().max() < 45  # within 4.8 standard deviations


def test_pictures_that_are_not_square_turn_by_halves() -> None:
    pictures = torch.arange(6.0).view(1, 1, 2, 3).expand(50, 1, 2, 3)
    changed = augment(pictures, Augmentation(quarter_turns=True), generator_of(0)).pictures
    assert {tuple(each.flatten().tolist()) for each in changed} == {(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0)}


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), size=st.tuples(st.integers(2, 9), st.integers(2, 9)))
def test_flips_along_one_axis_commute_with_flips_along_the_other(seed: int, size: tuple[int, int]) -> None:
    pictures = torch.rand(6, 1, *size, generator=torch.Generator().manual_seed(seed))
    recipe = Augmentation(flip=True)
    first = augment(pictures.flip(2), recipe, generator_of(seed)).pictures
    assert torch.equal(first, augment(pictures, recipe, generator_of(seed)).pictures.flip(2))


def test_a_constant_picture_stays_constant_however_it_is_moved() -> None:
    pictures = torch.full((20, 1, 16, 16), 7, dtype=torch.uint8)
    for border in ("reflect", "edge"):
        moved = augment(pictures, Augmentation(**REACHES, flip=True, border=border), generator_of(0)).pictures  # type: ignore[arg-type]
        assert (moved * 255 - 7).abs().max() < 1e-4


def test_turns_slants_and_stretches_stay_within_their_reach() -> None:
    size, generator = (20, 20), generator_of(0)
    turn = draw_moves(Augmentation(rotate=15), 500, size, generator).matrix[:, :2, :2]
    angles = torch.atan2(turn[:, 0, 1], turn[:, 0, 0]).rad2deg().abs()
    assert 14 < angles.max() <= 15
    areas = 1 / draw_moves(Augmentation(scale=0.5), 500, size, generator).matrix[:, :2, :2].det().sqrt()
    assert 1 / 1.5 <= areas.min() < 0.68 and 1.48 < areas.max() <= 1.5
    kept = draw_moves(Augmentation(crop=0.3), 500, size, generator).matrix[:, :2, :2].det()
    assert 0.7 <= kept.min() < 0.71 and 0.99 < kept.max() <= 1
    sheared = draw_moves(Augmentation(shear=20), 500, size, generator).matrix[:, :2, :2]
    assert torch.allclose(sheared.det(), torch.ones(500, dtype=torch.float64))
    slants = torch.stack((sheared[:, 0, 1], sheared[:, 1, 0])).abs()
    assert 0.99 * math.tan(math.radians(20)) < slants.max() <= math.tan(math.radians(20)) + 1e-12


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), crop=st.floats(0.05, 0.9))
def test_a_crop_lies_inside_the_picture(seed: int, crop: float) -> None:
    matrix = draw_moves(Augmentation(crop=crop), 5, (30, 20), generator_of(seed)).matrix
    corners = torch.tensor([[-0.5, -0.5, 1], [19.5, 29.5, 1]], dtype=torch.float64)
    outer = (corners @ matrix.mT)[..., :2]
    assert (outer[:, 0] >= -0.5 - 1e-9).all()
    assert (outer[:, 1] <= torch.tensor([19.5, 29.5]) + 1e-9).all()


def test_a_crop_is_as_likely_at_every_place() -> None:
    matrix = draw_moves(Augmentation(crop=0.8), 1000, (30, 20), generator_of(0)).matrix
    corners = torch.tensor([[-0.5, -0.5, 1], [19.5, 29.5, 1]], dtype=torch.float64)
    first, last = (corners @ matrix.mT)[..., :2].unbind(1)
    place = (first + 0.5) / (torch.tensor([20, 30]) - (last - first))  # 0: at the left or top, 1: at the other end
    for axis in (0, 1):
        assert scipy.stats.kstest(place[:, axis].numpy(), "uniform").pvalue > 0.001


def test_a_window_is_cut_out_unchanged_at_every_place() -> None:
    picture = torch.arange(30, dtype=torch.uint8).view(1, 1, 5, 6).expand(400, 1, 5, 6)
    result = augment(picture, Augmentation(crop_size=(3, 4)), generator_of(0), masks=picture[:, 0].long())
    assert result.masks is not None
    windows = {tuple(picture[0, 0, r : r + 3, c : c + 4].flatten().tolist()) for r in range(3) for c in range(3)}
    assert {tuple(each.flatten().tolist()) for each in result.masks} == windows
    assert torch.equal((result.pictures[:, 0] * 255).round().long(), result.masks)
    with pytest.raises(DataError, match="5x6.*crop_size=9x4"):
        augment(picture, Augmentation(crop_size=(9, 4)), generator_of(0))


def test_a_homography_takes_the_corners_to_their_places() -> None:
    generator = torch.Generator().manual_seed(0)
    corners = torch.tensor([[-5.0, -4], [5, -4], [5, 4], [-5, 4]], dtype=torch.float64)
    moved = corners + torch.rand(7, 4, 2, generator=generator, dtype=torch.float64)
    lifted = torch.cat((corners, torch.ones(4, 1)), -1) @ homography(corners, moved).mT
    assert torch.allclose(lifted[..., :2] / lifted[..., 2:], moved)


def test_the_elastic_field_is_drawn_on_three_by_three_nodes_and_smooth_between_them() -> None:
    moves = draw_moves(Augmentation(elastic=0.02), 300, (41, 61), generator_of(0))
    field = moves.displacement(CPU)
    assert field is not None and moves.nodes is not None
    assert torch.allclose(field[:, :, ::20, ::30].double(), moves.nodes, atol=1e-5)
    assert abs(float(moves.nodes.std()) / (0.02 * 41) - 0.96) < 0.03  # a normal held at two deviations has 0.96
    assert (field.diff(dim=3).abs().max() < 1) and (field.diff(dim=2).abs().max() < 1)  # nothing folds over
