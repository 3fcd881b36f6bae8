"""`percept predict --activation` draws where the network looked, and changes nothing in what it predicts."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import percept
from percept.errors import OptionError
from percept.report.heatmap import COLORS, OPACITY

from .conftest import Pictures

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture(scope="module")
def run(bars: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("activation") / "bars"
    return percept.fit(*bars, model="small_resnet", epochs=4, augment="none", out=out, threads=1).path


@pytest.fixture(scope="module")
def pictures(bars: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        Image.fromarray(bars[0][number, ..., 0]).resize((300, 200)).save(folder / f"{number}.png")
    return folder


def test_each_picture_is_drawn_and_predictions_are_what_they_are_without(
    run: Path, pictures: Path, tmp_path: Path
) -> None:
    assert percept.predict(run, pictures, out=tmp_path / "looks", activation=True) == tmp_path / "looks"
    percept.predict(run, pictures, out=tmp_path / "plain.csv")
    assert (tmp_path / "looks" / "predictions.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()
    names = sorted(path.name for path in (tmp_path / "looks").iterdir())
    assert names == [*(f"{number}_activation.png" for number in range(3)), "predictions.csv"]
    for number in range(3):
        drawn = Image.open(tmp_path / "looks" / f"{number}_activation.png")
        assert drawn.width == 300 and 200 < drawn.height < 260
        colors = np.asarray(drawn.convert("RGB"), np.float64)[:200]
        grey = np.asarray(Image.open(pictures / f"{number}.png"), np.float64)[..., None]
        heat = (colors - (1 - OPACITY) * grey) / OPACITY / 255  # what was laid over it
        known = np.array([COLORS(value)[:3] for value in np.linspace(0, 1, 257)])
        distances = np.linalg.norm(heat[::20, ::20, None] - known, axis=3)
        assert distances.min(axis=2).max() < 0.02  # each pixel is a color of the map
        assert distances.argmin(axis=2).max() > 230  # which reaches its end somewhere


def test_of_pictures_that_are_cut_what_was_seen_is_drawn(bars: Pictures, tmp_path: Path) -> None:
    run = percept.fit(*bars, model="lenet", resize="crop", epochs=1, augment="none", out=tmp_path / "run", threads=1)
    wide = np.zeros((300, 500), np.uint8)
    wide[:, 100:400] = 255  # the middle square
    Image.fromarray(wide).save(tmp_path / "wide.png")
    percept.predict(run.path, tmp_path / "wide.png", out=tmp_path / "looks", activation=True)
    drawn = np.asarray(Image.open(tmp_path / "looks" / "wide_activation.png"))
    assert drawn.shape[1] == 300
    assert drawn[:300].min(axis=2).min() >= 255 * (1 - OPACITY) - 1  # white alone lies below the colors


def test_runs_of_tables_of_masks_and_without_a_map_are_refused(bars: Pictures, pictures: Path, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    table = percept.fit(rows, (rows[:, 0] > 0).astype(int), out=tmp_path / "table", epochs=1, threads=1)
    (tmp_path / "rows.csv").write_text("x0,x1\n1,2\n")
    linear = percept.fit(*bars, model="linear", out=tmp_path / "linear", epochs=1, threads=1)
    lenet = percept.fit(*bars, model="lenet", out=tmp_path / "lenet", epochs=1, threads=1)
    masks = percept.densify(lenet.path, out=tmp_path / "masks", semantics="patch")
    out = tmp_path / "looks"
    for path, samples, said in (
        (table.path, tmp_path / "rows.csv", "--activation is for pictures; the model takes rows of a table"),
        (masks.path, pictures, "--activation is for pictures with classes; the model gives a class for every pixel"),
        (linear.path, pictures, "no map of the picture"),
    ):
        with pytest.raises(OptionError, match=said):
            percept.predict(path, samples, out=out, activation=True)
        assert not out.exists()
    with pytest.raises(OptionError, match="--abstain is for pictures with classes; the model gives a class for every"):
        percept.predict(masks.path, pictures, out=out, abstain=0.1)
    assert not out.exists()


def test_a_folder_is_needed_and_nothing_in_it_is_overwritten(run: Path, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="say with --out which folder the pictures go to"):
        percept.predict(run, pictures, activation=True)
    with pytest.raises(OptionError, match="expected a folder for the pictures"):
        percept.predict(run, pictures, out=tmp_path / "rows.csv", activation=True)
    (tmp_path / "other").mkdir()
    shutil.copy(pictures / "1.png", tmp_path / "other")
    with pytest.raises(OptionError, match="would both be written to 1_activation.png"):
        percept.predict(run, [pictures, tmp_path / "other"], out=tmp_path / "looks", activation=True)
    assert not (tmp_path / "looks").exists()
    percept.predict(run, pictures / "1.png", out=tmp_path / "looks", activation=True)
    with pytest.raises(OptionError, match=r"1_activation\.png exists and is not overwritten"):
        percept.predict(run, pictures, out=tmp_path / "looks", activation=True)
