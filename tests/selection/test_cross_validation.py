"""Cross-validation gives scikit-learn's scores and answers, and an interval that covers as often as it says."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import check_scoring, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC

from percept.errors import PerceptWarning
from percept.selection import cross_validate
from percept.selection.splits import make_splits

IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)


@pytest.mark.parametrize("cv", [None, 3, "loo", KFold(4, shuffle=True, random_state=1)])
def test_scores_and_answers_equal_scikit_learns(cv: Any) -> None:
    X, y = IRIS
    found = cross_validate(KNeighborsClassifier(), X, y, cv=cv, return_train_score=True)
    pairs = make_splits(cv, X, y, classifier=True)
    assert found.scores.tolist() == cross_val_score(KNeighborsClassifier(), X, y, cv=pairs).tolist()
    assert found.predictions is not None and found.rows is not None
    assert found.rows.tolist() == list(range(150))
    assert found.predictions.tolist() == cross_val_predict(KNeighborsClassifier(), X, y, cv=pairs).tolist()
    chances = cross_val_predict(KNeighborsClassifier(), X, y, cv=pairs, method="predict_proba")
    np.testing.assert_array_equal(found.probabilities, chances)
    assert found.train_scores is not None and (found.train_scores > 0.9).all()
    assert (found.fit_seconds > 0).all() and found.scoring == "score"
    assert found.mean == found.scores.mean()
    if len(pairs) < 10:
        assert found.standard_error == pytest.approx(found.scores.std(ddof=1) / len(pairs) ** 0.5)


def test_a_sample_tested_several_times_has_the_mean_of_its_answers_and_one_never_tested_has_none() -> None:
    X, y = DIABETES[0][:40], DIABETES[1][:40]
    pairs = list(ShuffleSplit(4, test_size=10, random_state=0).split(X))
    found = cross_validate(Ridge(), X, y, cv=pairs)
    answers: dict[int, list[float]] = {}
    for train, test in pairs:
        for row, value in zip(test, Ridge().fit(X[train], y[train]).predict(X[test]), strict=True):
            answers.setdefault(int(row), []).append(value)
    assert found.rows is not None and found.rows.tolist() == sorted(answers)
    assert found.predictions == pytest.approx([np.mean(answers[row]) for row in sorted(answers)])


def test_a_class_that_a_split_was_not_shown_has_no_chance_there() -> None:
    X, y = IRIS
    found = cross_validate(LogisticRegression(), X, y, cv=KFold(3))  # in order of the classes
    assert found.mean == 0 and found.probabilities is not None
    assert (found.probabilities[np.arange(150), y] == 0).all()
    assert found.probabilities.sum(axis=1) == pytest.approx(1)


def covered(scoring: str | None, *, classifier: bool) -> float:
    """Return how often the interval of a fixed model's score holds the score on a million samples like these."""
    generator = np.random.default_rng(0)

    def draw(count: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
        X = generator.normal(size=(count, 1))
        noisy = X[:, 0] + generator.normal(size=count)
        return X, (noisy > 0).astype(np.int64) if classifier else noisy

    model = LogisticRegression() if classifier else Ridge()
    hits = []
    for _ in range(60):
        X, y = draw(150)
        figure = cross_validate(model, X, y, cv=5, scoring=scoring).interval(samples=300)
        far, truth = draw(4000)
        true = check_scoring(model, scoring)(model.fit(X, y), far, truth)
        hits.append(figure.low <= true <= figure.high)
        assert figure.method == "bootstrap" and figure.low < figure.value < figure.high
    return float(np.mean(hits))


@pytest.mark.slow
@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "f1_macro", "r2"])
def test_intervals_cover_about_as_often_as_they_say(scoring: str | None) -> None:
    assert (
        covered(scoring, classifier=scoring != "r2") >= 0.85
    )  # 60 draws at 95 %: 51 or fewer hits have a chance below 1 in 100


@pytest.mark.parametrize(
    ("scoring", "method"),
    [
        (None, "bootstrap"),
        ("accuracy", "bootstrap"),
        ("balanced_accuracy", "bootstrap"),
        ("f1_macro", "bootstrap"),
        ("neg_log_loss", "bootstrap"),
        ("f1_weighted", "splits"),
        (make_scorer(lambda truth, predicted: float((truth == predicted).mean())), "splits"),
    ],
)
def test_classifiers_have_intervals_by_every_scoring(scoring: Any, method: str) -> None:
    X, y = make_classification(120, flip_y=0.3, random_state=0)
    found = cross_validate(LogisticRegression(), X, y, scoring=scoring)
    figure = found.interval()
    assert figure.value == found.mean and figure.low < figure.value < figure.high and figure.method == method


@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error", "neg_root_mean_squared_error"])
def test_regressors_have_intervals(scoring: Any) -> None:
    figure = cross_validate(KNeighborsRegressor(), *DIABETES, scoring=scoring).interval(samples=200)
    assert figure.method == "bootstrap" and figure.low < figure.value < figure.high


def test_the_area_under_the_curve_is_resampled_where_probabilities_are_kept() -> None:
    X, y = make_classification(120, flip_y=0.3, random_state=0)
    assert cross_validate(LogisticRegression(), X, y, scoring="roc_auc").interval().method == "bootstrap"
    assert cross_validate(SVC(), X, y, scoring="roc_auc").interval().method == "splits"


def test_a_model_that_scores_itself_in_its_own_way_is_not_taken_for_accuracy() -> None:
    X, y = make_classification(120, flip_y=0.3, random_state=0)
    search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, scoring="f1", cv=3)
    assert cross_validate(search, X, y).interval().method == "splits"


def test_leave_one_out_has_the_interval_of_a_share() -> None:
    found = cross_validate(KNeighborsClassifier(), *IRIS, cv="loo")
    figure, share = found.interval(samples=2000), found.mean
    width = 1.96 * (share * (1 - share) / 150) ** 0.5
    assert figure.high - figure.low == pytest.approx(2 * width, rel=0.15)
    sure = cross_validate(KNeighborsClassifier(), IRIS[0][:100], IRIS[1][:100], cv="loo").interval()
    assert (sure.value, sure.high, sure.method) == (1, 1, "exact") and sure.low == pytest.approx(0.025 ** (1 / 100))


def test_groups_are_resampled_whole() -> None:
    X, y = make_classification(60, flip_y=0.4, random_state=0)
    X, y, groups = np.repeat(X, 10, axis=0), np.repeat(y, 10), np.repeat(np.arange(60), 10)
    grouped = cross_validate(LogisticRegression(), X, y, groups=groups).interval()
    alone = cross_validate(LogisticRegression(), X, y, cv=make_splits(5, X, y, classifier=True, groups=groups))
    width = alone.interval().high - alone.interval().low
    assert grouped.high - grouped.low > 2 * width  # ten copies of a sample tell no more than one


def test_a_split_that_fails_has_no_score_and_no_interval() -> None:
    X, y = IRIS[0][:100], IRIS[1][:100]
    pairs = [(np.arange(50), np.arange(50, 100)), (np.arange(25, 75), np.arange(25))]
    with pytest.warns(PerceptWarning, match="LogisticRegression failed in 1 of 2 fits, .* ValueError: This solver"):
        found = cross_validate(LogisticRegression(), X, y, cv=pairs)
    assert np.isnan(found.scores).tolist() == [True, False] and np.isnan(found.mean)
    assert found.predictions is None and found.interval().method == "none"


def test_answers_as_large_as_masks_are_scored_but_not_kept() -> None:
    class Painter:
        def fit(self, X: Any, y: Any) -> "Painter":
            return self

        def predict(self, X: Any) -> NDArray[np.int64]:
            return np.ones((len(X), 4, 4), np.int64)

        def score(self, X: Any, y: Any) -> float:
            return float((self.predict(X) == y).mean())

    masks = np.random.default_rng(0).integers(0, 2, (20, 4, 4))
    found = cross_validate(Painter(), np.zeros((20, 4, 4, 3)), masks)
    assert found.mean == pytest.approx(masks.mean()) and found.predictions is None
    assert found.interval().method == "splits"
