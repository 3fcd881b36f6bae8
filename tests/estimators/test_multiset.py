"""Samples as a weighted multiset: against Python's own Counter, and what it means for a perceptron's weights."""

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix
from sklearn import linear_model
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning

from percept.estimators import multiset
from percept.estimators.multiset import Samples, as_multiset
from percept.estimators.perceptron import Perceptron

OPTIONS: list[dict[str, Any]] = [
    {},
    {"penalty": "l2", "alpha": 0.01},
    {"penalty": "l1", "fit_intercept": False},
    {"class_weight": "balanced", "random_state": 3},
    {"pocket": True, "output": "step"},
]
KINDS = st.sampled_from([np.asarray, csr_array, csr_matrix])
TYPES = st.sampled_from([np.float64, np.float32])


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@dataclass(frozen=True)
class Table:
    """Rows of small numbers, so that many are equal, their classes, whole weights, and another order."""

    X: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[np.float64]
    order: NDArray[np.int64]


@st.composite
def tables(draw: Any) -> Table:
    samples, features = draw(st.integers(2, 12)), draw(st.integers(1, 3))
    numbers = st.lists(st.sampled_from([0.0, -0.0, 1.0, -2.0, 0.5]), min_size=features, max_size=features)
    X = np.array(draw(st.lists(numbers, min_size=samples, max_size=samples)))
    labels = draw(st.lists(st.integers(0, 2), min_size=samples, max_size=samples))
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=samples, max_size=samples)), float)
    weights[:2] = np.maximum(weights[:2], 1)
    labels[:2] = [0, 1]
    for label in range(3):  # each class that is there has some weight
        weights[labels.index(label) if label in labels else 0] += 1
    return Table(X, np.array(["a", "b", "c"])[labels], weights, np.array(draw(st.permutations(range(samples)))))


def content(samples: Samples) -> dict[tuple[Any, ...], float]:
    X = samples.X if isinstance(samples.X, np.ndarray) else samples.X.toarray()
    assert len(X) == len(samples.y) == len(samples.weights) == len(samples.rows)
    rows = [(*row, label) for row, label in zip(X.tolist(), samples.y, strict=True)]
    return dict(zip(rows, samples.weights.tolist(), strict=True))


def same(one: Perceptron, other: Perceptron) -> None:
    for name in ("coef_", "intercept_", "pocket_coef_", "pocket_intercept_", "mistakes_", "classes_"):
        for ours, theirs in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@given(tables(), KINDS)
def test_equal_rows_are_counted_as_by_pythons_counter(table: Table, kind: Any) -> None:
    keys = [(*(row + 0.0).tolist(), label) for row, label in zip(table.X, table.y, strict=True)]
    counter: Counter[tuple[Any, ...]] = Counter()
    first: dict[tuple[Any, ...], int] = {}
    for row, (key, weight) in enumerate(zip(keys, table.weights.tolist(), strict=True)):
        if weight:
            counter[key] += weight
            first.setdefault(key, row)
    samples = as_multiset(kind(table.X), table.y, table.weights)
    assert content(samples) == dict(counter)
    assert samples.rows.tolist() == [first[key] for key in content(samples)]


@given(tables(), TYPES)
def test_dense_and_sparse_tables_in_any_order_give_the_same_samples(table: Table, dtype: Any) -> None:
    weights = (table.weights / 3 + (table.weights == 3)).astype(dtype)  # no whole ones
    one = as_multiset(table.X.astype(dtype), table.y, weights)
    for kind in (np.asarray, csr_array):
        other = as_multiset(kind(table.X[table.order].astype(dtype)), table.y[table.order], weights[table.order])
        assert list(content(one).items()) == list(content(other).items())
        assert one.X.dtype == other.X.dtype == other.weights.dtype == dtype


def test_weights_add_up_to_the_same_bits_in_any_order() -> None:
    weights = np.array([1.0, 2.0**53, 1.0])  # from the largest on, each 1 would be rounded off
    for turn in range(3):
        samples = as_multiset(np.ones((3, 1)), np.zeros(3, int), np.roll(weights, turn))
        assert samples.weights.tolist() == [2.0**53 + 2]


@settings(deadline=None)
@given(tables(), KINDS, TYPES, st.sampled_from(OPTIONS))
def test_whole_weights_are_the_same_as_repeats(table: Table, kind: Any, dtype: Any, options: dict[str, Any]) -> None:
    X, counts = table.X.astype(dtype), table.weights.astype(int)
    weighted = Perceptron(max_iter=6, **options).fit(kind(X), table.y, sample_weight=table.weights)
    repeated = Perceptron(max_iter=6, **options).fit(kind(X.repeat(counts, axis=0)), table.y.repeat(counts))
    same(weighted, repeated)
    assert weighted.t_ == 1 + weighted.n_iter_ * len(X)


@settings(deadline=None)
@given(tables(), KINDS, st.sampled_from(OPTIONS))
def test_the_order_of_rows_does_not_matter_where_some_repeat(table: Table, kind: Any, options: dict[str, Any]) -> None:
    X, y, weights = (np.concatenate([part, part[:1]]) for part in (table.X, table.y, table.weights))
    order = np.append(table.order, len(y) - 1)[::-1]
    forward = Perceptron(max_iter=6, **options).fit(kind(X), y, sample_weight=weights)
    same(forward, Perceptron(max_iter=6, **options).fit(kind(X[order]), y[order], sample_weight=weights[order]))


@settings(deadline=None)
@given(tables(), KINDS, st.booleans())
def test_distinct_rows_without_weights_give_scikit_learns_weights_to_the_last_bit(
    table: Table, kind: Any, ones: bool
) -> None:
    pairs = zip((table.X + 0.0).tolist(), table.y, strict=True)
    rows = list({(*row, label): at for at, (row, label) in enumerate(pairs)}.values())
    X, y, weights = kind(table.X[rows]), table.y[rows], np.ones(len(rows)) if ones else None
    theirs, ours = (each(max_iter=6).fit(X, y, sample_weight=weights) for each in (linear_model.Perceptron, Perceptron))
    np.testing.assert_array_equal(ours.coef_, theirs.coef_)
    np.testing.assert_array_equal(ours.intercept_, theirs.intercept_)


def test_rows_of_weight_zero_are_as_if_they_were_not_there() -> None:
    X, y = make_classification(60, 4, random_state=1)
    weights = np.arange(60) % 3 > 0
    theirs = linear_model.Perceptron().fit(X[weights], y[weights])
    assert np.array_equal(Perceptron().fit(X, y, sample_weight=weights).coef_, theirs.coef_)


def test_negative_weights_leave_the_table_to_scikit_learns_rule() -> None:
    X, y = (np.repeat(part, 2, axis=0) for part in make_classification(40, 4, random_state=1))
    weights = np.arange(80) % 4 - 0.5
    theirs, ours = (kind().fit(X, y, sample_weight=weights) for kind in (linear_model.Perceptron, Perceptron))
    assert np.array_equal(ours.coef_, theirs.coef_)


def test_without_shuffling_repeats_stay_where_they_are() -> None:
    X, y = (np.repeat(part, 2, axis=0) for part in make_classification(40, 4, random_state=1))
    weights = np.arange(80) % 4
    models = (kind(shuffle=False, class_weight="balanced") for kind in (linear_model.Perceptron, Perceptron))
    theirs, ours = (model.fit(X, y, sample_weight=weights) for model in models)
    assert np.array_equal(ours.coef_, theirs.coef_)
    assert ours.t_ == theirs.t_


@pytest.mark.parametrize("options", [{"early_stopping": True}, {"class_weight": "balanced"}, {"warm_start": True}])
def test_held_out_samples_balance_and_going_on_follow_the_multiset(options: dict[str, Any]) -> None:
    X, y = make_classification(90, 5, n_informative=3, n_classes=3, flip_y=0.1, random_state=2)
    counts = np.random.default_rng(0).integers(0, 4, len(y))
    order = np.random.default_rng(1).permutation(counts.sum())
    weighted, repeated = Perceptron(**options), Perceptron(**options)
    for _ in range(2):
        weighted.fit(X, y, sample_weight=counts)
        repeated.fit(X.repeat(counts, axis=0)[order], y.repeat(counts)[order])
        same(weighted, repeated)


@pytest.mark.parametrize("weights", [[1, 2, 0, 0], [1, 1, 0, 0]])
def test_balance_takes_a_class_without_weight_for_one_that_is_not_there(weights: list[int]) -> None:
    X, y = np.arange(8.0).reshape(4, 2), [0, 1, 2, 1]
    model = Perceptron(class_weight="balanced", max_iter=5).fit(X, y, sample_weight=weights)
    assert model.classes_.tolist() == [0, 1, 2]
    assert np.isfinite(model.coef_).all()


def test_the_trace_points_at_the_first_of_equal_rows_and_replays() -> None:
    X, y = make_classification(30, 3, n_informative=3, n_redundant=0, flip_y=0.2, random_state=0)
    X, y = np.concatenate([X, X[::-1]]), np.concatenate([y, y[::-1]])
    model = Perceptron(trace=True, eta0=0.5, max_iter=4).fit(X, y)
    trace = model.trace_
    assert trace.sample.max() < 30
    assert np.array_equal(trace.target, np.where(y[trace.sample] == 1, 1, -1))
    steps = 0.5 * 2 * trace.target[:, None] * np.column_stack([np.ones(len(trace)), X[trace.sample]])
    np.testing.assert_allclose(trace.weights, np.cumsum(steps, axis=0), atol=1e-12)


def test_the_trace_counts_rows_of_weight_zero() -> None:
    X, y = make_classification(30, 3, n_informative=3, n_redundant=0, random_state=0)
    model = Perceptron(trace=True, max_iter=3).fit(X, y, sample_weight=np.arange(30) >= 10)
    assert model.trace_.sample.min() >= 10
    assert np.array_equal(model.trace_.target, np.where(y[model.trace_.sample] == 1, 1, -1))


def test_advice_counts_distinct_samples_and_says_so() -> None:
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    with pytest.warns(ConvergenceWarning, match="of 4 distinct training samples are wrong because"):
        Perceptron().fit(np.tile(corners, (5, 1)), [0, 1, 1, 0] * 5)
    with pytest.warns(ConvergenceWarning, match="of 4 training samples are wrong because"):
        Perceptron().fit(corners, [0, 1, 1, 0], sample_weight=[1, 2, 3, 4])


def test_a_class_of_one_distinct_sample_cannot_be_held_out_of() -> None:
    X, y = [[0.0]] * 9 + [[1.0], [2.0], [3.0]] * 3, [0] * 9 + [1] * 9
    with pytest.raises(ValueError, match="early_stopping.*one class has only 1"):
        Perceptron(early_stopping=True).fit(X, y)


def test_sparse_rows_stored_in_another_way_are_equal_and_stay_as_they_are() -> None:
    data, columns = np.array([2.0, 0.5, 0.5, 0.0, -0.0, 1.0, 2.0, 1.0, 2.0]), np.array([2, 0, 0, 1, 1, 0, 2, 0, 2])
    X = csr_matrix((data, columns, np.array([0, 4, 7, 9])), shape=(3, 3))
    before = X.copy()
    samples = as_multiset(X, np.array([0, 0, 0]), None)
    assert content(samples) == {(1.0, 0.0, 2.0, 0): 3.0}
    assert samples.X.nnz == 2
    for name in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(X, name), getattr(before, name))


def test_different_rows_of_one_key_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = multiset._factors
    monkeypatch.setattr(
        multiset, "_factors", lambda columns, salt: factors(columns, salt) if salt else np.ones(columns, np.uint64)
    )
    X, y = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]), np.array([0, 0, 0])
    for kind in (np.asarray, csr_array):
        assert content(as_multiset(kind(X), y, None)) == {(1.0, 2.0, 0): 2.0, (2.0, 1.0, 0): 1.0}
