"""What is done with a finished segmenter: evaluated, asked for masks, reported again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import jaccard_score

import percept
from percept.errors import DataError, OptionError, PerceptError
from percept.report.contact_sheet import GAP, LINE, MARGIN
from percept.workflow.report import report
from percept.workflow.run import Run

Write = Callable[..., Path]
Fit = Callable[..., Run]


@pytest.fixture
def own(run: Run, tmp_path: Path) -> Path:
    """Return a copy of the finished run that a test may change."""
    return Path(shutil.copytree(run.path, tmp_path / "own"))


def masks_of(paths: list[Path]) -> np.ndarray:
    return np.concatenate([np.asarray(Image.open(path)).ravel() for path in paths])


def test_the_test_figures_are_those_of_scikit_learn_on_the_masks_that_predict_writes(
    own: Path, folder: Path, tmp_path: Path
) -> None:
    evaluation = percept.evaluate(own)
    sealed = pd.read_csv(own / "test_predictions.csv", dtype={"key": str})["key"].tolist()
    assert len(sealed) == evaluation.samples == 2
    names = [f"{Path(key).stem}.png" for key in sealed]
    percept.predict(own, [folder / "images" / name for name in names], out=tmp_path / "masks")
    told = masks_of([tmp_path / "masks" / name for name in names])
    truth = masks_of([folder / "masks" / name for name in names]) // 255
    expected = jaccard_score(truth, told, average=None)
    assert evaluation.figures["mean_iou"]["value"] == pytest.approx(expected.mean())
    assert evaluation.figures["iou[foreground]"]["value"] == pytest.approx(expected[1])
    assert evaluation.figures["pixel_accuracy"]["value"] == pytest.approx((truth == told).mean())


def test_a_preview_shows_what_happens_to_crops_and_their_masks(folder: Path, own: Path, tmp_path: Path) -> None:
    path, words = percept.preview_augment(folder, augment="flip", pictures=2, versions=8, out=tmp_path / "sheet.png")
    assert words == "flip"
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet)
    wide = (pixels.shape[1] - 3 * MARGIN - 7 * GAP) // 9
    high = (pixels.shape[0] - 2 * MARGIN - 2 * LINE - GAP) // 2
    first, *versions = (
        pixels[MARGIN + LINE : MARGIN + LINE + high, left : left + wide]
        for left in [MARGIN, *(2 * MARGIN + wide + place * (wide + GAP) for place in range(8))]
    )
    # a version is the crop or its mirror image, the colors of the mask with it
    same = [np.abs(version.astype(int) - first).max() <= 1 for version in versions]
    mirrored = [np.abs(version[:, ::-1].astype(int) - first).max() <= 1 for version in versions]
    assert all(one or other for one, other in zip(same, mirrored, strict=True))
    assert any(same)
    assert any(mirrored)
    assert (first.astype(int).max(axis=2) - first.min(axis=2) > 40).mean() > 0.05  # discs are colored, the noise is not
    with pytest.raises(OptionError, match="leaves pictures as they are"):
        percept.preview_augment(folder, augment="none", out=tmp_path / "none.png")
    with pytest.raises(OptionError, match="--augment-class is not for"):
        percept.preview_augment(folder, augment_class={"cell": "flip"}, out=tmp_path / "none.png")
    assert "came to" not in (own / "report.html").read_text()  # nothing happened to its crops


def test_every_opening_of_the_test_part_is_counted(own: Path) -> None:
    assert [percept.evaluate(own).opening for _ in range(2)] == [1, 2]
    assert len((own / "ledger.jsonl").read_text().splitlines()) == 2


def test_a_sealed_mask_that_changed_is_refused(write: Write, fit: Fit, tmp_path: Path) -> None:
    folder, out = write(tmp_path / "cells"), tmp_path / "run"
    fit(folder, out, epochs=1)
    splits = pd.read_csv(out / "splits.csv", dtype=str)
    sealed = Path(splits.loc[splits["part"] == "test", "sample"].iloc[0]).stem
    path = folder / "masks" / f"{sealed}.png"
    values = np.array(Image.open(path))
    values[0, 0] = 255 - values[0, 0]
    Image.fromarray(values).save(path)
    with pytest.raises(DataError, match=sealed):
        percept.evaluate(out)
    assert not (out / "ledger.jsonl").exists()


def test_data_that_are_gone_are_named(write: Write, fit: Fit, tmp_path: Path) -> None:
    folder, out = write(tmp_path / "cells"), tmp_path / "run"
    fit(folder, out, epochs=1)
    folder.rename(tmp_path / "moved")
    with pytest.raises(DataError, match="--data"):
        percept.evaluate(out)
    assert percept.evaluate(out, data=tmp_path / "moved").samples == 2
    (tmp_path / "moved").rename(tmp_path / "elsewhere")
    assert report(out).exists()  # without pictures


def test_masks_are_palette_pictures_whose_indices_are_the_classes(run: Run, folder: Path, tmp_path: Path) -> None:
    percept.predict(run.path, folder / "images", out=tmp_path / "masks", probabilities=True)
    for path in sorted((folder / "images").iterdir()):
        mask = Image.open(tmp_path / "masks" / path.name)
        assert mask.mode == "P" and mask.size == Image.open(path).size
        indices = np.asarray(mask)
        assert set(np.unique(indices)) <= {0, 1}
        chances = np.load(tmp_path / "masks" / f"{path.stem}_probabilities.npy")
        assert chances.shape == (2, *indices.shape) and chances.dtype == np.float32
        np.testing.assert_allclose(chances.sum(axis=0), 1, atol=1e-5)
        np.testing.assert_array_equal(chances.argmax(axis=0), indices)
        palette = np.array(mask.getpalette()).reshape(-1, 3)
        assert len({tuple(color) for color in palette[:2].tolist()}) == 2  # colors that can be told apart
        assert Image.open(tmp_path / "masks" / f"{path.stem}_overlay.png").mode == "RGB"


def test_two_pictures_of_one_stem_are_refused_before_anything_is_written(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(folder / "images" / "00.png", tmp_path / "other" / "00.png")
    with pytest.raises(OptionError, match=r"00\.png.*two folders"):
        percept.predict(run.path, [folder / "images" / "00.png", tmp_path / "other"], out=tmp_path / "masks")
    assert not (tmp_path / "masks").exists()


def test_masks_that_are_there_are_not_overwritten(run: Run, folder: Path, tmp_path: Path) -> None:
    percept.predict(run.path, folder / "images" / "00.png", out=tmp_path / "masks")
    before = (tmp_path / "masks" / "00.png").read_bytes()
    with pytest.raises(OptionError, match="exists and is not overwritten"):
        percept.predict(run.path, folder / "images", out=tmp_path / "masks")
    assert (tmp_path / "masks" / "00.png").read_bytes() == before
    assert not (tmp_path / "masks" / "01.png").exists()


def test_masks_need_a_folder(run: Run, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="folder"):
        percept.predict(run.path, folder / "images")
    with pytest.raises(OptionError, match="folder"):
        percept.predict(run.path, folder / "images", out=tmp_path / "rows.csv")


def test_a_broken_picture_is_left_out_only_where_that_is_asked_for(run: Run, folder: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    shutil.copytree(folder / "images", pictures)
    (pictures / "03.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"03\.png"):
        percept.predict(run.path, pictures, out=tmp_path / "first")
    with pytest.warns(percept.errors.PerceptWarning, match=r"03\.png"):
        percept.predict(run.path, pictures, out=tmp_path / "second", skip_unreadable=True)
    assert len(list((tmp_path / "second").glob("*_overlay.png"))) == 11


def test_the_report_shows_the_pictures_beside_truth_and_prediction(own: Path) -> None:
    without_test = report(own).read_text()
    percept.evaluate(own)
    page = report(own).read_text()
    assert "mean IoU" in page and "foreground" in page
    assert page.count("data:image/") > without_test.count("data:image/") > 0


def test_a_run_whose_model_is_another_is_refused(own: Path, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    other = percept.fit(rows, (rows[:, 0] > 0).astype(int), out=tmp_path / "table", epochs=1, threads=1)
    shutil.copy(other.path / "model.safetensors", own / "model.safetensors")
    with pytest.raises(PerceptError, match="not the segmenter"):
        percept.evaluate(own)
    with pytest.raises(PerceptError, match="not the segmenter"):
        report(own)


def test_findings_compare_with_three_baselines(run: Run) -> None:
    findings = json.loads((run.path / "findings.json").read_text())["validation"]
    assert set(findings["baselines"]) == {"majority", "grey level", "linear on filters"}
    best = max(findings["baselines"].items(), key=lambda each: each[1]["figures"]["mean_iou"]["value"])
    assert findings["best_baseline"] == best[0]


def test_a_loaded_segmenter_gives_maps_of_classes_for_files_and_arrays_of_any_size(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    model = percept.load(run.path)
    files = sorted((folder / "images").glob("*.png"))[:3]
    maps, chances = model.predict(files), model.predict_proba(files)
    arrays = [np.asarray(Image.open(file)) for file in files]
    assert [each.shape for each in maps] == [each.shape for each in arrays]
    for mine, again, told in zip(maps, model.predict(arrays), chances, strict=True):
        assert (mine == again).all() and (mine == told.argmax(axis=0)).all()
        np.testing.assert_allclose(told.sum(axis=0), 1, atol=1e-5)
    percept.predict(run.path, files, out=tmp_path / "masks")
    written = [np.asarray(Image.open(tmp_path / "masks" / file.name)) for file in files]
    assert all((mine == theirs).all() for mine, theirs in zip(maps, written, strict=True))
