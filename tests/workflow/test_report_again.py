"""The report is written again from the run's own files, with or without the data."""

from pathlib import Path

import numpy as np
import pytest

import percept
from percept.errors import DataError, RunFolderError
from percept.workflow.report import report


@pytest.fixture
def run(tmp_path: Path) -> Path:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    path = tmp_path / "points.csv"
    np.savetxt(path, np.column_stack([rows, rows[:, 0] > 0]), delimiter=",", header="x,y,label", comments="")
    return percept.fit(path, "label", out=tmp_path / "run", epochs=1, threads=1).path


def test_a_report_written_again_is_the_same(run: Path) -> None:
    before = (run / "report.html").read_bytes()
    assert report(run).read_bytes() == before


def test_the_sealed_test_set_is_in_the_report_once_it_is_opened(run: Path) -> None:
    assert "percept evaluate" in (run / "report.html").read_text()
    value = percept.evaluate(run).figures["accuracy"]["value"]
    assert value is not None
    text = (run / "report.html").read_text()
    assert f"{value:.3f}" in text or f"{100 * value:.1f}" in text or f"{value:.2g}" in text


def test_without_the_data_the_report_says_so(run: Path, tmp_path: Path) -> None:
    (tmp_path / "points.csv").rename(tmp_path / "elsewhere.csv")
    assert "could not be read again" in report(run).read_text()
    assert "could not be read again" not in report(run, data=tmp_path / "elsewhere.csv").read_text()
    with pytest.raises(DataError):
        report(run, data=tmp_path / "nowhere.csv")


def test_an_unfinished_run_has_no_report_yet(run: Path) -> None:
    (run / "model.safetensors").unlink()
    with pytest.raises(RunFolderError, match="not finished"):
        report(run)
