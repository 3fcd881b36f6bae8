"""The nested score is honest: at chance where there is nothing to learn, however good the inner score looks."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import percept
from percept.errors import DataError, OptionError, TrainingError
from percept.evaluation.intervals import Figure
from percept.selection import nested
from percept.selection.splits import Bootstrap
from percept.selection.verdict import verdict

IRIS = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def noise(seed: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(80, 200)), generator.permutation(np.repeat([0, 1], 40))


class OneFeature(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Answers the class whose mean of one feature is nearer: among 200 features, which one is the choice."""

    def __init__(self, feature: int = 0) -> None:
        self.feature = feature

    def fit(self, X: Any, y: Any) -> "OneFeature":
        self.classes_ = np.array([0, 1])
        self.means_ = np.array([X[y == label, self.feature].mean() for label in (0, 1)])
        return self

    def predict(self, X: Any) -> Any:
        return np.abs(X[:, self.feature, None] - self.means_).argmin(axis=1)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return float((self.predict(X) == y).mean())  # scikit-learn's takes longer than all the rest


def test_on_pure_noise_the_inner_score_looks_good_and_the_nested_one_is_at_chance() -> None:
    founds = [nested(OneFeature(), {"feature": range(200)}, *noise(seed)) for seed in range(3)]
    for found in founds:
        figure = found.interval()
        assert found.inner_scores.mean() > 0.65 and found.optimism > 0.08
        assert figure.low <= 0.5 <= figure.high and found.baseline == 0.5
        assert "no better than one constant answer (0.5) beyond chance" in found.verdict
    assert abs(np.mean([found.mean for found in founds]) - 0.5) < 0.06


@pytest.mark.slow
def test_on_pure_noise_a_network_chosen_among_many_promises_too_much() -> None:
    network = percept.MLPClassifier(max_iter=15, random_state=0, learning_rate_init=0.02)
    grid = {"mlpclassifier__alpha": [1e-4, 1, 30], "mlpclassifier__hidden_layer_sizes": [(2,), (4,), (8,), (8, 4)]}
    found = nested(make_pipeline(StandardScaler(), network), grid, *noise(2))
    figure = found.interval()
    assert found.inner_scores.mean() > 0.55 and found.optimism > 0.04
    assert figure.low <= 0.5 <= figure.high


def test_where_there_is_something_to_learn_the_verdict_says_so() -> None:
    found = nested(LogisticRegression(), {"C": [0.1, 1]}, *IRIS)
    assert "It is better than one constant answer (0.333)" in found.verdict
    assert found.verdict.startswith("On samples that the choice never saw, score is 0.9")
    assert [set(each) for each in found.chosen] == [{"C"}] * 5
    assert found.optimism == pytest.approx(found.inner_scores.mean() - found.mean)


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_nested_scores_equal_scikit_learns(scoring: Any) -> None:
    grid = {"C": [0.01, 1, 100]}
    outer, inner = StratifiedKFold(4, shuffle=True, random_state=0), StratifiedKFold(3, shuffle=True, random_state=1)
    found = nested(LogisticRegression(), grid, *IRIS, outer=outer, inner=inner, scoring=scoring)
    search = GridSearchCV(LogisticRegression(), grid, cv=inner, scoring=scoring)
    assert found.scores.tolist() == cross_val_score(search, *IRIS, cv=outer, scoring=scoring).tolist()
    by_itself = nested(search, None, *IRIS, outer=outer, scoring=scoring)
    assert by_itself.scores.tolist() == found.scores.tolist()
    assert by_itself.chosen == found.chosen
    assert by_itself.inner_scores.tolist() == found.inner_scores.tolist()
    assert by_itself.verdict == found.verdict


def test_groups_stay_whole_in_both_loops() -> None:
    X, y = make_classification(60, random_state=0)
    groups = np.arange(60) // 5
    grid = {"C": [0.01, 1, 100]}
    found = nested(LogisticRegression(), grid, X, y, outer=GroupKFold(4), inner=GroupKFold(3), groups=groups)
    search = GridSearchCV(LogisticRegression(), grid, cv=GroupKFold(3))
    for split, (train, test) in enumerate(GroupKFold(4).split(X, y, groups)):
        search.fit(X[train], y[train], groups=groups[train])
        assert found.scores[split] == search.score(X[test], y[test])
        assert found.inner_scores[split] == search.best_score_ and found.chosen[split] == search.best_params_
    by_itself = nested(search, None, X, y, outer=GroupKFold(4), groups=groups)
    assert by_itself.scores.tolist() == found.scores.tolist() and by_itself.chosen == found.chosen


def test_a_pipeline_that_ends_in_a_search_says_what_it_chose() -> None:
    model = make_pipeline(StandardScaler(), GridSearchCV(MLPClassifier((3,), max_iter=5), {"alpha": [0.1, 1]}, cv=2))
    found = nested(model, None, *IRIS, outer=3)
    assert all(each["alpha"] in (0.1, 1) for each in found.chosen) and np.isfinite(found.inner_scores).all()


def test_a_model_that_does_not_say_what_it_chose_is_tested_all_the_same() -> None:
    found = nested(RidgeCV(), None, *load_diabetes(return_X_y=True))
    assert found.chosen == ({},) * 5 and 0.4 < found.mean < 0.6
    assert found.interval().method == "bootstrap" and found.baseline == pytest.approx(0, abs=0.02)


def test_a_search_by_a_score_of_its_own_is_not_held_against_another_score() -> None:
    X, y = make_classification(90, flip_y=0.2, random_state=0)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, scoring="f1", cv=3)
    found = nested(search, None, X, y)
    assert found.scores.tolist() == cross_val_score(search, X, y).tolist()
    assert np.isnan(found.baseline) and "constant answer" not in found.verdict
    assert np.isfinite(nested(search, None, X, y, scoring="f1").baseline)


def test_restarts_of_the_chosen_one_are_chosen_in_training_too() -> None:
    model = MLPClassifier((3,), max_iter=4, random_state=0, learning_rate_init=0.02)
    found = nested(model, {"alpha": [1]}, *IRIS, outer=KFold(3, shuffle=True, random_state=0), inner=2, restarts=3)
    seeds = [0, *np.random.RandomState(0).randint(2**31 - 1, size=2)]
    for split, (train, test) in enumerate(KFold(3, shuffle=True, random_state=0).split(*IRIS)):
        models = [
            MLPClassifier((3,), max_iter=4, random_state=seed, learning_rate_init=0.02, alpha=1).fit(
                IRIS[0][train], IRIS[1][train]
            )
            for seed in seeds
        ]
        best = min(models, key=lambda each: each.loss_)
        assert found.scores[split] == best.score(IRIS[0][test], IRIS[1][test])


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
def test_copies_that_an_outer_bootstrap_makes_stay_on_one_side_inside() -> None:
    X, y = IRIS[0][::10], IRIS[1][::10]
    outer = Bootstrap(6, 0, stratify=True)
    found = nested(LogisticRegression(), {"C": [0.1, 1]}, X, y, outer=outer, inner=3)
    assert len(found.scores) == 6 and np.isfinite(found.scores).all()
    with pytest.raises(DataError, match="both sides|of group"):
        nested(LogisticRegression(), {"C": [1]}, X, y, outer=outer, inner=KFold(3, shuffle=True))
    with pytest.raises(OptionError, match="outer repeats samples"):
        nested(GridSearchCV(LogisticRegression(), {"C": [1]}), None, X, y, outer="bootstrap")


def test_progress_counts_the_fits_of_both_loops() -> None:
    seen: list[tuple[int, int]] = []
    nested(
        Ridge(),
        {"alpha": [1, 2]},
        *load_diabetes(return_X_y=True),
        outer=3,
        inner=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(done, 15) for done in range(1, 16)]


def test_bad_options_are_said_in_one_sentence() -> None:
    pairs = [([0], [1])]
    with pytest.raises(OptionError, match="inner is a list; expected a number of parts, a name or a splitter"):
        nested(Ridge(), {"alpha": [1]}, *IRIS, inner=pairs)
    with pytest.raises(OptionError, match="restarts is 2 without a grid"):
        nested(RidgeCV(), None, *IRIS, restarts=2)
    with pytest.raises(OptionError, match="grid is empty"):
        nested(Ridge(), [], *IRIS)
    with pytest.raises(TrainingError, match="every one of"):
        nested(LogisticRegression(), {"C": [-1]}, *IRIS)


@pytest.mark.parametrize(
    ("figure", "promised", "baseline", "said"),
    [
        (Figure(0.9, 0.8, 0.95), 0.92, 0.5, "It is better than one constant answer (0.5)."),
        (Figure(0.3, 0.2, 0.4), 0.2, 0.5, "which is not too good. It is worse than one constant answer (0.5)."),
        (Figure(0.3, float("nan"), float("nan"), "none"), 0.4, 0.5, "score is 0.3; the choice itself promised 0.4, wh"),
        (Figure(0.6, 0.4, 0.7), float("nan"), float("nan"), "score is 0.6 (95 % interval 0.4 to 0.7)."),
    ],
)
def test_the_verdict_says_what_the_figures_say(figure: Figure, promised: float, baseline: float, said: str) -> None:
    assert said in verdict(figure, "score", promised, baseline)
