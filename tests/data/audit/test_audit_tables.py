"""The audit of tables: planted faults, counts known from the files' own descriptions, and pandas as oracle."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from percept.data.audit import Finding, audit_table
from percept.data.builtin import BUILTIN, load_builtin
from percept.data.columns import fit_columns
from percept.data.dataset import Dataset, PictureArray, Table, Target
from percept.data.tables import read_table

TABULAR = Path(__file__).parents[4] / "shared/data/tabular"
ROWS = 200
CLASSES = ("well", "sick")


def dataset_of(frame: pd.DataFrame, target: Target | None = None) -> Dataset:
    rows = len(frame)
    target = target or Target("classification", _random().integers(0, 2, rows), CLASSES, "outcome")
    return Dataset("made", Table(frame), target, tuple(map(str, range(rows))), np.full(rows, "", dtype="<U10"))


def found(dataset: Dataset) -> dict[str, Finding]:
    return {finding.kind: finding for finding in audit_table(dataset)}


def _random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def noise(**columns: object) -> pd.DataFrame:
    values = _random(1).normal(size=(ROWS, 2))
    return pd.DataFrame({"first": values[:, 0], "second": values[:, 1], **columns})


def test_a_faultless_table_is_only_counted() -> None:
    assert list(found(dataset_of(noise()))) == ["class_counts"]


def test_missing_cells_are_named_most_first() -> None:
    some, most = np.ones(ROWS), np.arange(ROWS) * 1.5
    some[:20], most[:101] = np.nan, np.nan
    findings = found(dataset_of(noise(some=some, most=most)))
    assert findings["missing_cells"].files == ("most", "some")
    assert findings["missing_cells"].text == "2 of 4 columns have missing cells, most the most, in 50 % of its rows"
    assert (findings["mostly_missing"].severity, findings["mostly_missing"].files) == ("warning", ("most",))


def test_a_column_with_one_value_is_constant_unless_cells_are_missing() -> None:
    findings = found(dataset_of(noise(same=np.ones(ROWS), holed=["a"] * 150 + [None] * 50)))
    assert findings["constant_columns"].files == ("same",)


def test_names_of_rows_are_identifiers_and_dates_and_measurements_are_not() -> None:
    days = pd.date_range("2024-01-01", periods=ROWS).strftime("%Y-%m-%d").astype(object)
    frame = noise(name=[f"patient {row}" for row in range(ROWS)], number=np.arange(ROWS)[::-1] + 7.0, day=days)
    assert found(dataset_of(frame))["identifier_columns"].files == ("name", "number")


@settings(max_examples=30, deadline=None)
@given(distinct=st.integers(1, 120), rows=st.integers(20, 120), missing=st.integers(0, 15))
def test_text_is_an_identifier_exactly_where_the_preprocessing_leaves_it_out(
    distinct: int, rows: int, missing: int
) -> None:
    text = pd.Series([f"t{row % distinct}" for row in range(rows)], dtype=object)
    text.iloc[:missing] = None
    frame = pd.DataFrame({"x": _random().normal(size=rows), "text": text})
    left_out = any("different texts" in reason for reason in fit_columns(frame).dropped)
    assert ("identifier_columns" in found(dataset_of(frame))) == left_out


def test_text_of_many_categories_is_a_note() -> None:
    city = np.array([f"city {row % 60}" for row in range(ROWS)], dtype=object)
    finding = found(dataset_of(noise(city=city)))["many_categories"]
    assert (finding.severity, finding.files) == ("note", ("city",))
    assert "city the most (60)" in finding.text


def test_columns_that_say_the_same_are_grouped() -> None:
    grade = _random().integers(0, 5, ROWS)
    frame = noise(grade=grade.astype(np.float64), word=[f"g{number}" for number in grade])
    frame["scaled"] = -3 * frame["first"] + 2
    finding = found(dataset_of(frame))["doubled_columns"]
    assert (finding.count, finding.files) == (2, ("first", "scaled", "grade", "word"))


def test_columns_without_repeated_values_are_not_taken_for_copies() -> None:
    assert "doubled_columns" not in found(dataset_of(noise(third=_random().permutation(ROWS) / 7)))


def test_a_column_that_parts_the_classes_is_suspected() -> None:
    target = Target("classification", _random().integers(0, 2, ROWS), CLASSES, "outcome")
    values = target.values
    threshold = _random(2).uniform(0, 1, ROWS) + 2 * values
    almost = threshold.copy()
    almost[np.flatnonzero(values == 0)[0]] = 2.5
    coded = np.array(["a", "b", "c", "d"], dtype=object)[2 * values.astype(int) + _random(3).integers(0, 2, ROWS)]
    absent = np.where(values == 1, np.nan, threshold)  # filled in only for one class
    frame = noise(threshold=threshold, almost=almost, coded=coded, absent=absent)
    finding = found(dataset_of(frame, target))["leak_suspects"]
    assert (finding.severity, finding.files) == ("warning", ("threshold", "coded", "absent"))
    assert "outcome" in finding.text


def test_a_class_of_few_rows_is_parted_by_chance_and_raises_no_suspicion() -> None:
    labels = np.zeros(ROWS, dtype=np.int64)
    labels[:9] = 1
    target = Target("classification", labels, CLASSES)
    assert "leak_suspects" not in found(dataset_of(noise(extreme=labels * 5 + np.arange(ROWS) / 1000), target))


def test_a_column_that_rises_with_the_figure_is_suspected() -> None:
    figures = _random().normal(size=ROWS)
    logarithm, noisy = np.exp(figures), figures + _random(2).normal(size=ROWS)
    logarithm[:30] = np.nan
    frame = noise(logarithm=logarithm, noisy=noisy, few=np.sign(figures))
    finding = found(dataset_of(frame, Target("regression", figures, name="price")))["leak_suspects"]
    assert finding.files == ("logarithm",)


def test_repeated_rows_are_counted_as_pandas_counts_them() -> None:
    frame = pd.DataFrame({"a": _random(2).integers(0, 40, ROWS) * 1.0})
    frame["b"] = np.array(["x", "y", None], dtype=object)[_random(3).integers(0, 3, ROWS)]
    dataset = dataset_of(frame)
    whole = frame.assign(target=dataset.target.values)
    findings = found(dataset)
    assert findings["repeated_rows"].files == tuple(map(str, np.flatnonzero(whole.duplicated())))
    several = whole.groupby(["a", "b"], dropna=False)["target"].transform("nunique") > 1
    assert findings["contradicting_rows"].files == tuple(map(str, np.flatnonzero(several)))


def test_the_mistakes_that_contradictions_force_are_counted() -> None:
    frame = noise()
    frame.iloc[:5] = frame.iloc[0].to_numpy()
    labels = _random().integers(0, 2, ROWS)
    labels[:5] = [0, 1, 1, 1, 0]  # the best answer, 1, is wrong twice
    finding = found(dataset_of(frame, Target("classification", labels, CLASSES)))["contradicting_rows"]
    assert (finding.severity, finding.count) == ("warning", 5)
    assert finding.text.endswith("any model is wrong on at least 2 of them")


def test_rows_known_from_another_part_are_a_warning() -> None:
    frame = noise()
    frame.iloc[150] = frame.iloc[3].to_numpy()
    labels = _random().integers(0, 2, ROWS)
    labels[150] = labels[3]
    dataset = dataset_of(frame, Target("classification", labels, CLASSES))
    dataset.given[100:] = "test"
    assert found(dataset)["rows_across_parts"].files == ("3", "150")


def test_far_and_skewed_targets_are_said_by_their_definitions() -> None:
    figures = np.concatenate([np.arange(199.0), [1000.0]])  # quartiles 49.75 and 149.25: outliers beyond 447.75
    findings = found(dataset_of(noise(), Target("regression", figures + 1, name="price")))
    assert findings["far_targets"].files == ("199",)
    assert findings["skewed_target"].text.endswith("its logarithm may be easier to learn")
    assert not {"far_targets", "skewed_target"} & set(
        found(dataset_of(noise(), Target("regression", figures[:199].repeat(2)[:ROWS])))
    )


@pytest.mark.parametrize("name", [name for name in BUILTIN if name != "digits"])
def test_builtin_tables_have_no_errors_or_warnings(name: str) -> None:
    assert {finding.severity for finding in audit_table(load_builtin(name))} <= {"note"}


@pytest.mark.skipif(not TABULAR.exists(), reason="the shared data sets are not beside this checkout")
@pytest.mark.parametrize(
    ("file", "kind", "count"),
    [
        ("winequality-white.csv", "repeated_rows", 937),  # 4,898 rows, 3,961 of them different
        ("ionosphere.csv", "constant_columns", 1),  # the second column is 0 throughout
        ("adult-train.csv.gz", "missing_cells", 3),  # adult.names: "?" in workclass, occupation, native-country
        ("breast-cancer-wisconsin.csv", "missing_cells", 1),  # its .names: 16 missing values, all of attribute 7
    ],
)
def test_known_faults_of_known_tables_are_found(file: str, kind: str, count: int) -> None:
    assert found(read_table(TABULAR / file, target="-1"))[kind].count == count


def test_pictures_are_refused() -> None:
    pixels: NDArray[np.uint8] = np.zeros((2, 8, 8, 1), dtype=np.uint8)
    dataset = Dataset(
        "made",
        PictureArray(pixels),
        Target("classification", np.array([0, 1]), CLASSES),
        ("0", "1"),
        np.array(["", ""]),
    )
    with pytest.raises(TypeError, match="audit_pictures takes pictures"):
        audit_table(dataset)


def test_an_empty_table_and_a_single_row_have_nothing_to_say_beyond_their_counts() -> None:
    one = dataset_of(pd.DataFrame({"x": [1.0]}), Target("regression", np.array([2.0])))
    assert set(found(one)) == {"constant_columns"}
    assert found(dataset_of(pd.DataFrame(index=range(2)), Target("regression", np.array([2.0, 3.0])))).keys() <= {
        "contradicting_rows"
    }
