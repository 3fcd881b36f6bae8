"""Pictures that change, break or hide between one command and the next, as a user meets them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from percept.data.split_file import read_lines
from percept.errors import DataError, PerceptWarning
from percept.workflow.evaluate import evaluate
from percept.workflow.fit import fit
from percept.workflow.picture_files import picture_paths
from percept.workflow.predict import predict
from percept.workflow.run import Run


@pytest.fixture
def fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Run]:
    """Return a folder of two classes, red and blue, with one broken picture, and a run on it."""
    monkeypatch.setenv("PERCEPT_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for number in range(12):
        pixels = random.integers(0, 99, (8, 8, 3), dtype=np.uint8)
        pixels[..., 2 * (number % 2)] += 99
        path = tmp_path / "data" / ("red", "blue")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (tmp_path / "data/red/broken.png").write_bytes(b"")
    run = fit(tmp_path / "data", skip_unreadable=True, epochs=1, threads=1, device="cpu", out=tmp_path / "run")
    return tmp_path / "data", run


def test_a_test_picture_that_changed_after_the_fit_is_named_and_nothing_is_opened(fitted: tuple[Path, Run]) -> None:
    data, run = fitted
    sealed = next(line.sample for line in read_lines(run.path / "splits.csv") if line.part == "test")
    before = (data / sealed).read_bytes()
    Image.new("RGB", (8, 8), "white").save(data / sealed)
    with pytest.raises(DataError, match=f"^{sealed}, one of the .* sealed test samples, has changed"):
        evaluate(run.path, device="cpu")
    assert not (run.path / "ledger.jsonl").exists()
    (data / sealed).write_bytes(before)
    assert evaluate(run.path, device="cpu").opening == 1


def test_pictures_that_were_skipped_are_counted_and_named_in_the_report(fitted: tuple[Path, Run]) -> None:
    assert "1 picture cannot be read: red/broken.png (the file is empty); left out" in fitted[1].report.read_text()


def test_predictions_of_nothing_readable_are_an_error_and_leave_no_file(fitted: tuple[Path, Run]) -> None:
    data, run = fitted
    out = data.parent / "p.csv"
    with pytest.warns(PerceptWarning, match="left out"), pytest.raises(DataError, match="no picture of 1 can be read"):
        predict(run.path, data / "red/broken.png", skip_unreadable=True, out=out)
    assert not out.exists()


def test_a_folder_to_predict_holds_the_pictures_that_a_fit_would_take(tmp_path: Path) -> None:
    for name in ("a.png", "._a.png", "folder.png/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert picture_paths([tmp_path]) == [tmp_path / "a.png", tmp_path / "folder.png/b.png"]
