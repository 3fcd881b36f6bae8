"""`percept predict --count` finds as many objects as there are, where they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

import percept
from percept.cli.main import main
from percept.errors import OptionError
from percept.workflow.run import Run

pytestmark = pytest.mark.usefixtures("no_report")

SIDE = 16  # pixels of a patch; a square of 6 lies in the middle of some


def canvas(random: np.random.Generator, height: int, width: int, places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return noise with squares around some places."""
    picture = random.integers(0, 90, (height, width), dtype=np.uint8)
    for row, column in places.tolist():
        picture[max(0, row - 3) : max(0, row + 3), max(0, column - 3) : max(0, column + 3)] += 150
    return picture


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that tells squares from what is none, made dense."""
    random = np.random.default_rng(0)
    pictures, labels = [], []
    for number in range(400):
        middle = np.array([8, 8]) + random.integers(-1, 2, 2)
        if number % 2:
            away = random.integers(-4, SIDE + 4, 2)
            middle = away if np.abs(away - 8).max() > 3 else np.array([-9, -9])
        pictures.append(canvas(random, SIDE, SIDE, middle[None]))
        labels.append("nothing" if number % 2 else "square")
    folder = tmp_path_factory.mktemp("squares")
    options: dict[str, Any] = {"augment": "none", "learning_rate": 0.003, "image_size": (SIDE, SIDE)}
    run = percept.fit(
        np.stack(pictures), np.array(labels), model="lenet", epochs=12, out=folder / "run", threads=1, **options
    )
    return percept.densify(run.path, out=folder / "dense", semantics="patch").path


@pytest.mark.parametrize("count", [0, 1, 12])
def test_well_separated_squares_are_counted_where_they_are(
    dense: Path, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(count)
    grid = np.argwhere(np.ones((4, 5))) * 26 + 18
    places = random.permutation(grid)[:count] + random.integers(-4, 5, (count, 2))
    Image.fromarray(canvas(random, 112, 140, places)).save(tmp_path / "scene.png")
    main(["predict", str(dense), str(tmp_path / "scene.png"), "--count", "square", "--out", str(tmp_path / "out")])
    assert f"scene.png: {count} x square" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "out" / "scene_points.csv")
    assert list(found) == ["row", "column", "probability"] and len(found) == count
    assert found["probability"].between(0.5, 1).all() and found["probability"].is_monotonic_decreasing
    points = found[["row", "column"]].to_numpy()
    for place in places:
        assert (np.abs(points - place).max(axis=1) <= 3).sum() == 1
    marked = Image.open(tmp_path / "out" / "scene_points.png")
    assert marked.size == (140, 112)
    assert (tmp_path / "out" / "scene.png").exists()  # the mask, as without counting


def test_a_higher_threshold_finds_no_more_and_a_shorter_distance_no_fewer(dense: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    Image.fromarray(canvas(random, 90, 90, random.integers(10, 80, (14, 2)))).save(tmp_path / "crowd.png")

    def count(name: str, **options: Any) -> int:
        percept.predict(dense, tmp_path / "crowd.png", out=tmp_path / name, count="square", **options)
        return len(pd.read_csv(tmp_path / name / "crowd_points.csv"))

    usual = count("usual")
    assert count("given", threshold=0.5, distance=SIDE / 2) == usual  # what is taken by itself
    assert count("surer", threshold=0.99) <= usual <= count("closer", distance=2)
    assert count("apart", distance=100) == 1


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"count": "circle"}, "--count is 'circle'; expected one of nothing, square"),
    ({"count": "square", "threshold": 0}, "--threshold is 0; expected a probability above 0"),
    ({"count": "square", "threshold": 1.5}, "--threshold is 1.5"),
    ({"count": "square", "distance": 0}, "--distance is 0; expected pixels above 0"),
    ({"threshold": 0.5}, "--threshold is 0.5, but nothing is counted"),
    ({"distance": 3}, "--distance is 3, but nothing is counted"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_cannot_be_counted_is_refused_before_anything_is_written(
    dense: Path, options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    Image.fromarray(np.zeros((30, 30), np.uint8)).save(tmp_path / "dark.png")
    with pytest.raises(OptionError, match=said):
        percept.predict(dense, tmp_path / "dark.png", out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_classifier_is_told_to_be_made_dense(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (40, 12, 12), dtype=np.uint8)
    run = percept.fit(pictures, np.arange(40) % 2, model="lenet", epochs=1, out=tmp_path / "run", threads=1)
    Image.fromarray(pictures[0]).save(tmp_path / "one.png")
    with pytest.raises(OptionError, match="percept densify makes one of a classifier"):
        percept.predict(run.path, tmp_path / "one.png", count="1")


def test_a_segmenter_of_whole_pictures_needs_a_distance(run: Run, folder: Path, tmp_path: Path) -> None:
    picture = folder / "images" / "00.png"
    with pytest.raises(OptionError, match="--count needs --distance for a model of whole pictures"):
        percept.predict(run.path, picture, out=tmp_path / "first", count="foreground")
    percept.predict(run.path, picture, out=tmp_path / "second", count="foreground", distance=8)
    assert list(pd.read_csv(tmp_path / "second" / "00_points.csv")) == ["row", "column", "probability"]
