"""Intervals cover as often as they say, never claim certainty from few samples, and draw whole groups."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from percept.errors import DataError
from percept.evaluation.intervals import Figure, bootstrap, evaluate_figures, paired_difference
from percept.evaluation.metrics import METRICS, score_classification, score_regression

Floats = NDArray[np.float64]
AB = ("a", "b")


def certain(predicted: NDArray[np.int64], classes: int = 2) -> Floats:
    """Return probabilities that leave no doubt about the predicted classes."""
    return np.eye(classes)[predicted]


def test_values_are_the_plain_scores() -> None:
    generator = np.random.default_rng(0)
    truth, probabilities = generator.integers(0, 3, 60), generator.dirichlet([1, 1, 1], 60)
    figures = evaluate_figures(truth, probabilities, classes=("a", "b", "c"), samples=50)
    assert {name: figure.value for name, figure in figures.items()} == pytest.approx(
        score_classification(truth, probabilities, ("a", "b", "c"))
    )
    values = generator.normal(size=60)
    figures = evaluate_figures(truth.astype(float), values, samples=50)
    assert {name: figure.value for name, figure in figures.items()} == pytest.approx(
        score_regression(truth.astype(float), values)
    )


def test_the_bootstrap_of_a_mean_equals_scipys() -> None:
    data = np.random.default_rng(1).exponential(size=200)
    draws = bootstrap(lambda weights: {"mean": data @ weights / 200}, 200, samples=4000)["mean"]
    scipys = stats.bootstrap((data,), np.mean, n_resamples=4000, method="percentile", rng=2).confidence_interval
    noise = 5 * data.std() / np.sqrt(200) / np.sqrt(4000) * 3  # the quantile of 4000 draws is known this well
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([scipys.low, scipys.high], abs=noise)


def test_the_accuracy_of_many_samples_has_the_binomials_interval() -> None:
    truth = np.zeros(2000, np.int64)
    truth[0] = 1
    predicted = (np.arange(2000) % 10 == 0).astype(np.int64)  # wrong for 1 in 10, but right for sample 0
    figure = evaluate_figures(truth, certain(predicted), classes=AB, samples=4000)["accuracy"]
    low, high = (stats.binom(2000, figure.value).ppf(limit) / 2000 for limit in (0.025, 0.975))
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=0.002)
    assert figure.method == "bootstrap"


def test_an_interval_covers_about_as_often_as_it_says() -> None:
    generator, covered = np.random.default_rng(2), 0
    for trial in range(200):
        values = generator.normal(size=60)  # truth 0: the mean absolute error of a normal is sqrt(2 / pi)
        figure = evaluate_figures(np.zeros(60), values, seed=trial, samples=200)["mae"]
        covered += figure.low <= np.sqrt(2 / np.pi) <= figure.high
    assert 0.88 <= covered / 200 <= 0.99


@pytest.mark.parametrize("count", [1, 5, 36])
def test_all_right_has_the_limit_of_clopper_and_pearson(count: int) -> None:
    truth = np.arange(2 * count) % 2
    figures = evaluate_figures(truth, certain(truth), classes=AB, samples=50)
    for name, trials in {"accuracy": 2 * count, "recall[a]": count, "recall[b]": count}.items():
        expected = stats.binomtest(trials, trials).proportion_ci(0.95, "exact")
        assert (figures[name].low, figures[name].high) == pytest.approx((expected.low, expected.high))
        assert (figures[name].value, figures[name].method) == (1, "exact")


def test_all_wrong_has_the_limit_of_clopper_and_pearson() -> None:
    truth = np.arange(12) % 2
    figure = evaluate_figures(truth, certain(1 - truth), classes=AB, samples=50)["accuracy"]
    expected = stats.binomtest(0, 12).proportion_ci(0.95, "exact")
    assert (figure.value, figure.low, figure.high) == pytest.approx((0, expected.low, expected.high))


def test_no_perfect_figure_is_certain() -> None:
    truth = np.arange(30) % 3
    figures = evaluate_figures(truth, 0.7 * certain(truth, 3) + 0.1, classes=("a", "b", "c"), samples=50)
    perfect = {name: figure for name, figure in figures.items() if figure.value == 1}
    assert set(perfect) == {"accuracy", "balanced_accuracy", "macro_f1", "auroc", *(f"recall[{c}]" for c in "abc")}
    assert all(figure.low < 0.95 for figure in perfect.values())


def test_a_rare_class_that_is_always_missed_leaves_balanced_accuracy_in_doubt() -> None:
    truth = np.repeat([0, 1], [86, 4])
    figures = evaluate_figures(truth, certain(np.zeros(90, np.int64)), classes=AB, samples=50)
    common = stats.binomtest(86, 86).proportion_ci(0.95, "exact")
    rare = stats.binomtest(0, 4).proportion_ci(0.95, "exact")
    found = figures["balanced_accuracy"]
    assert (found.value, found.method) == (0.5, "exact")
    # independent errors add by their squares, each recall weighing one half
    assert (found.low, found.high) == pytest.approx((0.5 - (1 - common.low) / 2, 0.5 + rare.high / 2))


def test_the_doubt_about_a_missed_class_adds_to_the_spread_of_the_others() -> None:
    truth = np.repeat([0, 1], [100, 4])
    predicted = (np.arange(104) < 20).astype(np.int64)  # the common class is found 8 times in 10, the rare one never
    figures = evaluate_figures(truth, certain(predicted), classes=AB)
    common, rare, found = (figures[name] for name in ("recall[a]", "recall[b]", "balanced_accuracy"))
    half = np.hypot((common.high - common.value) / 2, (rare.high - rare.value) / 2)
    assert found.high == pytest.approx(found.value + half, abs=0.005)
    assert found.low == pytest.approx(0.4 - (common.value - common.low) / 2, abs=0.005)


def test_groups_that_agree_within_count_once() -> None:
    generator = np.random.default_rng(3)
    truth, right = generator.integers(0, 2, 40), generator.random(40) < 0.7
    alone = evaluate_figures(truth, certain(np.where(right, truth, 1 - truth)), classes=AB, seed=5)["accuracy"]
    copies = truth.repeat(50), certain(np.where(right, truth, 1 - truth)).repeat(50, axis=0)
    grouped = evaluate_figures(*copies, classes=AB, seed=5, groups=(7 * np.arange(40)).repeat(50))["accuracy"]
    careless = evaluate_figures(*copies, classes=AB, seed=5)["accuracy"]
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high))
    assert careless.high - careless.low < 0.3 * (grouped.high - grouped.low)


def test_a_perfect_group_is_one_trial() -> None:
    truth = np.arange(12) % 2
    groups = np.arange(12) // 4
    figures = evaluate_figures(truth, certain(truth), classes=AB, groups=groups, samples=50)
    assert figures["accuracy"].low == pytest.approx(stats.binomtest(3, 3).proportion_ci(0.95, "exact").low)
    truth, groups = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 2, 2])
    one_class_each = evaluate_figures(truth, certain(truth), classes=AB, groups=groups, samples=50)
    assert one_class_each["recall[a]"].low == pytest.approx(0.025 ** (1 / 2))
    assert one_class_each["auroc"].low == pytest.approx(0.025)  # one group holds b: one independent pair


def test_one_sample_or_group_tells_nothing_about_the_spread() -> None:
    figure = evaluate_figures(np.array([1.0]), np.array([3.0]), samples=20)["mae"]
    assert figure.to_json() == {"value": 2.0, "low": None, "high": None}
    group = evaluate_figures(np.array([1.0, 2.0]), np.array([3.0, 3.0]), groups=np.array([4, 4]), samples=20)["mae"]
    assert (group.value, group.method) == (1.5, "none")


def test_a_class_without_samples_has_no_recall_and_no_interval() -> None:
    truth = np.arange(20) % 2
    figures = evaluate_figures(truth, np.full((20, 3), 1 / 3), classes=("a", "b", "c"), samples=50)
    for name in ("recall[c]", "auroc"):
        assert figures[name].to_json() == {"value": None, "low": None, "high": None}


def test_the_seed_settles_the_limits() -> None:
    generator = np.random.default_rng(6)
    truth, values = generator.normal(size=(2, 30))
    first, again, other = (evaluate_figures(truth, values, seed=seed, samples=100)["rmse"] for seed in (1, 1, 2))
    assert first == again != other


def test_the_size_of_a_block_does_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.arange(10.0)
    whole = bootstrap(lambda weights: {"sum": data @ weights}, 10, samples=50)["sum"]
    monkeypatch.setattr("percept.evaluation.intervals.BLOCK", 35)  # three resamples a block
    np.testing.assert_array_equal(bootstrap(lambda weights: {"sum": data @ weights}, 10, samples=50)["sum"], whole)


def test_a_paired_difference_sees_what_two_intervals_hide() -> None:
    generator = np.random.default_rng(7)
    truth = generator.normal(size=300)
    hard = generator.normal(scale=3, size=300)  # an error that both share
    network, baseline = truth + hard, truth + hard * 1.05
    rmse = METRICS["rmse"]
    difference = paired_difference(truth, network, baseline, rmse)
    assert difference.value == pytest.approx(rmse.measure(truth, network) - rmse.measure(truth, baseline))
    assert difference.high < 0
    apart = [evaluate_figures(truth, predictions)["rmse"] for predictions in (network, baseline)]
    assert apart[0].high > apart[1].low


def test_a_network_differs_from_itself_by_nothing() -> None:
    truth, values = np.random.default_rng(8).normal(size=(2, 30))
    assert paired_difference(truth, values, values, METRICS["mae"], samples=50) == Figure(0, 0, 0)


def test_no_sample_and_predictions_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="no sample to evaluate"):
        evaluate_figures(np.array([]), np.array([]))
    with pytest.raises(DataError, match="1 of 2 samples are not finite.*--learning-rate"):
        evaluate_figures(np.array([0, 1]), np.array([[0.5, 0.5], [np.nan, np.nan]]), classes=AB)
    with pytest.raises(DataError, match="3 predictions for 2 samples"):
        evaluate_figures(np.array([0.0, 1.0]), np.zeros(3))
