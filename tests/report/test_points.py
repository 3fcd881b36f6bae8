"""Points in pictures are ringed where they lie, and stay visible."""

import numpy as np
import pytest
from scipy import ndimage

from percept.report.points import RING, with_points


@pytest.mark.parametrize("ground", [0, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_point_has_its_ring_around_it_and_its_pixel_is_left_alone(ground: int, channels: int) -> None:
    points = np.array([[20, 30], [60, 90], [44, 44]])
    picture = np.full((80, 120, channels), ground, np.uint8)
    marked = np.asarray(with_points(picture, points))
    rings, count = ndimage.label((marked == RING).all(axis=2), np.ones((3, 3)))
    assert count == 3
    centers = np.array(ndimage.center_of_mass(rings > 0, rings, range(1, 4)))
    assert {tuple(each) for each in centers.round(6).tolist()} == {tuple(map(float, each)) for each in points.tolist()}
    assert (marked[points[:, 0], points[:, 1]] == ground).all()
    assert (picture == ground).all()


def test_points_at_the_border_are_marked_as_far_as_there_is_room() -> None:
    marked = np.asarray(with_points(np.zeros((40, 40, 1), np.uint8), np.array([[0, 0], [39, 39]])))
    assert (marked[:8, :8] == RING).all(axis=2).any() and (marked[-8:, -8:] == RING).all(axis=2).any()


def test_a_picture_without_points_is_shown_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert (np.asarray(with_points(picture, np.empty((0, 2), np.int64))) == picture).all()
