import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import jaccard_score

import percept
from percept.errors import OptionError
from percept.models.file import load_model
from percept.workflow.run import Run
from percept.workflow.select import select

Write = Callable[..., Path]
GRID: dict[str, Any] = {"depth": [1], "width": [2, 4]}
OPTIONS: dict[str, Any] = {"epochs": 2, "threads": 1, "augment": "none", "crop": 32}


@pytest.fixture(scope="module")
def cells(write: Write, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("scenes") / "cells", 10)


@pytest.fixture(scope="module")
def chosen(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return select(cells, grid=GRID, cv=2, out=tmp_path_factory.mktemp("runs") / "run", **OPTIONS)


def selection(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.path / "selection.json").read_text())
    return found


def test_a_candidate_is_judged_by_the_pictures_that_its_runs_left_out(chosen: Run, cells: Path) -> None:
    part = chosen.path / "parts" / "candidate-2" / "part-1"
    splits = pd.read_csv(part / "splits.csv", dtype=str)
    sealed = pd.read_csv(chosen.path / "splits.csv", dtype=str).set_index("sample")["part"]
    left_out = splits[splits["part"] == "test"]["sample"].tolist()
    assert left_out and not set(sealed[left_out]) & {"test"}
    network = percept.load(part)
    truth = [np.asarray(Image.open(cells / "masks" / f"{Path(name).stem}.png")) > 0 for name in left_out]
    said = [network.predict([cells / "images" / f"{Path(name).stem}.png"])[0] > 0 for name in left_out]
    joined = [np.concatenate([each.ravel() for each in masks]) for masks in (truth, said)]
    expected = jaccard_score(*joined, average=None, labels=[False, True]).mean()
    assert selection(chosen)["candidates"][1]["test"][0] == pytest.approx(expected, abs=1e-9)


def test_the_best_candidate_is_trained_on_all_that_is_not_sealed(chosen: Run) -> None:
    found = selection(chosen)
    means = [each["mean"] for each in found["candidates"]]
    best = found["candidates"][found["best"]]["params"]
    assert found["best"] == int(np.argmax(means)) and found["metric"] == "mean_iou"
    arguments = load_model(chosen.path / "model.safetensors").arguments
    assert {name: arguments[name] for name in best} == best
    parts = pd.read_csv(chosen.path / "splits.csv", dtype=str)["part"].value_counts()
    assert parts["test"] == 2 and parts["train"] + parts["validation"] == 8


def test_the_report_shows_the_candidates(chosen: Run) -> None:
    page = (chosen.path / "report.html").read_text()
    assert "candidates" in page and "width" in page


def test_a_selection_goes_on_without_doing_again_what_is_done(chosen: Run, cells: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    def watch(event: Any) -> None:
        if hasattr(event, "done") and hasattr(event, "total") and type(event).__name__ == "Networks":
            stop(event.done, event.total)

    with pytest.raises(KeyboardInterrupt):
        select(cells, grid=GRID, cv=2, out=tmp_path / "run", watch=watch, **OPTIONS)
    done = tmp_path / "run" / "parts" / "candidate-1" / "part-1" / "model.safetensors"
    before = done.stat().st_mtime_ns
    run = select(cells, grid=GRID, cv=2, out=tmp_path / "run", resume=True, **OPTIONS)
    assert done.stat().st_mtime_ns == before
    assert selection(run) == selection(chosen)


@pytest.mark.slow
def test_nested_measures_the_whole_choice_on_pictures_that_it_never_saw(cells: Path, tmp_path: Path) -> None:
    run = select(cells, grid=GRID, cv=2, nested=2, out=tmp_path / "run", **OPTIONS)
    nested = selection(run)["nested"]
    figure = nested["figures"]["mean_iou"]
    assert nested["parts"] == 2 and len(nested["inner"]) == 2 and nested["value"] == figure["value"]
    assert figure["low"] <= figure["value"] <= figure["high"]


@pytest.mark.parametrize(
    ("grid", "said"), [({"breadth": [3]}, "breadth"), ({"width": [0]}, "width"), ({"threads": [1, 2]}, "threads")]
)
def test_a_setting_that_does_not_work_is_told_before_a_run(
    grid: dict[str, list[int]], said: str, cells: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=said):
        select(cells, grid=grid, cv=2, out=tmp_path / "run", **{**OPTIONS, "threads": None})
    assert not (tmp_path / "run").exists()
