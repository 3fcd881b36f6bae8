"""Rows to predict find their columns by name or position, whole or piece by piece."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from percept.data.columns import TablePreprocessing, fit_columns
from percept.data.dataset import Table
from percept.data.new_rows import read_features, stream_features
from percept.data.tables import arrays_table, read_table
from percept.errors import DataError


def _trained(path: Path, target: str, header: bool | None = None) -> tuple[TablePreprocessing, pd.DataFrame]:
    samples = read_table(path, target=target, header=header).samples
    assert isinstance(samples, Table)
    return fit_columns(samples.frame), samples.frame


def _write(path: Path, frame: pd.DataFrame, header: bool = True) -> Path:
    frame.to_csv(path, index=False, header=header)
    return path


@pytest.fixture
def people() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"age": random.integers(18, 90, 40), "sex": random.choice(["f", "m"], 40)})
    frame["code"] = [["7", "8", "x"][number % 3] for number in range(40)]  # text because of the x
    return frame.assign(ill=random.choice(["no", "yes"], 40))


def test_columns_are_found_by_name_in_any_order_with_and_without_the_target(
    tmp_path: Path, people: pd.DataFrame
) -> None:
    preprocessing, frame = _trained(_write(tmp_path / "t.csv", people), "ill")
    for columns in (["sex", "ill", "code", "age"], ["code", "sex", "age"]):
        rows = read_features(_write(tmp_path / "new.csv", people[columns]), preprocessing, target="ill")
        pd.testing.assert_frame_equal(rows, frame)
        pd.testing.assert_frame_equal(read_features(people[columns], preprocessing), frame)


def test_text_stays_text_where_the_new_cells_look_like_numbers(tmp_path: Path, people: pd.DataFrame) -> None:
    preprocessing, _ = _trained(_write(tmp_path / "t.csv", people), "ill")
    new = people[people["code"] != "x"]
    rows = read_features(_write(tmp_path / "new.csv", new), preprocessing)
    assert rows["code"].tolist() == new["code"].tolist()
    assert preprocessing.unknown(rows) == {}


def test_dates_are_taken_from_text_and_from_typed_files_whichever_was_trained_on(tmp_path: Path) -> None:
    moments = pd.date_range("2024-01-30", periods=5, freq="36h")
    typed = pd.DataFrame({"when": moments, "y": [1.5, 2, 3, 4, 5.5]})
    text = _write(tmp_path / "t.csv", typed)
    typed.to_parquet(tmp_path / "t.parquet")
    for train in (text, tmp_path / "t.parquet"):
        preprocessing, _ = _trained(train, "y")
        for new in (text, tmp_path / "t.parquet", typed):
            rows = read_features(new, preprocessing)
            assert rows["when"].diff().dropna().tolist() == [36 * 3600.0] * 4


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_stream_brings_the_same_rows_in_pieces(tmp_path: Path, people: pd.DataFrame, suffix: str) -> None:
    preprocessing, frame = _trained(_write(tmp_path / "t.csv", people), "ill")
    path = tmp_path / f"new.{suffix}"
    people.to_parquet(path) if suffix == "parquet" else _write(path, people)
    pieces = list(stream_features(path, preprocessing, rows=15))
    assert max(map(len, pieces)) <= 15
    joined = pd.concat(pieces)
    assert joined.index.tolist() == list(range(40))
    pd.testing.assert_frame_equal(joined, frame, check_index_type=False)


def test_the_first_rows_come_before_a_later_one_is_found_bad(tmp_path: Path, people: pd.DataFrame) -> None:
    preprocessing, _ = _trained(_write(tmp_path / "t.csv", people), "ill")
    bad = people.astype({"age": object})
    bad.loc[33, "age"] = "old"
    stream = stream_features(_write(tmp_path / "new.csv", bad), preprocessing, rows=10)
    assert sum(len(next(stream)) for _ in range(3)) == 30
    with pytest.raises(DataError, match=r"column age of new\.csv holds 'old' in row 34"):
        next(stream)


@pytest.mark.parametrize("target", ["c0", "c2", "c3"])
def test_columns_without_names_are_found_by_position_with_and_without_the_target(
    tmp_path: Path, people: pd.DataFrame, target: str
) -> None:
    path = _write(tmp_path / "t.csv", people, header=False)
    if target == "c0":
        people = people[["ill", "age", "sex", "code"]]
        _write(path, people, header=False)
    preprocessing, frame = _trained(path, target, header=False)
    names = [f"c{number}" for number in range(4)]
    without = people.set_axis(names, axis=1).drop(columns=target)
    for new in (people, without, people.iloc[:1], without.iloc[:1]):
        rows = read_features(_write(tmp_path / "new.csv", new, header=False), preprocessing, target=target)
        pd.testing.assert_frame_equal(rows, frame.iloc[: len(new)])


def test_a_wrong_number_of_columns_without_names_is_refused(tmp_path: Path, people: pd.DataFrame) -> None:
    path = _write(tmp_path / "t.csv", people, header=False)
    preprocessing, _ = _trained(path, "c3")
    with pytest.raises(DataError, match=r"new\.csv has 2 columns without names; the model takes 3"):
        read_features(_write(tmp_path / "new.csv", people[["age", "sex"]], header=False), preprocessing, target="c3")


def test_a_missing_column_is_named(tmp_path: Path, people: pd.DataFrame) -> None:
    preprocessing, _ = _trained(_write(tmp_path / "t.csv", people), "ill")
    for suffix in ("csv", "parquet"):
        path = tmp_path / f"new.{suffix}"
        people.drop(columns="age").to_parquet(path) if suffix == "parquet" else _write(path, people.drop(columns="age"))
        with pytest.raises(DataError, match=rf"new\.{suffix} lacks the column age"):
            read_features(path, preprocessing)


def test_a_column_that_training_dropped_need_not_come_back(tmp_path: Path, people: pd.DataFrame) -> None:
    preprocessing, _ = _trained(_write(tmp_path / "t.csv", people.assign(same=1)), "ill")
    assert len(read_features(people, preprocessing)) == 40


def test_an_array_is_taken_in_training_order() -> None:
    X = np.random.default_rng(0).normal(size=(30, 3))
    samples = arrays_table(X, X[:, 0], feature_names=["p", "q", "r"]).samples
    assert isinstance(samples, Table)
    preprocessing = fit_columns(samples.frame)
    np.testing.assert_array_equal(read_features(X[:5], preprocessing).to_numpy(), X[:5])
    with pytest.raises(DataError, match="2 columns"):
        read_features(X[:, :2], preprocessing)
    with pytest.raises(DataError, match="expected \\(rows, features\\)"):
        read_features(X[0], preprocessing)


def test_a_file_without_rows_is_refused(tmp_path: Path, people: pd.DataFrame) -> None:
    preprocessing, _ = _trained(_write(tmp_path / "t.csv", people), "ill")
    with pytest.raises(DataError, match="no rows"):
        read_features(_write(tmp_path / "new.csv", people.iloc[:0]), preprocessing)
