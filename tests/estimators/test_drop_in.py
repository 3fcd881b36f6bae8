"""Code written for scikit-learn's classes gives the same with percept's, when only the import line changes."""

import io
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import config_context, linear_model, neural_network
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate, learning_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import percept

X, Y = (np.delete(part, 142, axis=0) for part in load_iris(return_X_y=True))  # without the row that is there twice
FRAME = pd.DataFrame(X, columns=["sepal length", "sepal width", "petal length", "petal width"])
NAMES = pd.Series(np.array(["setosa", "versicolor", "virginica"])[Y])
THEIRS = SimpleNamespace(
    Perceptron=linear_model.Perceptron,
    MLPClassifier=neural_network.MLPClassifier,
    MLPRegressor=neural_network.MLPRegressor,
)


@pytest.fixture(autouse=True)
def _short_training_is_meant() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def network(library: Any, **options: Any) -> Any:
    return library.MLPClassifier(**{"hidden_layer_sizes": 8, "max_iter": 20, "random_state": 0} | options)


def scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def search_with_workers_on_a_frame_of_named_classes(library: Any) -> Any:
    choices = {"mlpclassifier__alpha": [1e-4, 10.0], "mlpclassifier__activation": ["tanh", "relu"]}
    search = GridSearchCV(scaled(network(library)), choices, cv=3, n_jobs=2).fit(FRAME, NAMES)
    return search.cv_results_["mean_test_score"], search.best_estimator_.predict(FRAME)


def cross_validation(library: Any) -> Any:
    model = scaled(library.Perceptron())
    return cross_val_score(model, FRAME, NAMES, cv=4), cross_val_predict(
        scaled(network(library)), X, Y, cv=3, method="predict_proba"
    )


def learning_curve_by_partial_fits(library: Any) -> Any:
    curves = [
        learning_curve(model, X, Y, cv=3, exploit_incremental_learning=True, shuffle=True, random_state=0)
        for model in (network(library), library.Perceptron())
    ]
    return [curve[2] for curve in curves]


def perceptron_in_order(library: Any) -> Any:
    """Return a perceptron for weights and repeats, which percept counts in its own way where the order is drawn."""
    return library.Perceptron(shuffle=False)


def weights_routed_through_a_pipeline(library: Any) -> Any:
    with config_context(enable_metadata_routing=True):
        models = [
            each.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
            for each in (network(library), perceptron_in_order(library))
        ]
        weights = {"sample_weight": np.linspace(0.1, 1, len(Y))}
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        return [
            cross_validate(make_pipeline(scaler, each), X, Y, params=weights, cv=3)["test_score"] for each in models
        ]


def ensembles(library: Any) -> Any:
    members = [("network", network(library)), ("perceptron", library.Perceptron())]
    stack = StackingClassifier(members, network(library)).fit(X, Y).predict_proba(X)
    bag = BaggingClassifier(network(library), n_estimators=2, random_state=0).fit(X, Y).predict_proba(X)
    return stack, bag, OneVsRestClassifier(network(library)).fit(X, Y).predict_proba(X)


def text_and_categories_as_sparse_columns(library: Any) -> Any:
    words, moods = ["a good film", "a bad film", "great", "awful"] * 5, ["up", "down"] * 10
    text = make_pipeline(TfidfVectorizer(), network(library)).fit(words, moods).predict_proba(words)
    columns = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["x"]), sparse_threshold=1.0)
    frame = pd.DataFrame({"kind": list("abc" * 50)[: len(Y)], "x": X[:, 0]})
    return text, make_pipeline(columns, perceptron_in_order(library)).fit(frame, Y).decision_function(frame)


def a_stored_model_that_goes_on(library: Any) -> Any:
    results = []
    for model in (network(library, early_stopping=True), library.Perceptron(warm_start=True)):
        file = io.BytesIO()
        joblib.dump(model.fit(X, Y), file)
        file.seek(0)
        again = joblib.load(file).set_params(warm_start=True, early_stopping=False)
        results += [again.predict(X), clone(again).fit(X, Y).predict(X), again.t_]
    return results


def several_labels_and_scaled_targets(library: Any) -> Any:
    features, labels = make_multilabel_classification(60, 6, n_classes=3, random_state=0)
    several = network(library).fit(features, csr_array(labels)).predict(features).toarray()
    model = library.MLPRegressor(hidden_layer_sizes=8, max_iter=20, random_state=0)
    return several, TransformedTargetRegressor(model, transformer=StandardScaler()).fit(X, X[:, :2]).predict(X)


def features_chosen_by_their_weights(library: Any) -> Any:
    return SelectFromModel(library.Perceptron(penalty="l1")).fit(X, Y).get_support()


USES: list[Callable[[Any], Any]] = [
    search_with_workers_on_a_frame_of_named_classes,
    cross_validation,
    learning_curve_by_partial_fits,
    weights_routed_through_a_pipeline,
    ensembles,
    text_and_categories_as_sparse_columns,
    a_stored_model_that_goes_on,
    several_labels_and_scaled_targets,
    features_chosen_by_their_weights,
]


def assert_same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, (list, tuple)):
        for own, other in zip(ours, theirs, strict=True):
            assert_same(own, other)
    elif np.asarray(theirs).dtype.kind == "f":
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    else:
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("use", USES)
def test_changing_the_import_line_is_enough(use: Callable[[Any], Any]) -> None:
    assert_same(use(percept), use(THEIRS))
