"""The verdict says what the paired interval says, in one sentence."""

import numpy as np
from numpy.typing import NDArray

from percept.evaluation.baselines import Baseline
from percept.evaluation.metrics import METRICS
from percept.evaluation.verdict import best_baseline, verdict

ACCURACY = METRICS["accuracy"]
TRUTH = np.arange(200) % 2


def right_for(count: int, truth: NDArray[np.int64] = TRUTH) -> NDArray[np.float64]:
    """Return probabilities that are right for the first `count` samples and wrong for the others."""
    return np.eye(2)[np.where(np.arange(len(truth)) < count, truth, 1 - truth)]


FOUND = {"majority": Baseline(right_for(100), ""), "linear": Baseline(right_for(150), "")}


def test_a_clear_gain_earns_the_place() -> None:
    said = verdict(TRUTH, right_for(190), FOUND, ACCURACY)
    assert said.startswith("The network earned its place: it beats the best baseline (linear), ")
    assert "accuracy 0.95 against 0.75, a gain of 0.2 (95 % interval 0.1" in said
    assert said.endswith("200 validation samples).")


def test_a_gain_within_chance_does_not() -> None:
    said = verdict(TRUTH, right_for(151), FOUND, ACCURACY)
    assert "did not earn its place: it is no better than the best baseline (linear" in said


def test_a_loss_says_to_prefer_the_baseline() -> None:
    said = verdict(TRUTH, right_for(120), FOUND, ACCURACY)
    assert "it is worse than the best baseline (linear" in said
    assert "a gain of -0.15" in said
    assert said.endswith("prefer the baseline.")


def test_a_lower_error_is_a_gain() -> None:
    truth = np.random.default_rng(0).normal(size=100)
    found = {"mean": Baseline(truth + 2000, ""), "linear": Baseline(truth - 1, "")}
    said = verdict(truth, truth + 0.5, found, METRICS["rmse"], part="test", best="mean")
    assert "earned its place: it beats the baseline that was best on validation (mean), rmse 0.5 against 2,000" in said
    assert "a gain of 2,000" in said
    assert best_baseline(truth, found, METRICS["rmse"]) == "linear"


def test_a_metric_is_called_by_its_words() -> None:
    assert ", balanced accuracy 0.95 against 0.75, " in verdict(
        TRUTH, right_for(190), FOUND, METRICS["balanced_accuracy"]
    )


def test_few_samples_or_groups_are_not_enough() -> None:
    few = np.arange(12) % 2
    said = verdict(few, right_for(12, few), {"majority": Baseline(right_for(6, few), "")}, ACCURACY)
    assert said.startswith("12 validation samples are too few to say whether the network beats the best baseline")
    said = verdict(TRUTH, right_for(190), FOUND, ACCURACY, groups=TRUTH)
    assert said.startswith("2 validation groups are too few")


def test_an_undefined_score_is_never_the_best() -> None:
    truth = np.array([0, 1])
    broken = Baseline(np.full((2, 2), np.nan), "")
    assert best_baseline(truth, {"broken": broken, "linear": Baseline(np.eye(2), "")}, ACCURACY) == "linear"
