"""The threshold answers as many samples as the error allows; its limits are scipy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from percept.errors import OptionError
from percept.evaluation.abstention import choose_abstention
from percept.evaluation.shares import share_limits


@settings(max_examples=100, deadline=None)
@given(data=st.data(), target=st.sampled_from([0.05, 0.2, 0.4]), sure=st.booleans())
def test_no_lower_threshold_keeps_to_the_target(data: st.DataObject, target: float, sure: bool) -> None:
    count = data.draw(st.integers(1, 40))
    top = np.array(
        data.draw(st.lists(st.sampled_from([0.55, 0.6, 0.7, 0.8, 0.9, 0.99]), min_size=count, max_size=count))
    )
    truth = np.array(data.draw(st.lists(st.sampled_from([0, 0, 0, 1]), min_size=count, max_size=count)))
    found = choose_abstention(truth, np.stack([top, 1 - top], axis=1), target, sure=sure)

    def kept(threshold: float) -> bool:
        wrong, answered = int(truth[top >= threshold].sum()), int((top >= threshold).sum())
        limit = binomtest(wrong, answered).proportion_ci(0.95).high if sure else wrong / answered
        return bool(limit <= target)

    allowed = [threshold for threshold in np.unique(top) if kept(threshold)]
    if not allowed:
        assert found is None
        return
    assert found is not None
    assert found.threshold == min(allowed)
    assert found.answered == (top >= found.threshold).sum()
    assert found.wrong == truth[top >= found.threshold].sum()


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (1, 1), (0, 30), (30, 30), (7, 30), (299, 300)])
def test_limits_of_a_share_are_scipys(hits: int, count: int) -> None:
    expected = binomtest(hits, count).proportion_ci(0.95)
    low, high = share_limits(np.array([hits]), np.array([count]))
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high))


def test_coverage_and_error_have_their_limits() -> None:
    top = np.linspace(0.99, 0.6, 100)
    truth = (np.arange(100) >= 80).astype(np.int64)  # the last twenty are wrong
    found = choose_abstention(truth, np.stack([top, 1 - top], axis=1), 0.05)
    assert found is not None
    assert (found.answered, found.wrong) == (84, 4)
    for share, (hits, count) in ((found.coverage, (84, 100)), (found.error, (4, 84))):
        expected = binomtest(hits, count).proportion_ci(0.95)
        assert share == pytest.approx((hits / count, expected.low, expected.high))


@pytest.mark.parametrize("target", [0, 1, -0.1, float("nan")])
def test_the_target_is_a_share(target: float) -> None:
    with pytest.raises(OptionError, match="the error to keep to is"):
        choose_abstention(np.array([0]), np.array([[1.0, 0.0]]), target)
