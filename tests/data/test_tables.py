"""A table becomes a data set: features, target, groups and the user's own test rows, each told in a note."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from percept.data.dataset import Dataset, Table
from percept.data.tables import arrays_table, frame_dataset, read_table
from percept.errors import DataError, OptionError

TABULAR = Path(__file__).parents[2].parent / "shared/data/tabular"
needs_tabular = pytest.mark.skipif(not TABULAR.is_dir(), reason="the tables beside the repository are not there")


def _frame(dataset: Dataset) -> pd.DataFrame:
    assert isinstance(dataset.samples, Table)
    return dataset.samples.frame


def _file(folder: Path, content: str, name: str = "heart.csv") -> Path:
    (folder / name).write_text(content)
    return folder / name


def test_a_table_gives_features_target_and_keys(tmp_path: Path) -> None:
    path = _file(tmp_path, "age,ill,sex\n31,no,f\n42,yes,m\n,no,?\n")
    dataset = read_table(path, target="ill")
    frame = _frame(dataset)
    assert (dataset.name, dataset.kind, len(dataset)) == ("heart", "table", 3)
    assert (dataset.target.classes, dataset.target.values.tolist()) == (("no", "yes"), [0, 1, 0])
    assert dataset.keys == ("1", "2", "3")
    assert dataset.given.tolist() == ["", "", ""]
    assert frame["age"].isna().tolist() == [False, False, True]
    assert frame["sex"].tolist() == ["f", "m", None]
    assert any("2 cells are missing" in note and "age (1), sex (1)" in note for note in dataset.notes)


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.5, None, 2], "k": ["a", None, "b"], "y": ["no", "yes", "no"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    text, parquet = (read_table(tmp_path / name, target="y") for name in ("t.csv", "t.parquet"))
    pd.testing.assert_frame_equal(_frame(text), _frame(parquet))
    assert text.target.values.tolist() == parquet.target.values.tolist()


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.parquet cannot be read as Parquet"):
        read_table(_file(tmp_path, "PAR1 no", "t.parquet"), target="y")


def test_a_column_that_counts_the_rows_is_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n % 7},{'a' if n < 15 else 'b'}\n" for n in range(30))
    dataset = read_table(_file(tmp_path, "Id,x,y\n" + rows), target="y")
    assert _frame(dataset).columns.tolist() == ["x"]
    assert "column Id only counts the rows and is left out" in dataset.notes


def test_a_counting_column_stays_where_it_is_the_only_feature(tmp_path: Path) -> None:
    dataset = read_table(_file(tmp_path, "t,y\n" + "".join(f"{n},{n / 3}\n" for n in range(30))), target="y")
    assert _frame(dataset).columns.tolist() == ["t"]


def test_a_few_odd_cells_among_numbers_are_told(tmp_path: Path) -> None:
    rows = "".join(f"{'unknown' if n == 4 else n * n},{n % 2}\n" for n in range(30))
    dataset = read_table(_file(tmp_path, "x,y\n" + rows), target="y")
    assert any("1 of its 30 cells" in note and "'unknown' in row 5" in note for note in dataset.notes)


def test_the_users_test_file_keeps_its_part_in_any_column_order(tmp_path: Path) -> None:
    train = _file(tmp_path, "age,sex,ill\n31,f,no\n42,m,yes\n", "train.csv")
    test = _file(tmp_path, "ill,age,sex\nyes,50,f\n", "test.csv")
    dataset = read_table(train, target="ill", test=test)
    assert dataset.given.tolist() == ["", "", "test"]
    assert dataset.keys == ("1", "2", "test.csv/1")
    assert _frame(dataset).iloc[2].tolist() == [50.0, "f"]
    assert dataset.target.values.tolist() == [0, 1, 1]


def test_a_test_file_without_a_column_or_with_text_for_numbers_is_refused(tmp_path: Path) -> None:
    train = _file(tmp_path, "age,sex,ill\n31,f,no\n42,m,yes\n", "train.csv")
    with pytest.raises(DataError, match=r"test\.csv lacks the column sex"):
        read_table(train, target="ill", test=_file(tmp_path, "ill,age\nyes,50\n", "test.csv"))
    with pytest.raises(DataError, match=r"column age of test\.csv holds 'old' in row 1"):
        read_table(train, target="ill", test=_file(tmp_path, "ill,age,sex\nyes,old,f\n", "test.csv"))


def test_groups_are_numbered_and_are_no_feature(tmp_path: Path) -> None:
    path = _file(tmp_path, "patient,x,y\np1,1.5,a\np2,2.5,b\np1,3.5,a\n")
    dataset = read_table(path, target="y", group="patient")
    assert dataset.groups is not None
    assert dataset.groups.tolist() == [0, 1, 0]
    assert _frame(dataset).columns.tolist() == ["x"]
    with pytest.raises(OptionError, match="--group"):
        read_table(path, target="y", group="person")
    with pytest.raises(OptionError, match="both y"):
        read_table(path, target="y", group="y")
    with pytest.raises(DataError, match="group patient of heart.csv is missing in 1 rows"):
        read_table(_file(tmp_path, "patient,x,y\np1,1.5,a\n,2.5,b\n"), target="y", group="patient")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x,y\n1,a\ninf,b\n", r"column x of heart\.csv holds inf in row 2"),
        ("x,y\n", "no rows"),
        ("x,z,y\n,?,a\n,NA,b\n", r"every cell of the features of heart\.csv is missing"),
        ("y\na\nb\n", "0 features"),
        ("x,y\n1,a\n2,\n", r"target y of heart\.csv is missing in 1 of 2 rows"),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_table(_file(tmp_path, content), target="y", header=True)


def test_without_a_target_the_columns_are_listed(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"--target is not given.*age, ill"):
        read_table(_file(tmp_path, "age,ill\n1,a\n2,b\n"), target=None)


def test_a_frame_keeps_its_index_out_of_the_data_set() -> None:
    frame = pd.DataFrame({"x": [1, 2, 3], "y": ["a", "b", "a"]}, index=[7, 7, 9])
    dataset = frame_dataset(frame, target="y", test=frame.iloc[:1])
    assert dataset.keys == ("1", "2", "3", "test/1")
    assert _frame(dataset)["x"].tolist() == [1, 2, 3, 1]
    assert dataset.take(np.array([2, 0])).keys == ("3", "1")


def test_arrays_make_the_same_data_set_as_a_frame() -> None:
    X, y = load_iris(return_X_y=True)
    dataset = arrays_table(X, y)
    np.testing.assert_array_equal(_frame(dataset).to_numpy(), X)
    np.testing.assert_array_equal(dataset.target.values, y)
    assert dataset.target.classes == ("0", "1", "2")
    mixed = arrays_table(np.array([[1, "a"], [2.5, "b"]], dtype=object), [0.5, 1.5], feature_names=["n", "class"])
    assert _frame(mixed).to_dict("list") == {"n": [1.0, 2.5], "class": ["a", "b"]}
    framed = arrays_table(pd.DataFrame({"x": [1, 2], "k": ["a", "b"]}), np.array(["p", "q"]))
    assert _frame(framed).to_dict("list") == {"x": [1.0, 2.0], "k": ["a", "b"]}


def test_a_target_that_may_stand_in_a_header_not_taken_for_one_is_told_so(tmp_path: Path) -> None:
    path = _file(tmp_path, "2001,2002,2003\n" + "".join(f"{n % 7},{n % 5},{n % 2}\n" for n in range(40)))
    with pytest.raises(OptionError, match="pass --header if line 1 holds names"):
        read_table(path, target="2003")
    assert read_table(path, target="2003", header=True).target.name == "2003"
    with pytest.raises(OptionError, match=r"c0, c1, c2$"):
        read_table(path, target="2003", header=False)


def test_arrays_may_have_labels_as_a_column_a_name_and_groups() -> None:
    X = pd.DataFrame({"x": [1.0, 2, 3, 4], "patient": ["p", "q", "p", "q"]})
    dataset = arrays_table(X, pd.Series([0.5, 1.5, 2.5, 3.5], name="dose", index=[4, 5, 6, 7]), group="patient")
    assert dataset.target.name == "dose"
    assert dataset.target.values.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert dataset.groups is not None
    assert dataset.groups.tolist() == [0, 1, 0, 1]
    assert _frame(dataset).columns.tolist() == ["x"]
    column = arrays_table(X, np.array([[0], [1], [0], [1]]))
    assert (column.target.name, column.target.values.tolist()) == ("y", [0, 1, 0, 1])
    assert arrays_table(X.rename(columns={"x": "y"}), [0, 1, 0, 1]).target.name == "y_"


def test_arrays_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(DataError, match="expected \\(samples, features\\)"):
        arrays_table([1, 2, 3], [1, 2, 3])
    with pytest.raises(DataError, match="one value for each row"):
        arrays_table([[1], [2]], [1, 2, 3])
    with pytest.raises(OptionError, match="2 feature names for 1 features"):
        arrays_table([[1], [2]], [1, 2], feature_names=["a", "b"])


# Rows, features and task as the files' .names tell them.
@needs_tabular
@pytest.mark.parametrize(
    ("name", "target", "rows", "features", "outcome"),
    [
        ("abalone.csv", "-1", 4177, 8, "regression"),
        ("auto_imports.csv", "-1", 201, 25, "regression"),
        ("auto_mpg.csv", "mpg", 398, 8, "regression"),
        ("banknote_authentication.csv", "-1", 1372, 4, ("0", "1")),
        ("breast-cancer-wisconsin.csv", "-1", 699, 9, ("2", "4")),
        ("california_housing.csv.gz", "median_house_value", 20640, 9, "regression"),
        ("glass.csv", "-1", 214, 9, ("1", "2", "3", "5", "6", "7")),
        ("housing.csv", "-1", 506, 13, "regression"),
        ("ionosphere.csv", "-1", 351, 34, ("b", "g")),
        ("iris.csv", "-1", 150, 4, ("Iris-setosa", "Iris-versicolor", "Iris-virginica")),
        ("pima-indians-diabetes.csv", "-1", 768, 8, ("0", "1")),
        ("sonar.csv", "-1", 208, 60, ("M", "R")),
        ("wine.csv", "-1", 178, 13, ("1", "2", "3")),
        ("winequality-red.csv", "-1", 1599, 11, ("3", "4", "5", "6", "7", "8")),
        ("winequality-white.csv", "-1", 4898, 11, ("3", "4", "5", "6", "7", "8", "9")),
    ],
)
def test_well_known_tables_are_read_with_target_alone(
    name: str, target: str, rows: int, features: int, outcome: str | tuple[str, ...]
) -> None:
    dataset = read_table(TABULAR / name, target=target)
    assert _frame(dataset).shape == (rows, features)
    assert (dataset.target.classes or dataset.target.task) == outcome


@needs_tabular
def test_the_census_files_go_together() -> None:
    dataset = read_table(TABULAR / "adult-train.csv.gz", target="-1", test=TABULAR / "adult-test.csv.gz")
    assert dataset.target.classes == ("<=50K", ">50K")
    assert (dataset.given == "test").sum() == 16281
    # adult.names: 23.93 % of all earn more than 50K.
    assert round(100 * float(dataset.target.values.mean()), 2) == 23.93
