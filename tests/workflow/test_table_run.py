"""A table from fit to prediction: rows counted alike everywhere, unknown categories told, formats mixed."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import percept
from percept.cli.main import app
from percept.errors import DataError, PerceptWarning
from percept.workflow.run import Run

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"x": random.normal(size=90), "color": random.choice(["red", "blue"], 90)})
    return rows.assign(when=pd.date_range("2024-01-01", periods=90), y=np.where(rows["x"] > 0, "high", "low"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, frame: pd.DataFrame) -> Run:
    run: Run = percept.fit(frame, "y", out=tmp_path_factory.mktemp("runs") / "run", epochs=2, threads=1)
    return run


def test_rows_are_counted_from_1_as_in_the_split(run: Run, frame: pd.DataFrame, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    frame.to_csv(table, index=False)
    percept.predict(run.path, table, out=tmp_path / "p.csv", probabilities=True)
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["row", "prediction", "probability", "probability of high", "probability of low"]
    with (run.path / "splits.csv").open(newline="") as file:
        assert [row["row"] for row in rows] == [line["sample"] for line in csv.DictReader(file)]
    # every way to predict is the same model
    np.testing.assert_array_equal([row["prediction"] for row in rows], run.predict(frame))
    np.testing.assert_array_equal(run.predict(table), run.predict(frame))


def test_categories_never_seen_are_counted_in_a_warning(run: Run, frame: pd.DataFrame, tmp_path: Path) -> None:
    new = frame.head(4).assign(color=pd.Series(["red", "mauve", "teal", None], dtype=object))
    new.to_csv(tmp_path / "n.csv", index=False)
    with pytest.warns(PerceptWarning, match="column color: 2 cells have a category never seen"):
        run.predict(new)
    with pytest.warns(PerceptWarning, match="column color: 2 cells have a category never seen"):
        percept.predict(run.path, tmp_path / "n.csv")


def test_only_paths_are_predicted_into_rows(run: Run, frame: pd.DataFrame) -> None:
    for samples in (frame, frame[["x"]].to_numpy(), [[1.0, 2.0]]):
        with pytest.raises(DataError, match=r"predict takes paths; for arrays and data frames: percept\.load"):
            percept.predict(run.path, samples)


def test_the_run_keeps_a_frame_and_opens_its_test_set_from_it(run: Run) -> None:
    first, second = percept.evaluate(run.path), percept.evaluate(run.path)
    assert first.figures == second.figures
    assert (first.opening, second.opening) == (1, 2)
    assert first.samples == 18


def test_json_of_a_table_is_a_list_of_rows(
    run: Run, frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame.head(3).to_csv(tmp_path / "n.csv", index=False)
    app(["predict", str(run.path), str(tmp_path / "n.csv"), "--json"], standalone_mode=False)
    rows = json.loads(capsys.readouterr().out)
    assert [row["row"] for row in rows] == [1, 2, 3]
