"""Predictions come a row each, in the order of the samples, the same on screen, in a file and from Python."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import percept
from percept.errors import DataError


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predict")
    rows = np.random.default_rng(0).normal(size=(600, 2))
    frame = pd.DataFrame({"x": rows[:, 0], "y": rows[:, 1], "label": np.where(rows[:, 0] > 0, "up", "down")})
    frame.to_csv(folder / "points.csv", index=False)
    percept.fit(folder / "points.csv", "label", out=folder / "run", epochs=2, threads=1)
    return folder


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_file_holds_one_row_a_sample_with_the_columns_that_are_promised(table: Path, tmp_path: Path) -> None:
    percept.predict(table / "run", table / "points.csv", out=tmp_path / "p.csv")
    rows = read(tmp_path / "p.csv")
    assert list(rows[0]) == ["row", "prediction", "probability"]
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 601)]
    model = percept.load(table / "run")
    assert [row["prediction"] for row in rows] == model.predict(table / "points.csv").tolist()


def test_every_probability_has_a_column_and_a_row_sums_to_1(table: Path) -> None:
    rows = percept.predict(table / "run", table / "points.csv", probabilities=True)
    assert isinstance(rows, list)
    names = ["probability of down", "probability of up"]
    sums = [sum(float(str(row[name])) for name in names) for row in rows]
    np.testing.assert_allclose(sums, 1, atol=1e-9)
    assert all(row["probability"] == max(float(str(row[name])) for name in names) for row in rows)


def test_columns_in_another_order_give_the_same_and_missing_ones_are_named(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table / "points.csv")
    frame[["y", "x"]].to_csv(tmp_path / "turned.csv", index=False)
    assert percept.predict(table / "run", tmp_path / "turned.csv") == percept.predict(
        table / "run", table / "points.csv"
    )
    frame[["x"]].to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(DataError, match=r"\by\b"):
        percept.predict(table / "run", tmp_path / "short.csv", out=tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()


def test_pictures_are_named_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERCEPT_CACHE", str(tmp_path / "cache"))
    generator = np.random.default_rng(0)
    for name in ("dark", "light"):
        (tmp_path / "shades" / name).mkdir(parents=True)
        for number in range(8):
            low = 0 if name == "dark" else 160
            pixels = generator.integers(low, low + 90, (12, 12), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "shades" / name / f"{number}.png")
    run = percept.fit("shades", model="linear", epochs=2, threads=1)
    rows = percept.predict(run.path, ["shades/light/1.png", "shades/dark"])
    assert isinstance(rows, list)
    expected = ["shades/light/1.png", *(f"shades/dark/{number}.png" for number in range(8))]
    assert [Path(str(row["file"])).as_posix() for row in rows] == expected
    Path("shades/dark/3.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="3.png"):
        percept.predict(run.path, "shades/dark", out="p.csv")
    assert not Path("p.csv").exists()
