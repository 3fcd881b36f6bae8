"""Splits: nothing is tested that was trained on, groups stay whole, and the named ways are scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut, LeaveOneOut, StratifiedKFold

from percept.errors import DataError, OptionError
from percept.selection.splits import ROUNDS, Bootstrap, line_up, make_splits


def blank(samples: int) -> NDArray[np.float64]:
    return np.zeros((samples, 1))


def assert_equal(found: Any, expected: Any) -> None:
    pairs = list(expected)
    assert len(found) == len(pairs)
    for (train, test), (its_train, its_test) in zip(found, pairs, strict=True):
        assert train.tolist() == its_train.tolist() and test.tolist() == its_test.tolist()


@given(st.integers(2, 30), st.integers(0, 10_000))
@settings(deadline=None)
def test_every_bootstrap_round_trains_on_n_and_tests_on_the_rest(samples: int, seed: int) -> None:
    for train, test in Bootstrap(4, seed).split(blank(samples)):
        assert len(train) == samples and len(test)
        assert sorted({*train.tolist()} | {*test.tolist()}) == list(range(samples))
        assert not {*train.tolist()} & {*test.tolist()}


@given(st.lists(st.integers(0, 3), min_size=3, max_size=40), st.integers(0, 1000))
@settings(deadline=None)
def test_a_stratified_bootstrap_holds_each_class_in_its_number(labels: list[int], seed: int) -> None:
    y = np.array(labels)
    counts = np.bincount(y)
    if counts.max() < 2:
        return
    for train, _ in Bootstrap(3, seed, stratify=True).split(blank(len(y)), y):
        assert np.bincount(y[train], minlength=len(counts)).tolist() == counts.tolist()


@given(st.lists(st.integers(0, 6), min_size=12, max_size=40), st.sampled_from(["loo", "bootstrap", "subsampling", 2]))
@settings(deadline=None)
def test_groups_never_straddle(groups: list[int], cv: Any) -> None:
    if len(set(groups)) < 3:
        return
    y = np.arange(len(groups), dtype=float)
    for train, test in make_splits(cv, blank(len(y)), y, classifier=False, groups=groups, seed=0):
        assert not {groups[row] for row in train} & {groups[row] for row in test}


def test_a_bootstrap_of_groups_draws_them_whole() -> None:
    groups = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 6])
    for train, _ in Bootstrap(20, 0).split(blank(21), None, groups):
        times = np.bincount(train, minlength=21)
        assert all(len(set(times[groups == group])) == 1 for group in range(6))


@pytest.mark.parametrize(("samples", "groups"), [(1, None), (4, [7, 7, 7, 7])])
def test_a_bootstrap_of_one_thing_is_refused_rather_than_endless(samples: int, groups: Any) -> None:
    with pytest.raises(DataError, match="nothing to leave out"):
        list(Bootstrap(1, 0).split(blank(samples), None, groups))


def test_a_stratified_bootstrap_of_single_samples_is_refused() -> None:
    with pytest.raises(DataError, match="one sample of each class"):
        list(Bootstrap(1, 0, stratify=True).split(blank(3), np.array([0, 1, 2])))


def test_named_ways_equal_scikit_learns() -> None:
    y = np.repeat([0, 1], [12, 8])
    groups = np.arange(20) // 4
    assert_equal(make_splits("loo", blank(20), y, classifier=True), LeaveOneOut().split(blank(20)))
    assert_equal(
        make_splits("loo", blank(20), y, classifier=True, groups=groups), LeaveOneGroupOut().split(blank(20), y, groups)
    )
    assert_equal(make_splits(None, blank(20), y, classifier=True), StratifiedKFold(5).split(blank(20), y))
    assert_equal(make_splits(4, blank(20), y, classifier=False), KFold(4).split(blank(20)))
    assert_equal(
        make_splits(GroupKFold(3), blank(20), y, classifier=True, groups=groups),
        GroupKFold(3).split(blank(20), y, groups),
    )


def test_a_classifiers_bootstrap_and_subsampling_keep_the_shares_of_classes() -> None:
    y = np.repeat([0, 1], [40, 10])
    for train, _ in make_splits("bootstrap", blank(50), y, classifier=True, seed=1):
        assert y[train].sum() == 10
    pairs = make_splits("subsampling", blank(50), y, classifier=True, seed=1)
    assert len(pairs) == ROUNDS and all(y[test].sum() == 2 and len(test) == 10 for _, test in pairs)


def test_pairs_may_be_marks_and_count_from_the_end() -> None:
    marks = np.array([True, True, False, False])
    ((train, test),) = make_splits([(marks, [-1, -2])], blank(4), np.zeros(4), classifier=False)
    assert train.tolist() == [0, 1] and test.tolist() == [3, 2]


@pytest.mark.parametrize(
    ("cv", "said"),
    [
        ("kfold", "cv is 'kfold'; expected a number of parts"),
        (1, "2 parts or more"),
        (True, "2 parts or more"),
        (0.2, "2 parts or more"),
        (object(), "cv is a object; expected"),
        ([], "cv has no split"),
        ([0, 1], "is no pair"),
        ([([0, 1], [])], "no samples to test on"),
        ([([0, 1], [2, 9])], "names row 9, and there are 4 samples"),
        ([([0, -7], [2])], "names row -7"),
        ([([0, 1], [1, 2])], "trains on samples that it tests on"),
        ([([0, -1], [3])], "trains on samples that it tests on"),
        ([([0.5, 1], [3])], "expected row numbers"),
        ([([True, False], [3])], "marks 2 samples"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(cv: Any, said: str) -> None:
    with pytest.raises((OptionError, DataError), match=said) as error:
        make_splits(cv, blank(4), np.zeros(4), classifier=False)
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
def test_a_splitter_that_tears_groups_is_refused() -> None:
    with pytest.raises(DataError, match="samples of group 0; choose a splitter that keeps"):
        make_splits(KFold(2, shuffle=True), blank(8), np.zeros(8), classifier=False, groups=[0] * 5 + [1] * 3)
    with pytest.raises(DataError, match="3 groups for 8 samples"):
        make_splits(2, blank(8), np.zeros(8), classifier=False, groups=[1, 2, 3])


@given(st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=6))
def test_lines_hold_the_rows_and_how_many_count(parts: list[list[int]]) -> None:
    lines, counts = line_up([np.array(part, np.intp) for part in parts])
    assert lines.shape == (len(parts), max(map(len, parts)))
    assert [line[:count].tolist() for line, count in zip(lines, counts, strict=True)] == parts
