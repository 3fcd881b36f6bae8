"""MLPClassifierCV and MLPRegressorCV: scikit-learn's GridSearchCV, number for number, and what goes beyond it."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as reference
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    LeaveOneOut,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from percept.errors import DataError, OptionError
from percept.estimators import network_selection
from percept.estimators.classifier import MLPClassifier
from percept.estimators.classifier_cv import MLPClassifierCV
from percept.estimators.regressor import MLPRegressor
from percept.estimators.regressor_cv import MLPRegressorCV
from percept.estimators.stack import Block, Trials, run_block
from percept.training.stacked import compiled

ALPHAS = [0.001, 0.1, 10.0]
OPTIONS: dict[str, Any] = {"max_iter": 10, "batch_size": 32, "random_state": 3, "learning_rate_init": 0.01}


def standardized(loader: Any) -> tuple[NDArray[np.float64], NDArray[Any]]:
    X, y = loader(return_X_y=True)
    return StandardScaler().fit_transform(X), y


WINE = standardized(load_wine)
DIABETES = standardized(load_diabetes)
DIABETES = DIABETES[0][:150], (DIABETES[1][:150] - 150) / 75


@pytest.fixture(autouse=True)
def _short_training_is_meant() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.fixture(params=["kernel", "torch"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two engines in turn."""
    monkeypatch.setattr("percept.training.stacked.run.kernel_is_faster", lambda *given: request.param == "kernel")
    return str(request.param)


def assert_the_same_table(ours: dict[str, Any], theirs: dict[str, Any], *, exact: bool = True) -> None:
    for name, column in theirs.items():
        if "time" in name or name == "param_random_state":
            continue
        if name == "params":
            assert ours[name] == column
        elif exact or column.dtype.kind != "f":
            np.testing.assert_array_equal(ours[name], column, err_msg=name)
        else:
            np.testing.assert_allclose(ours[name], column, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    ("loader", "hidden", "cv"),
    [
        (load_iris, (8,), LeaveOneOut()),
        (load_wine, (8, 4), 10),
        (load_breast_cancer, (8, 4), 5),
        (load_digits, (16,), 5),
    ],
)
def test_scores_of_folds_are_those_of_grid_search(loader: Any, hidden: tuple[int, ...], cv: Any) -> None:
    X, y = standardized(loader)
    options: dict[str, Any] = {"hidden_layer_sizes": hidden, "max_iter": 5, "random_state": 0, "batch_size": 32}
    ours = MLPClassifierCV(ALPHAS[:2], cv=cv, refit=False, **options).fit(X, y)
    theirs = GridSearchCV(reference.MLPClassifier(**options), {"alpha": ALPHAS[:2]}, cv=cv, refit=False).fit(X, y)
    assert_the_same_table(ours.cv_results_, theirs.cv_results_)
    assert (ours.best_index_, ours.best_params_) == (theirs.best_index_, theirs.best_params_)
    assert ours.best_score_ == theirs.best_score_


WAYS: list[dict[str, Any]] = [
    {},
    {"early_stopping": True, "validation_fraction": 0.2},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1},
    {"solver": "sgd"},
    {"shuffle": False},
    {"tol": 0.05, "n_iter_no_change": 2},
    {"activation": "tanh", "batch_size": "auto"},
]


@pytest.mark.parametrize(("engine", "named"), [*(("kernel", way) for way in WAYS), *(("torch", w) for w in WAYS[:3])])
def test_every_way_of_training_gives_grid_searchs_scores(
    named: dict[str, Any], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("percept.training.stacked.run.kernel_is_faster", lambda *given: engine == "kernel")
    X, y = WINE
    options = {**OPTIONS, "hidden_layer_sizes": (9,), **named}
    ours = MLPClassifierCV(ALPHAS, cv=3, return_train_score=True, **options).fit(X, y)
    theirs = GridSearchCV(
        reference.MLPClassifier(**options), {"alpha": ALPHAS}, cv=3, return_train_score=True
    ).fit(X, y)  # fmt: skip
    assert_the_same_table(ours.cv_results_, theirs.cv_results_)
    if not named.get("early_stopping"):
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


def test_figures_are_chosen_as_grid_search_chooses(engine: str) -> None:
    X, y = DIABETES
    for scoring in (None, "neg_mean_absolute_error"):
        ours = MLPRegressorCV(ALPHAS, (6,), cv=4, scoring=scoring, **OPTIONS).fit(X, y)
        theirs = GridSearchCV(
            reference.MLPRegressor(hidden_layer_sizes=(6,), **OPTIONS), {"alpha": ALPHAS}, cv=4, scoring=scoring
        ).fit(X, y)
        assert_the_same_table(ours.cv_results_, theirs.cv_results_, exact=False)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    alone = MLPRegressor(hidden_layer_sizes=(6,), alpha=float(ours.best_params_["alpha"]), **OPTIONS)  # type: ignore[arg-type]
    left_out = cross_val_predict(alone, X, y, cv=4)
    np.testing.assert_allclose(ours.oof_predictions_, left_out, rtol=1e-6)


def test_several_shapes_stand_in_the_order_of_scikit_learns_grid() -> None:
    X, y = WINE
    shapes = [(4,), (6, 3)]
    ours = MLPClassifierCV(ALPHAS, shapes, cv=3, **OPTIONS).fit(X, y)
    grid = {"alpha": ALPHAS, "hidden_layer_sizes": shapes}
    theirs = GridSearchCV(reference.MLPClassifier(**OPTIONS), grid, cv=3).fit(X, y)
    assert_the_same_table(ours.cv_results_, theirs.cv_results_)
    assert set(ours.cv_results_) - set(theirs.cv_results_) == {"restart_test_score"}


def test_each_restart_is_the_network_of_its_seed_and_the_one_of_the_lowest_loss_counts() -> None:
    X, y = WINE
    ours = MLPClassifierCV(ALPHAS[:2], (5,), cv=3, restarts=4, **OPTIONS).fit(X, y)
    scores = ours.cv_results_["restart_test_score"]
    assert scores.shape == (2, 3, 4)
    assert len(set(ours.restart_seeds_)) == 4
    for split, (train, test) in enumerate(StratifiedKFold(3).split(X, y)):
        for candidate, alpha in enumerate(ALPHAS[:2]):
            options = {**OPTIONS, "hidden_layer_sizes": (5,), "alpha": alpha}
            alone = []
            for restart, seed in enumerate(ours.restart_seeds_):
                alone.append(reference.MLPClassifier(**{**options, "random_state": seed}).fit(X[train], y[train]))
                assert scores[candidate, split, restart] == alone[-1].score(X[test], y[test])
            kept = min(alone, key=lambda network: network.loss_)
            assert ours.cv_results_[f"split{split}_test_score"][candidate] == kept.score(X[test], y[test])
            with_restarts = MLPClassifier(**options, restarts=4).fit(X[train], y[train])
            assert with_restarts.score(X[test], y[test]) == kept.score(X[test], y[test])


def test_answers_out_of_fold_are_those_of_networks_that_never_saw_the_sample() -> None:
    X, y = WINE
    ours = MLPClassifierCV([0.1], (5,), cv=3, refit=False, **OPTIONS).fit(X, y)
    alone = MLPClassifier((5,), alpha=0.1, **OPTIONS)
    np.testing.assert_array_equal(ours.oof_predictions_, cross_val_predict(alone, X, y, cv=3))
    expected = cross_val_predict(alone, X, y, cv=3, method="predict_proba")
    np.testing.assert_allclose(ours.oof_probabilities_, expected, atol=1e-9)


def test_samples_that_were_never_left_out_have_no_answer() -> None:
    X, y = WINE
    few = [(np.arange(5, 178), np.arange(5)), (np.arange(3, 178), np.arange(3))]
    found = MLPClassifierCV([0.1], (4,), cv=few, refit=False, **OPTIONS).fit(X, y)
    assert np.isnan(found.oof_probabilities_[5:]).all() and not np.isnan(found.oof_probabilities_[:5]).any()
    assert np.ma.getmaskarray(found.oof_predictions_).tolist() == [False] * 5 + [True] * 173


@pytest.mark.parametrize("transformer", [StandardScaler(), make_pipeline(MinMaxScaler(), StandardScaler())])
def test_preprocessing_sees_the_training_samples_of_a_fold_alone_as_in_a_pipeline(transformer: Any) -> None:
    X, y = load_wine(return_X_y=True)
    ours = MLPClassifierCV(ALPHAS, (6,), cv=4, preprocessing=transformer, **OPTIONS).fit(X, y)
    pipeline = make_pipeline(clone(transformer), reference.MLPClassifier((6,), **OPTIONS))
    theirs = GridSearchCV(pipeline, {"mlpclassifier__alpha": ALPHAS}, cv=4).fit(X, y)
    for name in ("mean_test_score", "split2_test_score", "rank_test_score"):
        np.testing.assert_array_equal(ours.cv_results_[name], theirs.cv_results_[name])
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    named = MLPClassifierCV(ALPHAS, (6,), cv=4, preprocessing="standardize", **OPTIONS).fit(X, y)
    assert named.score(X, y) > 0.9


@pytest.mark.parametrize("named", [{"activation": "elu"}, {"dropout": 0.3}, {"batch_norm": True}, {"solver": "lbfgs"},
    {"solver": "rmsprop"}, {"class_weight": "balanced"}, {"output": "tanh", "loss": "squared_error"},
    {"dropout": 0.2, "early_stopping": True}, {"initializer": "he", "class_weight": {0: 3.0}}])  # fmt: skip
def test_what_scikit_learn_lacks_is_what_one_network_alone_gives(named: dict[str, Any]) -> None:
    X, y = WINE
    options = {**OPTIONS, "hidden_layer_sizes": (6,), "max_iter": 6, **named}
    ours = MLPClassifierCV(ALPHAS, cv=3, restarts=2, **options).fit(X, y)
    theirs = GridSearchCV(MLPClassifier(**options, restarts=2), {"alpha": ALPHAS}, cv=3).fit(X, y)
    for name in ("split0_test_score", "split1_test_score", "split2_test_score"):
        np.testing.assert_array_equal(ours.cv_results_[name], theirs.cv_results_[name])


def test_a_class_missing_from_a_fold_is_missing_from_its_network_alone() -> None:
    X, y = WINE
    y = y.copy()
    y[-1] = 7
    last = [(np.arange(0, 177), np.arange(170, 178)[-1:]), (np.arange(1, 178), np.arange(1))]
    ours = MLPClassifierCV(ALPHAS, (5,), cv=last, refit=False, **OPTIONS).fit(X, y)
    theirs = GridSearchCV(reference.MLPClassifier((5,), **OPTIONS), {"alpha": ALPHAS}, cv=last, refit=False).fit(X, y)
    assert_the_same_table(ours.cv_results_, theirs.cv_results_)
    assert ours.oof_probabilities_.shape == (178, 4) and ours.oof_probabilities_[-1, 3] == 0


def test_groups_sparse_inputs_labels_of_text_and_several_labels() -> None:
    X, y = WINE
    groups = np.arange(178) // 9
    names = np.array(["red", "white", "green"])[y]
    ours = MLPClassifierCV(ALPHAS, (5,), cv=GroupKFold(3), **OPTIONS).fit(csr_array(X), names, groups=groups)
    theirs = GridSearchCV(reference.MLPClassifier((5,), **OPTIONS), {"alpha": ALPHAS}, cv=GroupKFold(3))
    assert_the_same_table(ours.cv_results_, theirs.fit(csr_array(X), names, groups=groups).cv_results_)
    assert set(ours.oof_predictions_) <= set(names)
    labels = np.stack([y == 0, y == 2, X[:, 0] > 0], 1).astype(int)
    several = MLPClassifierCV(ALPHAS, (5,), cv=ShuffleSplit(2, random_state=0), **OPTIONS).fit(X, labels)
    theirs = GridSearchCV(
        reference.MLPClassifier((5,), **OPTIONS), {"alpha": ALPHAS}, cv=ShuffleSplit(2, random_state=0)
    )
    assert_the_same_table(several.cv_results_, theirs.fit(X, labels).cv_results_)
    np.testing.assert_array_equal(several.predict(X), theirs.predict(X))


@pytest.mark.parametrize("cv", ["loo", "bootstrap", "subsampling", 3, None])
def test_every_way_of_splitting_is_understood(cv: Any) -> None:
    X, y = WINE[0][::6], WINE[1][::6]
    found = MLPClassifierCV([0.1], (3,), cv=cv, max_iter=2, random_state=0).fit(X, y)
    assert found.n_splits_ == {"loo": len(y), "bootstrap": 50, "subsampling": 50, 3: 3, None: 5}[cv]


def test_early_stopping_fixes_the_epochs_of_the_last_fit() -> None:
    X, y = WINE
    found = MLPClassifierCV([0.01], (6,), cv=5, early_stopping=True, **{**OPTIONS, "max_iter": 60}).fit(X, y)
    alone = []
    for train, _ in found.splits_:
        network = MLPClassifier((6,), alpha=0.01, early_stopping=True, **{**OPTIONS, "max_iter": 60})
        scores = network.fit(X[train], y[train]).validation_scores_ or []
        alone.append(int(np.argmax(scores)) + 1)
    assert found.refit_epochs_ == found.n_iter_ == round(float(np.median(alone)))
    assert not found.best_estimator_.early_stopping


def test_the_simplest_candidate_within_one_standard_error_is_named() -> None:
    X, y = WINE
    found = MLPClassifierCV([1e-4, 1e-3, 0.1], (6,), cv=5, **{**OPTIONS, "max_iter": 40}).fit(X, y)
    scores = np.stack([found.cv_results_[f"split{split}_test_score"] for split in range(5)], axis=1)
    least = found.best_score_ - scores[found.best_index_].std(ddof=1) / np.sqrt(5)
    assert found.cv_results_["mean_test_score"][found.one_standard_error_index_] >= least
    assert found.one_standard_error_index_ >= found.best_index_


def test_leaving_one_out_scores_figures_by_their_squared_errors() -> None:
    X, y = DIABETES[0][:25], DIABETES[1][:25]
    found = MLPRegressorCV([0.1, 1.0], (3,), cv="loo", max_iter=5, random_state=0).fit(X, y)
    assert found.scoring_ == "neg_mean_squared_error"
    expected = -((found.oof_predictions_ - y) ** 2).mean()
    assert found.best_score_ == pytest.approx(expected)


def test_networks_that_diverge_score_nan_and_are_told_of() -> None:
    X, y = DIABETES
    options: dict[str, Any] = {"solver": "sgd", "learning_rate_init": 0.05, "max_iter": 30, "random_state": 0}
    with np.errstate(all="ignore"), pytest.warns(FitFailedWarning, match="5 of 10 networks"):
        found = MLPRegressorCV([0.1, 1e9], (4,), cv=5, **options).fit(X, y)
    assert found.best_params_ == {"alpha": 0.1}
    assert np.isnan(found.cv_results_["mean_test_score"][1]) and found.cv_results_["rank_test_score"][1] == 2
    with np.errstate(all="ignore"), pytest.raises(DataError, match="no network came to finite numbers"):
        MLPRegressorCV([1e9], (4,), cv=5, **options).fit(X, y)


def test_a_selection_that_was_ended_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = WINE
    monkeypatch.setattr("percept.estimators.stack.A_WHILE", 0.0)  # a block for each fold
    begun: list[int] = []
    from percept.estimators.stack import run_block

    def counted(*given: Any, **named: Any) -> Any:
        begun.append(1)
        return run_block(*given, **named)

    def ended(done: int, total: int) -> None:
        if done >= total / 2:
            raise KeyboardInterrupt

    options = {**OPTIONS, "hidden_layer_sizes": (5,), "cv": 6, "return_train_score": True}
    expected = MLPClassifierCV(ALPHAS, **options).fit(X, y)
    monkeypatch.setattr(network_selection, "run_block", counted)
    with pytest.raises(KeyboardInterrupt):
        MLPClassifierCV(ALPHAS, folder=tmp_path, progress=ended, **options).fit(X, y)
    first = len(begun)
    kept = sorted(tmp_path.iterdir())
    assert 1 < first < 6 and len(kept) == first - 1
    kept[0].write_bytes(kept[0].read_bytes()[:200])  # a file that was cut off is trained again
    told: list[tuple[int, int]] = []
    found = MLPClassifierCV(
        ALPHAS, folder=tmp_path, progress=lambda done, total: told.append((done, total)), **options
    ).fit(X, y)
    assert len(begun) == first + 6 - (first - 2)
    assert_the_same_table(found.cv_results_, expected.cv_results_)
    np.testing.assert_array_equal(found.oof_probabilities_, expected.oof_probabilities_)
    assert told[-1] == (18, 18) and told == sorted(told)
    MLPClassifierCV(ALPHAS, folder=tmp_path, **{**options, "max_iter": 16}).fit(X, y)  # another one takes nothing over
    assert len(begun) == first + 6 - (first - 2) + 6


BAD: list[tuple[dict[str, Any], str]] = [
    ({"alphas": []}, "alphas is"),
    ({"alphas": [-1.0]}, "alphas is -1"),
    ({"alphas": 0.1}, "alphas is 0.1"),
    ({"cv": "lo"}, "cv is 'lo'"),
    ({"cv": 1}, "cv is 1"),
    ({"cv": [(np.arange(9), np.arange(8, 12))]}, "trains on samples that it tests on"),
    ({"hidden_layer_sizes": [(3,), (0,)]}, "hidden_layer_sizes"),
    ({"restarts": 0}, "restarts is 0"),
    ({"preprocessing": "scale"}, "preprocessing is 'scale'"),
    ({"scoring": "acc"}, "acc"),
    ({"activation": "rel"}, "did you mean relu"),
]


@pytest.mark.parametrize(("named", "said"), BAD)
def test_arguments_that_make_no_sense_are_refused_in_words(named: dict[str, Any], said: str) -> None:
    with pytest.raises((OptionError, DataError, ValueError), match=said):
        MLPClassifierCV(**{"alphas": [0.1], "hidden_layer_sizes": (3,), "max_iter": 2, **named}).fit(*WINE)


def test_without_a_last_fit_there_is_nothing_to_ask() -> None:
    found = MLPClassifierCV([0.1], (3,), refit=False, max_iter=2).fit(*WINE)
    with pytest.raises(OptionError, match="set refit=True"):
        found.predict(WINE[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", [MLPClassifierCV, MLPRegressorCV])
def test_scikit_learns_checks_find_nothing(kind: Any) -> None:
    check_estimator(kind())


@pytest.mark.parametrize("kind", [MLPClassifierCV, MLPRegressorCV])
def test_scikit_learns_checks_of_a_small_selection_find_nothing(kind: Any) -> None:
    check_estimator(kind([0.1], (50,), cv=2, learning_rate_init=0.01))


@pytest.mark.slow
def test_five_thousand_networks_take_less_than_half_a_gigabyte() -> None:
    import subprocess
    import sys

    code = """
import resource, warnings
warnings.simplefilter("ignore")
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from percept import MLPClassifierCV
from percept.training.stacked import compiled
compiled.ready(np.dtype(float))
X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
MLPClassifierCV(np.logspace(-4, 1, 10), (32, 16), cv=10, restarts=50, max_iter=2, random_state=0, refit=False).fit(X, y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 500  # megabytes above the import


@pytest.mark.parametrize("named", [{}, {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30}])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_network_of_a_fold_is_the_one_trained_alone_to_the_last_bit(
    dtype: Any, named: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled.ready(np.dtype(dtype))
    X, y = WINE[0].astype(dtype), WINE[1]
    seen: list[tuple[Block, Trials]] = []

    def watched(block: Block, **how: Any) -> Trials:
        seen.append((block, run_block(block, **how)))
        return seen[-1][1]

    monkeypatch.setattr(network_selection, "run_block", watched)
    options = {**OPTIONS, **named, "hidden_layer_sizes": (9, 5)}
    MLPClassifierCV(ALPHAS, cv=4, refit=False, **options).fit(X, y)
    for block, trials in seen:
        for job, parameters in zip(block.jobs, trials.parameters, strict=True):
            train = job.fold.train
            alone = MLPClassifier(alpha=job.alpha, **options).fit(X[train], y[train])
            own = [part.ravel() for pair in zip(alone.coefs_, alone.intercepts_, strict=True) for part in pair]
            np.testing.assert_array_equal(parameters, np.concatenate(own))


def test_the_kernel_is_what_trains_a_stack() -> None:
    assert compiled.loaded(np.dtype(np.float64))  # by the tests above, on data of this size
