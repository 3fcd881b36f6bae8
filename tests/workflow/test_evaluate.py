"""Opening the sealed test set gives the figures of its predictions, and writes each opening down."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, root_mean_squared_error

import percept
from percept.errors import RunFolderError
from percept.workflow.run import Run


def fit(out: Path, task: str, **choices: str) -> Run:
    rows = np.random.default_rng(0).normal(size=(90, 3))
    target = rows[:, 0] if task == "regression" else np.where(rows[:, 0] > 0, "up", "down")
    return percept.fit(rows, target, out=out, epochs=3, threads=1, **choices)  # type: ignore[arg-type]


def test_figures_are_scikit_learn_s_of_the_predictions_on_disk(tmp_path: Path) -> None:
    run = fit(tmp_path / "run", "classification")
    figures = run.evaluate().figures
    table = pd.read_csv(run.path / "test_predictions.csv")
    truth, guess = table["target"], table["prediction"]
    chances = table[["probability of down", "probability of up"]]
    assert figures["accuracy"]["value"] == pytest.approx(accuracy_score(truth, guess))
    assert figures["balanced_accuracy"]["value"] == pytest.approx(balanced_accuracy_score(truth, guess))
    assert figures["log_loss"]["value"] == pytest.approx(log_loss(truth, chances), rel=1e-6)
    splits = pd.read_csv(run.path / "splits.csv")
    assert set(table["sample"]) == set(splits.loc[splits["part"] == "test", "sample"])


def test_regression_figures_are_in_the_target_s_units(tmp_path: Path) -> None:
    run = fit(tmp_path / "run", "regression")
    figures = run.evaluate().figures
    table = pd.read_csv(run.path / "test_predictions.csv")
    assert figures["rmse"]["value"] == pytest.approx(root_mean_squared_error(table["target"], table["prediction"]))


def test_every_opening_is_numbered_and_gives_the_same_figures(tmp_path: Path) -> None:
    run = fit(tmp_path / "run", "classification")
    first, second = run.evaluate(), percept.evaluate(run.path)
    assert (first.opening, second.opening) == (1, 2)
    assert first.figures == second.figures
    lines = [json.loads(line) for line in first.ledger.read_text().splitlines()]
    assert [line["number"] for line in lines] == [1, 2]
    assert all(line["figures"] == first.figures for line in lines)


def test_nothing_sealed_is_nothing_to_open(tmp_path: Path) -> None:
    run = fit(tmp_path / "run", "classification", test="none")
    with pytest.raises(RunFolderError, match="--test none: there is nothing sealed to open"):
        run.evaluate()
    assert not (run.path / "ledger.jsonl").exists()
