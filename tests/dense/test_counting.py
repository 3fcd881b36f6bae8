"""Objects in heatmaps: maxima that are far enough apart, as a plain search finds them."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import ndimage

from percept.dense import find_objects
from percept.dense.counting import maxima
from percept.errors import DataError, OptionError

Heatmap = NDArray[np.float64]
SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9))
STEPS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])  # few values: plateaus everywhere
HEATMAPS = arrays.arrays(np.float64, SIDES, elements=STEPS)
DISTANCES = st.tuples(st.sampled_from([0.5, 1, 1.5, 2, 3, 4.5]), st.sampled_from([1, 2, 2.5, 4]))


def plateaus_of(heatmap: Heatmap) -> tuple[NDArray[np.int64], int]:
    """Return scikit-image's maxima, numbered, and how many there are; a flat picture has none for it, and one here."""
    if heatmap.min() == heatmap.max():
        return np.ones(heatmap.shape, np.int64), 1
    morphology = pytest.importorskip("skimage.morphology", reason="scikit-image is not installed")
    tops = morphology.local_maxima(heatmap, connectivity=2, allow_borders=True)
    blobs, count = ndimage.label(tops, np.ones((3, 3)))
    return blobs.astype(np.int64), count


def plainly_found(heatmap: Heatmap, distance: tuple[float, float], threshold: float) -> list[tuple[int, int]]:
    """Return the points by the plainest search: scikit-image's maxima, each checked against all that are kept."""
    blobs, count = plateaus_of(heatmap)
    candidates = []
    for number in range(1, count + 1):
        pixels = np.argwhere(blobs == number).tolist()
        middle = np.mean(pixels, axis=0)
        row, column = min(pixels, key=lambda each: (np.square(each - middle).sum().round(9), each))
        if heatmap[row, column] >= threshold:
            candidates.append((-heatmap[row, column], row, column))
    kept: list[tuple[int, int]] = []
    for _, row, column in sorted(candidates):
        if all(abs(row - r) >= distance[0] or abs(column - c) >= distance[1] for r, c in kept):
            kept.append((row, column))
    return kept


@given(HEATMAPS, DISTANCES, st.sampled_from([0.25, 0.5, 0.9]))
def test_the_points_are_those_of_a_plain_search(
    heatmap: Heatmap, distance: tuple[float, float], threshold: float
) -> None:
    found = find_objects(heatmap, distance, threshold=threshold)
    assert [tuple(point) for point in found.points.tolist()] == plainly_found(heatmap, distance, threshold)


@given(arrays.arrays(np.float64, SIDES, elements=st.floats(0, 1)), DISTANCES)
def test_points_are_maxima_at_least_the_distance_apart_and_the_surest_first(
    heatmap: Heatmap, distance: tuple[float, float]
) -> None:
    found = find_objects(heatmap, distance, threshold=0.3)
    padded = np.pad(heatmap, 1, constant_values=-1)
    for (row, column), score in zip(found.points.tolist(), found.scores.tolist(), strict=True):
        assert score == heatmap[row, column] == padded[row : row + 3, column : column + 3].max() >= 0.3
    for (row, column), (other, beside) in combinations(found.points.tolist(), 2):
        assert abs(row - other) >= distance[0] or abs(column - beside) >= distance[1]
    assert (np.diff(found.scores) <= 0).all()


@given(HEATMAPS)
def test_one_maximum_stands_for_each_plateau_that_scikit_image_finds(heatmap: Heatmap) -> None:
    blobs, count = plateaus_of(heatmap)
    found = maxima(heatmap, threshold=-1)
    assert sorted(blobs[found[:, 0], found[:, 1]].tolist()) == list(range(1, count + 1))


@pytest.mark.parametrize("count", [0, 1, 7, 24])
def test_well_separated_blobs_are_counted(count: int) -> None:
    random = np.random.default_rng(count)
    grid = list(product(range(12, 120, 24), range(12, 168, 24)))
    places = np.array([grid[each] for each in random.permutation(len(grid))[:count]], int).reshape(-1, 2)
    places = places + random.integers(-4, 5, places.shape)
    heights = random.uniform(0.6, 0.99, count)
    rows, columns = np.mgrid[:120, :168]
    heatmap = random.uniform(0, 0.3, (120, 168))
    for (row, column), height in zip(places.tolist(), heights.tolist(), strict=True):
        heatmap = np.maximum(heatmap, height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 18))
    found = find_objects(heatmap, 12)
    assert len(found) == count
    assert {tuple(each) for each in found.points.tolist()} == {tuple(each) for each in places.tolist()}
    np.testing.assert_allclose(found.scores, np.sort(heights)[::-1])


def test_a_wide_plateau_is_one_object_in_its_middle() -> None:
    heatmap = np.zeros((40, 40))
    heatmap[5:36, 10:31] = 1  # far wider than the distance
    assert find_objects(heatmap, 3).points.tolist() == [[20, 20]]


def test_a_point_that_was_dropped_drops_no_other() -> None:
    heatmap = np.zeros((1, 20))
    heatmap[0, [2, 6, 10]] = 0.9, 0.8, 0.7  # the middle one goes for the first, the third is far from that
    assert find_objects(heatmap, 5).points.tolist() == [[0, 2], [0, 10]]


@pytest.mark.parametrize("distance", [0, -1, (3, 0), (1, 2, 3), float("nan")])
def test_a_distance_that_is_none_is_refused(distance: object) -> None:
    with pytest.raises(OptionError, match="expected pixels above 0"):
        find_objects(np.zeros((3, 3)), distance)  # type: ignore[arg-type]


@pytest.mark.parametrize("heatmap", [np.zeros(3), np.zeros((2, 3, 4)), np.array([[np.nan, 0.0]])])
def test_what_is_no_heatmap_is_refused(heatmap: Heatmap) -> None:
    with pytest.raises(DataError, match=r"expected \(height, width\)"):
        find_objects(heatmap, 2)
