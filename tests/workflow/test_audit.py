"""An audit says what is wrong with data, needs no run, and writes none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import percept
from percept.errors import DataError


def test_a_column_that_gives_the_answer_away_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=80)
    label = np.where(rows > 0, "up", "down")
    pd.DataFrame({"x": rows, "answer": label == "up", "label": label}).to_csv("leak.csv", index=False)
    result = percept.audit("leak.csv", "label")
    assert (result.samples, result.classes) == (80, ("down", "up"))
    assert any("answer" in finding.text for finding in result.findings)
    assert [path.name for path in tmp_path.iterdir()] == ["leak.csv"]


def test_copies_and_broken_pictures_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERCEPT_CACHE", str(tmp_path / "cache"))
    generator = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(4):
            pixels = generator.integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    (tmp_path / "data" / "b" / "copy.png").write_bytes((tmp_path / "data" / "a" / "0.png").read_bytes())
    (tmp_path / "data" / "b" / "broken.png").write_bytes(b"no picture")
    named = [" ".join((*finding.files, finding.text)) for finding in percept.audit(tmp_path / "data").findings]
    assert any("copy.png" in text and "a/0.png" in text for text in named)
    assert any("broken.png" in text for text in named)


def test_data_that_are_not_there_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        percept.audit(tmp_path / "nowhere")
