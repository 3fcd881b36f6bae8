"""Parts get their share of every class, and units stay whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percept.data.allocation import deal, quotas

COUNTS = st.lists(st.integers(3, 400), min_size=1, max_size=12)
SHARES = st.sampled_from([(0.2, 0.15), (0.15,), (0.5, 0.45), (0.01, 0.9), (0.333, 0.333)])


@given(counts=COUNTS, shares=SHARES)
def test_every_class_is_shared_within_rounding_and_nobody_goes_empty(
    counts: list[int], shares: tuple[float, ...]
) -> None:
    table = quotas(np.array(counts), shares)
    np.testing.assert_array_equal(table.sum(axis=0), counts)
    assert (table >= 1).all()
    for part, share in zip(table, shares, strict=False):
        ideal = share * np.array(counts)
        # Within one sample, but where training would have gone empty.
        assert ((np.abs(part - ideal) < 1) | (table[-1] == 1)).all()


@given(counts=st.lists(st.integers(20, 400), min_size=1, max_size=12))
def test_parts_of_ample_classes_have_the_rounded_share_of_all(counts: list[int]) -> None:
    table = quotas(np.array(counts), (0.2, 0.15))
    assert table[0].sum() == round(0.2 * sum(counts))
    assert table[1].sum() == round(0.15 * sum(counts))


def test_single_samples_are_dealt_as_the_table_says() -> None:
    strata = np.repeat([0, 1, 2], [50, 30, 20])
    table = quotas(np.bincount(strata), (0.2, 0.15))
    part = deal(np.arange(100), strata, table, np.random.default_rng(0))
    for stratum in range(3):
        np.testing.assert_array_equal(np.bincount(part[strata == stratum], minlength=3), table[:, stratum])


def test_every_sample_comes_to_every_part_as_often_as_any_other() -> None:
    strata, units = np.zeros(20, dtype=np.int64), np.arange(20) // 2  # ten pairs
    table = np.array([[4], [16]])
    hits = sum(deal(units, strata, table, np.random.default_rng(seed)) == 0 for seed in range(500))
    # Binomial with 500 draws of 0.2: mean 100, standard deviation 9.
    assert np.abs(np.asarray(hits) - 100).max() < 4.5 * 9


@pytest.mark.parametrize("seed", range(5))
def test_units_of_many_sizes_come_near_the_table(seed: int) -> None:
    random = np.random.default_rng(seed)
    units = np.repeat(np.arange(120), random.integers(1, 30, 120))
    strata = random.choice(4, len(units), p=[0.6, 0.2, 0.15, 0.05])
    table = quotas(np.bincount(strata), (0.2, 0.15))
    part = deal(units, strata, table, random)
    assert all(len(np.unique(part[units == unit])) == 1 for unit in range(120))
    got = np.array([np.bincount(strata[part == number], minlength=4) for number in range(3)])
    np.testing.assert_allclose(got.sum(axis=1) / len(units), [0.2, 0.15, 0.65], atol=0.02)
    np.testing.assert_allclose(got / got.sum(axis=0), table / table.sum(axis=0), atol=0.08)


def test_a_class_in_three_units_comes_to_all_three_parts() -> None:
    units = np.r_[np.repeat([0, 1, 2], 4), np.arange(3, 91)]
    strata = np.r_[np.ones(12, dtype=np.int64), np.zeros(88, dtype=np.int64)]
    for seed in range(20):
        part = deal(units, strata, quotas(np.bincount(strata), (0.2, 0.15)), np.random.default_rng(seed))
        assert sorted(set(part[strata == 1])) == [0, 1, 2]
