"""Columns become features as scikit-learn makes them, and stay finite and in order whatever comes at prediction."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from percept.data.columns import MOST_CATEGORIES, TablePreprocessing, fit_columns
from percept.errors import DataError


def _frame(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": random.normal(5, 3, rows), "b": random.normal(-1, 0.1, rows)})
    frame["k"] = random.choice(["x", "y", "z"], rows)
    frame["k"] = frame["k"].astype(object)
    frame.loc[::7, "b"] = np.nan
    return frame


def test_numbers_and_categories_become_what_scikit_learn_makes_of_them() -> None:
    frame = _frame()
    reference = make_column_transformer(
        (StandardScaler(), ["a"]),
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True)), ["b"]),
        (OneHotEncoder(sparse_output=False), ["k"]),
    ).fit_transform(frame)
    known = frame["b"].dropna()
    reference[:, 1] = (reference[:, 1] - known.mean()) / known.std(ddof=0)
    preprocessing = fit_columns(frame)
    assert preprocessing.names == ("a", "b", "b missing", "k = x", "k = y", "k = z")
    np.testing.assert_allclose(preprocessing.transform(frame), reference, rtol=1e-5, atol=1e-6)


def test_the_preprocessing_comes_back_from_json() -> None:
    frame = _frame().assign(tail=np.r_[np.zeros(199), 1e5], when="2024-01-31", one=3.0)
    frame.loc[0, "when"] = "2023-01-31"
    preprocessing = fit_columns(frame)
    back = TablePreprocessing.from_json(json.loads(json.dumps(preprocessing.to_json())))
    assert back == preprocessing
    np.testing.assert_array_equal(back.transform(frame), preprocessing.transform(frame))


def test_columns_may_come_in_another_order_with_others_between_them() -> None:
    frame = _frame()
    preprocessing = fit_columns(frame)
    shuffled = frame[["k", "b", "a"]].assign(extra=1)
    np.testing.assert_array_equal(preprocessing.transform(shuffled), preprocessing.transform(frame))


def test_a_missing_number_becomes_the_median_also_where_training_had_none() -> None:
    preprocessing = fit_columns(pd.DataFrame({"a": [1.0, 2.0, 6.0]}))
    assert preprocessing.names == ("a",)
    filled, median = preprocessing.transform(pd.DataFrame({"a": [np.nan, 2.0]}))
    assert filled == median


def test_a_column_that_tells_nothing_is_dropped_with_its_reason() -> None:
    frame = _frame(60).assign(one=2.0, none=np.nan, word="w", name=[f"n{number}" for number in range(60)])
    preprocessing = fit_columns(frame)
    assert preprocessing.kinds == {"a": "number", "b": "number", "k": "text"}
    assert preprocessing.inputs == tuple(frame.columns)
    reasons = "\n".join(preprocessing.dropped)
    for words in ("one is not used: all its cells are 2", "none is not used: all its cells are missing"):
        assert words in reasons
    assert "word is not used: all its cells are w" in reasons
    assert "name is not used: it has 60 different texts in 60 rows" in reasons
    with pytest.raises(DataError, match="no column can be used"):
        fit_columns(frame[["one", "name"]])


def test_missingness_alone_is_a_feature() -> None:
    preprocessing = fit_columns(pd.DataFrame({"a": [2.0, np.nan, 2.0], "k": ["x", None, "x"]}))
    assert preprocessing.names == ("a", "a missing", "k = x", "k missing")
    rows = preprocessing.transform(pd.DataFrame({"a": [2.0, np.nan], "k": ["x", None]}))
    assert rows.tolist() == [[0, 0, 1, 0], [0, 1, 0, 1]]


def test_rare_categories_share_a_feature_and_are_not_unknown() -> None:
    cells = [f"k{number:02}" for number in range(MOST_CATEGORIES) for _ in range(3)] + ["r1", "r1", "r2", "r2"]
    preprocessing = fit_columns(pd.DataFrame({"k": cells}))
    assert preprocessing.features == MOST_CATEGORIES + 1
    rows = pd.DataFrame({"k": ["r1", "r2", "never", None, "k00"]})
    encoded = preprocessing.transform(rows)
    assert encoded[:, -1].tolist() == [1, 1, 1, 1, 0]
    assert encoded.sum(axis=1).tolist() == [1, 1, 1, 1, 1]
    assert preprocessing.unknown(rows) == {"k": 1}


def test_a_category_never_seen_is_zero_everywhere_and_counted() -> None:
    preprocessing = fit_columns(pd.DataFrame({"k": ["x", "y", "x"], "n": [1.0, 2.0, 3.0]}))
    rows = pd.DataFrame({"k": ["new", "x", "newer"], "n": [1.0, 1.0, 1.0]})
    assert preprocessing.transform(rows)[:, :2].tolist() == [[0, 0], [1, 0], [0, 0]]
    assert preprocessing.unknown(rows) == {"k": 2}
    assert preprocessing.unknown(rows.iloc[1:2]) == {}


def test_truth_values_are_known_however_they_are_written() -> None:
    preprocessing = fit_columns(pd.DataFrame({"k": ["True", "False", "True"]}))
    rows = pd.DataFrame({"k": ["TRUE", "true", "False"]})
    assert preprocessing.transform(rows).tolist() == [[0, 1], [0, 1], [1, 0]]
    assert preprocessing.unknown(rows) == {}


def test_dates_are_scaled_like_their_seconds() -> None:
    texts = ["2024-01-01", "2024-01-02T12:00", "2024-01-04 00:00:00"]
    rows = fit_columns(pd.DataFrame({"when": texts})).transform(pd.DataFrame({"when": texts}))
    days = np.array([0, 1.5, 3])
    np.testing.assert_allclose(rows[:, 0], (days - days.mean()) / days.std(), rtol=1e-5)
    moments = pd.DataFrame({"when": pd.to_datetime(texts, format="ISO8601")})
    np.testing.assert_array_equal(fit_columns(pd.DataFrame({"when": texts})).transform(moments), rows)


@pytest.mark.parametrize("wild", [1e300, -1e308, 1e39])
def test_one_wild_value_does_not_flatten_the_others(wild: float) -> None:
    values = np.r_[np.random.default_rng(0).normal(size=99), wild]
    rows = fit_columns(pd.DataFrame({"a": values})).transform(pd.DataFrame({"a": values}))[:, 0]
    assert rows[:99].std() > 0.3
    assert np.abs(rows).max() < 11


def test_a_long_tail_is_drawn_in_and_keeps_its_order() -> None:
    values = np.r_[np.zeros(900), np.geomspace(1, 1e6, 100)]
    rows = fit_columns(pd.DataFrame({"a": values})).transform(pd.DataFrame({"a": values}))[:, 0]
    assert np.abs(rows).max() < 8
    assert (np.diff(rows) >= 0).all()
    assert (np.diff(rows[900:]) > 0).all()


@given(values=arrays(np.float64, 20, elements=st.floats(-1e300, 1e300)))
def test_inputs_are_finite_whatever_the_numbers(values: np.typing.NDArray[np.float64]) -> None:
    frame = pd.DataFrame({"a": values, "b": np.arange(20.0)})
    preprocessing = fit_columns(frame)
    assert np.isfinite(preprocessing.transform(frame)).all()
    wild = preprocessing.transform(pd.DataFrame({"a": [1e308, -1e308, 0.0], "b": [-1e308, 1e308, 0.0]}))
    assert np.isfinite(wild).all()


def test_text_or_infinity_where_training_had_numbers_is_refused_with_its_place() -> None:
    preprocessing = fit_columns(_frame())
    frame = _frame(3).astype({"a": object})
    frame.loc[1, "a"] = "high"
    with pytest.raises(DataError, match="column a of the table holds 'high' in row 2"):
        preprocessing.transform(frame)
    with pytest.raises(DataError, match="column b of the table holds inf in row 3"):
        preprocessing.transform(_frame(3).assign(b=[1, 2, np.inf]))
    with pytest.raises(DataError, match="lacks the column k"):
        preprocessing.transform(_frame(3)[["a", "b"]])


def test_the_order_of_the_training_rows_does_not_matter() -> None:
    frame = _frame()
    shuffled = fit_columns(frame.sample(frac=1, random_state=1))
    np.testing.assert_allclose(shuffled.transform(frame), fit_columns(frame).transform(frame), atol=1e-6)


def test_rows_become_a_float32_tensor() -> None:
    frame = _frame(4)
    rows = fit_columns(_frame()).transform(frame)
    tensor = fit_columns(_frame()).tensor(rows, torch.device("cpu"))
    assert tensor.dtype == torch.float32
    np.testing.assert_array_equal(tensor.numpy(), rows)
