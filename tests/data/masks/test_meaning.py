import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percept.data.masks.meaning import MaskMeaning, class_colors, class_map
from percept.data.masks.raw import RawMask, count_values, pack, regions_per_value, solid_values, unpack
from percept.data.objects import IGNORE
from percept.errors import DataError


def raw(values: object, *, color: bool = False) -> RawMask:
    return RawMask(np.asarray(values, np.int64), color, {}, 8)


def test_values_become_class_numbers_whatever_their_order() -> None:
    meaning = MaskMeaning("levels", ("a", "b", "c"), (200, 0, 100), class_colors(3), ignore=7)
    assert class_map(raw([[0, 100], [200, 7]]), meaning, "m.png").tolist() == [[1, 2], [0, IGNORE]]


@pytest.mark.parametrize("value", [1, 99, 201, 255])
def test_a_value_between_below_or_above_the_known_is_named(value: int) -> None:
    meaning = MaskMeaning("levels", ("a", "b", "c"), (0, 100, 200), class_colors(3))
    with pytest.raises(DataError, match=f"m.png holds {value} in 2 pixels"):
        class_map(raw([[0, value, value]]), meaning, "m.png")


@given(st.lists(st.integers(0, 0xFFFFFF), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_the_nearest_color_is_that_of_least_distance(found: list[int]) -> None:
    table = [(0, 0, 0), (200, 30, 0), (10, 10, 255)]
    meaning = MaskMeaning("colors", ("a", "b", "c"), tuple(map(pack, table)), tuple(table), nearest=True)
    for value, number in zip(found, class_map(raw([found], color=True), meaning, "m.png")[0].tolist(), strict=True):
        gaps = [sum((a - b) ** 2 for a, b in zip(unpack(value), color, strict=True)) for color in table]
        assert gaps[number] == min(gaps)


def test_a_mask_in_color_among_masks_of_numbers_is_named() -> None:
    meaning = MaskMeaning("index", ("a", "b"), (0, 1), class_colors(2))
    with pytest.raises(DataError, match="m.png is in color, but the other masks hold numbers"):
        class_map(raw([[0, 0xFF0000]], color=True), meaning, "m.png")


def test_every_class_up_to_255_has_a_color_of_its_own() -> None:
    assert len(set(class_colors(255))) == 255
    assert class_colors(3) == class_colors(255)[:3]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_counts_by_runs_are_numpys(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 4, (5, 7))
    assert count_values(values) == dict(
        zip(*map(np.ndarray.tolist, np.unique(values, return_counts=True)), strict=True)
    )


def test_values_of_squares_are_solid_and_those_of_lines_are_not() -> None:
    mask = np.zeros((8, 8), np.int64)
    mask[1, :], mask[4:6, 2:4], mask[6, 6] = 1, 2, 3
    assert solid_values(mask) == {0, 2}
    assert solid_values(mask[:1]) == set()


def test_regions_are_counted_for_each_value() -> None:
    mask = np.array([[1, 1, 0, 2], [0, 0, 0, 0], [2, 0, 5, 5]])
    assert regions_per_value(mask) == pytest.approx((1 + 2 + 1) / 3)
    assert regions_per_value(np.zeros((2, 2), np.int64)) == 0
