"""A selection is GridSearchCV's to the last bit; restarts, failures, answers and text are as they should be."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris, load_wine, make_classification, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import percept
from percept.errors import DataError, OptionError, PerceptWarning, TrainingError
from percept.selection import select
from percept.selection.choosing import Selection

Floats = NDArray[np.float64]
IRIS = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:One or more of the:UserWarning"
)


def small(**choices: Any) -> MLPClassifier:
    return MLPClassifier(**{"hidden_layer_sizes": (5,), "max_iter": 15, "random_state": 3, **choices})


def assert_equals_sklearns(found: Selection, search: GridSearchCV) -> None:
    expected = search.cv_results_
    assert list(found.cv_results_) == list(expected)
    for key, value in expected.items():
        if key == "params":
            assert str(found.cv_results_[key]) == str(value)
        elif "_time" not in key and value.dtype.kind != "O":
            np.testing.assert_array_equal(found.cv_results_[key], value, err_msg=key)
    assert str(found.best_params) == str(search.best_params_)
    assert found.best_index == search.best_index_ and found.best_score == search.best_score_


CASES: list[tuple[Any, Any, Any, Any]] = [
    (small(), {"alpha": [1e-4, 1.0], "activation": ["tanh", "relu"]}, 3, None),
    (small(solver="lbfgs"), {"hidden_layer_sizes": [(3,), (4, 2)]}, StratifiedKFold(3, shuffle=True), "f1_macro"),
    (LogisticRegression(), {"C": [0.01, 1, 100]}, 5, "neg_log_loss"),
    (LogisticRegression(), [{"C": [1]}, {"C": [2, 3], "fit_intercept": [False]}], 4, "balanced_accuracy"),
    (make_pipeline(StandardScaler(), small()), {"mlpclassifier__alpha": [0.1, 1]}, KFold(3, shuffle=True), None),
    (
        make_pipeline(StandardScaler(), SVC()),
        [{"svc__C": [0.1, 1]}, {"svc": [LogisticRegression(), small()]}],
        3,
        make_scorer(lambda truth, predicted: float((truth == predicted).mean())),
    ),
]


@pytest.mark.parametrize(("model", "grid", "cv", "scoring"), CASES)
def test_a_selection_equals_gridsearchcvs(model: Any, grid: Any, cv: Any, scoring: Any) -> None:
    if hasattr(cv, "random_state") and cv.shuffle:
        cv.random_state = 4
    found = select(model, grid, *IRIS, cv=cv, scoring=scoring, return_train_score=True)
    search = GridSearchCV(model, grid, cv=cv, scoring=scoring, return_train_score=True).fit(*IRIS)
    assert_equals_sklearns(found, search)
    assert (found.best_model.predict(IRIS[0]) == search.predict(IRIS[0])).all()


def test_groups_and_regression_equal_gridsearchcvs() -> None:
    X, y = make_regression(60, 4, noise=20, random_state=0)
    groups = np.arange(60) // 7
    for scoring in (None, "neg_mean_absolute_error"):
        found = select(Ridge(), {"alpha": [0.1, 1, 10]}, X, y, cv=4, groups=groups, scoring=scoring)
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 1, 10]}, cv=GroupKFold(4), scoring=scoring)
        assert_equals_sklearns(found, search.fit(X, y, groups=groups))


def test_weights_and_kernels_equal_gridsearchcvs() -> None:
    X, y = IRIS
    weight = np.random.default_rng(0).uniform(size=len(y))
    found = select(LogisticRegression(), {"C": [0.1, 1]}, X, y, cv=3, sample_weight=weight)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3).fit(X, y, sample_weight=weight)
    assert_equals_sklearns(found, search)
    kernel = X @ X.T
    found = select(SVC(kernel="precomputed"), {"C": [0.1, 1]}, kernel, y, cv=3)
    assert_equals_sklearns(found, GridSearchCV(SVC(kernel="precomputed"), {"C": [0.1, 1]}, cv=3).fit(kernel, y))


def test_tables_lists_and_text_labels_are_taken_as_they_are() -> None:
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    found = select(LogisticRegression(), {"C": [0.1, 1]}, X, list(names), cv=3)
    assert_equals_sklearns(found, GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3).fit(X, names))
    assert found.best_model.feature_names_in_[0] == "sepal length (cm)"
    assert found.predictions is not None
    expected = cross_val_predict(LogisticRegression(**found.best_params), X, names, cv=3)
    assert found.predictions.tolist() == expected.tolist()
    chances = cross_val_predict(LogisticRegression(**found.best_params), X, names, cv=3, method="predict_proba")
    np.testing.assert_array_equal(found.probabilities, chances)


def test_percepts_own_networks_are_chosen_among_in_a_pipeline() -> None:
    model = make_pipeline(StandardScaler(), percept.MLPClassifier(hidden_layer_sizes=(5,), max_iter=20, random_state=0))
    found = select(model, {"mlpclassifier__alpha": [0.1, 10]}, *load_wine(return_X_y=True), cv=3)
    search = GridSearchCV(model, {"mlpclassifier__alpha": [0.1, 10]}, cv=3).fit(*load_wine(return_X_y=True))
    assert_equals_sklearns(found, search)


def test_of_restarts_the_one_with_the_lowest_training_loss_is_kept() -> None:
    X, y = IRIS
    model = make_pipeline(StandardScaler(), small(max_iter=5))
    found = select(model, {"mlpclassifier__alpha": [0.1, 1]}, X, y, cv=3, restarts=4)
    assert found.restart_scores.shape == (2, 3, 4)
    assert found.cv_results_["restart_test_score"] is found.restart_scores
    seeds = [3, *np.random.RandomState(3).randint(2**31 - 1, size=3)]
    for candidate, alpha in enumerate((0.1, 1)):
        for split, (train, test) in enumerate(StratifiedKFold(3).split(X, y)):
            models = [make_pipeline(StandardScaler(), small(max_iter=5, alpha=alpha, random_state=s)) for s in seeds]
            scores = [each.fit(X[train], y[train]).score(X[test], y[test]) for each in models]
            assert found.restart_scores[candidate, split].tolist() == scores
            best = int(np.argmin([each[-1].loss_ for each in models]))
            assert found.scores[candidate, split] == scores[best]
    assert found.best_model[-1].random_state in seeds


def test_of_early_stopped_restarts_the_best_validation_score_decides_and_without_either_the_train_score() -> None:
    X, y = make_classification(90, random_state=0)
    found = select(small(early_stopping=True), {"alpha": [1]}, X, y, cv=3, restarts=3)
    forests = select(
        RandomForestClassifier(1, max_depth=2, random_state=0), {"min_samples_leaf": [3]}, X, y, cv=3, restarts=3
    )
    seeds = [3, *np.random.RandomState(3).randint(2**31 - 1, size=2)]
    for split, (train, _) in enumerate(StratifiedKFold(3).split(X, y)):
        models = [small(early_stopping=True, alpha=1, random_state=s).fit(X[train], y[train]) for s in seeds]
        best = int(np.argmax([each.best_validation_score_ for each in models]))
        assert found.scores[0, split] == found.restart_scores[0, split, best]
        trees = [
            RandomForestClassifier(1, max_depth=2, min_samples_leaf=3, random_state=s).fit(X[train], y[train])
            for s in [0, *np.random.RandomState(0).randint(2**31 - 1, size=2)]
        ]
        best = int(np.argmax([each.score(X[train], y[train]) for each in trees]))
        assert forests.scores[0, split] == forests.restart_scores[0, split, best]


def test_what_a_model_leaves_to_chance_repeats() -> None:
    found = [select(small(random_state=None), {"alpha": [0.1, 1]}, *IRIS, cv="subsampling") for _ in range(2)]
    np.testing.assert_array_equal(found[0].scores, found[1].scores)
    assert found[0].best_model.random_state == 0
    assert select(small(random_state=None), {"alpha": [1]}, *IRIS, random_state=None).best_model.random_state is None


class Fragile(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fails where it is told to."""

    def __init__(self, fails: str = "", random_state: int = 0) -> None:
        self.fails, self.random_state = fails, random_state

    def fit(self, X: Floats, y: NDArray[Any]) -> "Fragile":
        if self.fails == "always" or (self.fails == "once" and X[0, 0] == 0) or self.fails == str(self.random_state):
            raise RuntimeError("out of luck\nand more")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Floats) -> NDArray[Any]:
        return np.full(len(X), self.classes_[0])


def rows() -> tuple[Floats, NDArray[np.int64]]:
    return np.arange(12.0)[:, None], np.arange(12) % 2


def test_a_candidate_that_fails_counts_as_nan_and_is_named_with_its_first_error() -> None:
    with pytest.warns(PerceptWarning) as caught:
        found = select(Fragile(), {"fails": ["always", "once", ""]}, *rows(), cv=KFold(3))
    said = [str(each.message) for each in caught]
    assert said == [
        "{'fails': 'always'} failed in 3 of 3 fits, which count as NaN; the first error was RuntimeError: out of luck",
        "{'fails': 'once'} failed in 2 of 3 fits, which count as NaN; the first error was RuntimeError: out of luck",
    ]
    assert np.isnan(found.scores).sum(axis=1).tolist() == [3, 2, 0]
    assert found.best_params == {"fails": ""} and found.cv_results_["rank_test_score"].tolist() == [2, 2, 1]


def test_a_restart_that_fails_is_not_kept() -> None:
    with pytest.warns(PerceptWarning, match="failed in 3 of 6 fits"):
        found = select(Fragile(), {"fails": ["0"]}, *rows(), cv=KFold(3), restarts=2, refit=False)
    assert np.isfinite(found.scores).all() and np.isnan(found.restart_scores[0, :, 0]).all()
    assert found.best_model is None


def test_when_all_fail_the_first_error_is_raised() -> None:
    with pytest.raises(TrainingError, match="every one of 3 fits failed, the first with RuntimeError: out of luck"):
        select(Fragile(), {"fails": ["always"]}, *rows(), cv=KFold(3))
    with warnings.catch_warnings(), pytest.raises(TrainingError, match="no candidate could be fitted and scored on ev"):
        warnings.simplefilter("ignore")
        select(Fragile(), {"fails": ["once"]}, *rows(), cv=KFold(3))


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"grid": {"alpah": [1]}}, "MLPClassifier cannot take {'alpah': 1}"),
        ({"grid": {"alpha": 1}}, "grid does not work .* expected lists of values by name"),
        ({"grid": {"alpha": []}}, "grid does not work"),
        ({"grid": []}, "grid is empty"),
        ({"grid": 5}, "grid does not work"),
        ({"scoring": "acuracy"}, "scoring is 'acuracy'; expected one of"),
        ({"scoring": ["accuracy", "f1"]}, "expected one name or function to choose by"),
        ({"restarts": 0}, "restarts is 0; expected a whole number of 1 or more"),
        ({"cv": "kfold"}, "cv is 'kfold'"),
        ({"progress": 5}, "progress is a int; expected a function"),
        ({"model": MLPClassifier}, "model is the class MLPClassifier; expected an object with fit and predict"),
        ({"model": StandardScaler()}, "model is a StandardScaler; expected an object with fit and predict"),
    ],
)
def test_bad_options_are_said_in_one_sentence(choices: dict[str, Any], said: str) -> None:
    arguments = {"model": small(), "grid": {"alpha": [1]}, "X": IRIS[0], "y": IRIS[1], **choices}
    with pytest.raises(OptionError, match=said) as error:
        select(**arguments)
    assert "\n" not in str(error.value)


def test_restarts_of_a_model_without_random_numbers_are_refused() -> None:
    class Fixed(Fragile):
        def __init__(self, fails: str = "") -> None:
            self.fails = fails

    with pytest.raises(OptionError, match="Fixed has no random_state, so its 3 restarts would be the same"):
        select(Fixed(), {"fails": [""]}, *rows(), restarts=3)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"y": [0, 1]}, "2 targets for 150 samples"),
        ({"groups": [0, 1]}, "2 groups for 150 samples"),
        ({"sample_weight": [0, 1]}, "2 sample weights for 150 samples"),
        ({"y": None}, "y is None"),
    ],
)
def test_data_that_does_not_go_together_is_said(choices: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        select(**{"model": small(), "grid": {"alpha": [1]}, "X": IRIS[0], "y": IRIS[1], **choices})


def test_the_simplest_candidate_within_one_standard_error_is_the_strongest_decay() -> None:
    X, y = make_regression(50, 5, noise=5, random_state=1)
    found = select(Ridge(), {"alpha": [0.001, 0.01, 0.1, 1000]}, X, y)
    means, best = found.cv_results_["mean_test_score"], found.best_index
    least = means[best] - found.scores[best].std(ddof=1) / 5**0.5
    expected = max(place for place in range(4) if means[place] >= least)
    assert found.one_standard_error_index == expected
    # the other way round for C, which is the weaker decay the larger it is
    found = select(LogisticRegression(), {"C": [1, 2, 4]}, *IRIS)
    means, best = found.cv_results_["mean_test_score"], found.best_index
    least = means[best] - found.scores[best].std(ddof=1) / 5**0.5
    near = [c for c, mean in zip((1, 2, 4), means, strict=True) if mean >= least]
    assert found.one_standard_error_params == {"C": min(near)}


def test_the_table_lists_the_best_first() -> None:
    lines = select(LogisticRegression(), {"C": [1e-6, 1.0]}, *IRIS).table().splitlines()
    assert lines[0].split() == ["rank", "score", "std.", "error", "candidate"]
    assert lines[1].endswith("C=1.0  <- best") and lines[2].endswith("C=1e-06") and len(lines) == 3


def test_lists_of_paths_go_to_the_model_as_lists(tmp_path: Path) -> None:
    class Reader(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def __init__(self, offset: int = 0) -> None:
            self.offset = offset

        def fit(self, X: list[Path], y: NDArray[Any]) -> "Reader":
            self.classes_ = np.unique(y)
            return self

        def predict(self, X: list[Path]) -> NDArray[Any]:
            return np.array([int(path.read_text()) + self.offset for path in X])

    paths = [tmp_path / f"{number}.txt" for number in range(12)]
    for number, path in enumerate(paths):
        path.write_text(str(number % 2))
    found = select(Reader(), {"offset": [1, 0]}, paths, np.arange(12) % 2, cv=2)
    assert found.best_params == {"offset": 0} and found.best_score == 1


def test_progress_counts_every_fit() -> None:
    seen: list[tuple[int, int]] = []
    select(LogisticRegression(), {"C": [1, 2]}, *IRIS, cv=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_processes_beside_each_other_find_the_same() -> None:
    grid = {"alpha": [0.1, 1]}
    found = [select(small(), grid, *IRIS, cv=3, restarts=2, n_jobs=jobs) for jobs in (1, 2)]
    np.testing.assert_array_equal(found[0].restart_scores, found[1].restart_scores)
    np.testing.assert_array_equal(found[0].best_model.coefs_[0], found[1].best_model.coefs_[0])
