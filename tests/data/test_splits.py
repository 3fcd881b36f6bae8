"""Every sample stands in one part, nothing alike on two sides, each class in proportion, the same for a seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from percept.data.dataset import Target
from percept.data.splits import Split, make_split
from percept.errors import DataError, OptionError

NOT_GIVEN = ""


def _classes(values: list[int] | NDArray[np.int64]) -> Target:
    numbers = np.asarray(values, dtype=np.int64)
    return Target("classification", numbers, tuple(f"k{number}" for number in range(int(numbers.max()) + 1)))


def _free(count: int) -> NDArray[np.str_]:
    return np.full(count, NOT_GIVEN, dtype="<U10")


def _keys(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]


def _counts(split: Split) -> dict[str, int]:
    names, counts = np.unique(split.part, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


@st.composite
def _samples(draw: st.DrawFn) -> tuple[Target, list[str], NDArray[np.int64] | None]:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, classes = draw(st.integers(150, 400)), draw(st.integers(2, 4))
    values = random.integers(0, classes, count)
    values[: classes * 30] = np.arange(classes * 30) % classes
    content = [f"d{number}" for number in random.integers(0, count * 2, count)]
    content[0] = ""
    groups = random.integers(0, count // 2, count) if draw(st.booleans()) else None
    return _classes(values), content, groups


@settings(max_examples=40, deadline=None)
@given(samples=_samples(), seed=st.integers(0, 100))
def test_copies_and_groups_never_stand_on_two_sides(
    samples: tuple[Target, list[str], NDArray[np.int64] | None], seed: int
) -> None:
    target, content, groups = samples
    count = len(content)
    split = make_split(target, _free(count), keys=_keys(count), content=content, groups=groups, seed=seed)
    assert set(split.part) == {"train", "validation", "test"}
    for digest in set(content) - {""}:
        assert len({part for part, own in zip(split.part, content, strict=True) if own == digest}) == 1
    if groups is not None:
        assert all(len(set(split.part[groups == group])) == 1 for group in np.unique(groups))
    again = make_split(target, _free(count), keys=_keys(count), content=content, groups=groups, seed=seed)
    np.testing.assert_array_equal(again.part, split.part)


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(3, 60), min_size=2, max_size=6), seed=st.integers(0, 100))
def test_classes_are_in_proportion_within_one_sample(counts: list[int], seed: int) -> None:
    target = _classes(np.repeat(np.arange(len(counts)), counts))
    split = make_split(target, _free(sum(counts)), keys=_keys(sum(counts)), seed=seed)
    for number, count in enumerate(counts):
        own = split.part[target.values == number]
        assert abs((own == "test").sum() - 0.2 * count) < 1
        assert abs((own == "validation").sum() - 0.15 * count) < 1
        assert (own == "train").any()


def test_another_seed_gives_another_split() -> None:
    target = _classes(np.arange(100) % 2)
    first, second = (make_split(target, _free(100), keys=_keys(100), seed=seed).part for seed in (0, 1))
    assert (first != second).any()


def test_a_predicted_number_is_spread_alike_over_the_parts() -> None:
    values = np.random.default_rng(0).exponential(size=1000)
    split = make_split(Target("regression", values), _free(1000), keys=_keys(1000), seed=0)
    assert _counts(split) == {"test": 200, "validation": 150, "train": 650}
    edges = np.quantile(values, np.linspace(0, 1, 11))
    for part, share in (("test", 20), ("validation", 15)):
        assert np.abs(np.histogram(values[split.part == part], edges)[0] - share).max() <= 1


@pytest.mark.parametrize("values", [np.ones(5).cumsum(), np.r_[np.zeros(95), np.arange(1.0, 6)]])
def test_few_or_tied_numbers_still_fill_every_part(values: NDArray[np.float64]) -> None:
    split = make_split(Target("regression", values), _free(len(values)), keys=_keys(len(values)), seed=0)
    assert set(split.part) == {"train", "validation", "test"}


def test_without_a_test_part_nothing_is_sealed() -> None:
    split = make_split(_classes(np.arange(100) % 2), _free(100), keys=_keys(100), test=None, seed=0)
    assert _counts(split) == {"validation": 15, "train": 85}


GIVEN = {
    "test": ({"test", NOT_GIVEN}, {"train": 85, "validation": 15, "test": 100}),
    "train and test": ({"test", "train"}, {"train": 85, "validation": 15, "test": 100}),
    "train and validation": ({"validation", "train"}, {"train": 80, "validation": 100, "test": 20}),
    "all": ({"validation", "train", "test"}, {"train": 100, "validation": 100, "test": 100}),
    "train": ({"train"}, {"train": 65, "validation": 15, "test": 20}),
}


@pytest.mark.parametrize("case", GIVEN)
def test_parts_that_the_user_gave_are_kept_and_the_others_are_cut(case: str) -> None:
    parts, expected = GIVEN[case]
    given = np.repeat(sorted(parts), 100)
    split = make_split(_classes(np.arange(len(given)) % 2), given, keys=_keys(len(given)), seed=0)
    assert _counts(split) == expected
    for part in parts & {"validation", "test"}:
        np.testing.assert_array_equal((split.part == part)[given == part], True)


def test_the_users_test_part_stays_when_no_test_is_to_be_cut() -> None:
    given = np.repeat(["", "test"], [40, 10])
    split = make_split(_classes(np.arange(50) % 2), given, keys=_keys(50), test=None, seed=0)
    assert _counts(split) == {"train": 34, "validation": 6, "test": 10}


def test_pictures_leave_the_earlier_part_where_a_later_one_has_them() -> None:
    given = np.array(["train"] * 8 + ["validation"] * 3 + ["test"] * 2)
    keys = [f"train/{n}.png" for n in range(8)] + [f"val/{n}.png" for n in range(3)] + ["test/0.png", "test/1.png"]
    content = [f"t{n}" for n in range(8)] + ["t0", "v1", "e0"] + ["e0", "t1"]
    split = make_split(_classes(np.arange(13) % 2), given, keys=keys, content=content, seed=0, kind="image")
    assert split.part.tolist() == ["out", "out"] + ["train"] * 6 + ["validation"] * 2 + ["out", "test", "test"]
    assert split.reasons[[0, 1, 10]].tolist() == ["copy of val/0.png", "copy of test/1.png", "copy of test/0.png"]
    assert set(split.reasons[2:10]) == {""}
    assert split.notes == ("3 pictures leave training or validation, being copies of some in a part kept apart",)


def test_equal_rows_of_a_table_stay_beside_the_users_test_rows_and_are_counted() -> None:
    given = np.repeat(["", "test"], [40, 2])
    content = [f"r{n}" for n in range(40)] + ["r0", "new"]
    split = make_split(_classes(np.arange(42) % 2), given, keys=_keys(42), content=content, seed=0)
    assert "out" not in split.part
    assert split.notes[0].startswith("1 rows for training or validation have the same features")


def test_a_group_in_the_users_test_part_leaves_training() -> None:
    given = np.repeat(["", "test"], [40, 2])
    groups = np.r_[np.arange(40) // 2, 0, 99]
    split = make_split(_classes(np.arange(42) % 2), given, keys=_keys(42), groups=groups, seed=0)
    assert split.part[:2].tolist() == ["out", "out"]
    assert split.reasons[0] == "same group as s40"


def test_copies_tie_groups_together_link_by_link() -> None:
    # Group 0 holds a copy of a sample of group 1, which holds one of group 2, and so on: one chain of 50.
    groups = np.r_[np.arange(100) // 2, np.arange(50, 150)]
    content = ["link" + str((number + 1) // 2) for number in range(100)] + [f"own{number}" for number in range(100)]
    for seed in range(5):
        target = _classes(np.arange(200) % 2)
        split = make_split(target, _free(200), keys=_keys(200), content=content, groups=groups, seed=seed)
        assert len(set(split.part[:100])) == 1


def test_a_class_with_too_few_samples_is_named_with_what_to_do() -> None:
    target = _classes([0] * 50 + [1] * 2)
    with pytest.raises(DataError, match=r"class 'k1' has 2 samples to train on, 3 are needed.*--test none"):
        make_split(target, _free(52), keys=_keys(52), seed=0)
    split = make_split(target, _free(52), keys=_keys(52), test=None, seed=0)
    assert sorted(split.part[50:]) == ["train", "validation"]
    three = make_split(_classes([0] * 50 + [1] * 3), _free(53), keys=_keys(53), seed=0)
    assert sorted(three.part[50:]) == ["test", "train", "validation"]


def test_a_class_that_training_lacks_is_refused() -> None:
    given = np.repeat(["train", "validation", "test"], [4, 4, 4])
    with pytest.raises(DataError, match="class 'k1' has 0 samples to train on"):
        make_split(_classes([0] * 11 + [1]), given, keys=_keys(12), seed=0)


def test_a_class_in_too_few_groups_is_refused() -> None:
    groups = np.r_[np.arange(60), np.repeat(100, 20)]
    with pytest.raises(DataError, match=r"cannot get class 'k1'.*groups"):
        make_split(_classes([0] * 60 + [1] * 20), _free(80), keys=_keys(80), groups=groups, seed=0)


def test_a_part_that_groups_make_too_large_is_told() -> None:
    groups = np.repeat(np.arange(3), [30, 30, 40])
    split = make_split(_classes(np.arange(100) % 2), _free(100), keys=_keys(100), groups=groups, seed=0)
    assert any("instead of 20%" in note for note in split.notes)


@pytest.mark.parametrize(("test", "validation"), [(0.0, 0.15), (1.0, 0.15), (0.2, 0.0), (0.6, 0.5)])
def test_shares_that_leave_a_part_empty_are_refused(test: float, validation: float) -> None:
    with pytest.raises(OptionError, match="share"):
        make_split(_classes(np.arange(50) % 2), _free(50), keys=_keys(50), test=test, validation=validation, seed=0)


def test_where_nothing_is_tied_no_note_blames_ties_for_a_rounded_share() -> None:
    # 5 of each class: 15 % is less than the one sample that each class needs in validation
    split = make_split(_classes([0, 1] * 5), _free(10), keys=_keys(10), content=_keys(10), test=None, seed=0)
    assert _counts(split) == {"train": 8, "validation": 2}
    assert split.notes == ()


def test_training_pictures_that_all_left_as_copies_are_named_as_the_reason() -> None:
    given = np.array(["", "", "test", "test"])
    with pytest.raises(DataError, match=r"0 samples to train on.*2 pictures leave training.*copies"):
        make_split(_classes([0, 1, 0, 1]), given, keys=_keys(4), content=["x", "y"] * 2, seed=0, kind="image")


def test_near_copies_never_stand_on_two_sides() -> None:
    near = np.arange(200) // 2 * 2  # pairs
    target = Target("classification", np.arange(200) // 2 % 2, ("a", "b"))
    split = make_split(target, np.full(200, ""), near=near, keys=[str(n) for n in range(200)], seed=1, kind="image")
    assert (split.part[0::2] == split.part[1::2]).all()
    assert {"train", "validation", "test"} == set(split.part)


def test_near_copies_of_given_test_pictures_leave_the_training_part_with_their_reason() -> None:
    given = np.array([""] * 30 + ["test"] * 10)
    near = np.arange(40)
    near[[35, 36]] = (4, 7)
    target = Target("classification", np.arange(40) % 2, ("a", "b"))
    split = make_split(target, given, near=near, keys=[f"{n}.png" for n in range(40)], seed=0, kind="image")
    assert np.flatnonzero(split.part == "out").tolist() == [4, 7]
    assert split.reasons[[4, 7]].tolist() == ["near copy of 35.png", "near copy of 36.png"]
    assert split.notes[0] == "2 pictures leave training or validation, being near copies of some in a part kept apart"
