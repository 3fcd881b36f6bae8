"""A fit leaves a run whose files agree, the same for the same seed, and never looks at the test part."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import percept
from percept.errors import DataError, OptionError, TrainingError
from percept.models.file import load_model
from percept.workflow.begin import command_line
from percept.workflow.events import Event, Started, Trained
from percept.workflow.run import Run

FOR_MASKS = ("loss", "weight_map", "crop", "patches", "memory")
NOT_ASKED = ("augmentation", "augment_class", "class_augmentations", "transfer", "tta", "abstain", "minutes", "steps")


def arrays() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rows = np.random.default_rng(0).normal(size=(80, 3))
    return rows, (rows[:, 0] > 0).astype(np.int64)


def fit(out: Path, **choices: Any) -> Run:
    return percept.fit(*arrays(), out=out, **{"epochs": 2, "threads": 1, **choices})


def test_the_files_of_a_run_agree(tmp_path: Path) -> None:
    run = fit(tmp_path / "run", epochs=5)
    history, recipe, model = run.history, run.recipe, load_model(run.path / "model.safetensors")
    assert history["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert model.metadata["epoch"] == int(history["validation_loss"].to_numpy().argmin()) + 1
    assert {name for name, value in recipe.training if value is None} == {*FOR_MASKS, *NOT_ASKED}
    splits = pd.read_csv(run.path / "splits.csv")
    validation = pd.read_csv(run.path / "validation_predictions.csv")
    assert set(splits.loc[splits["part"] == "validation", "sample"]) == set(validation["sample"])
    right = (validation["target"] == validation["prediction"]).mean()
    assert run.validation["accuracy"]["value"] == pytest.approx(right)
    assert run.report.is_file()
    assert not (run.path / "checkpoint").exists()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    models = [
        fit(tmp_path / str(number), seed=seed).path / "model.safetensors" for number, seed in enumerate((1, 1, 2))
    ]
    one, same, other = (load_model(path).network.state_dict() for path in models)
    assert models[0].read_bytes() == models[1].read_bytes()
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)


def test_sealed_targets_change_nothing_that_fit_writes(tmp_path: Path) -> None:
    rows, labels = arrays()
    first = percept.fit(rows, labels, out=tmp_path / "first", epochs=2, threads=1)
    sealed = (pd.read_csv(first.path / "splits.csv")["part"] == "test").to_numpy()
    rows[sealed] += 5
    second = percept.fit(rows, labels, out=tmp_path / "second", epochs=2, threads=1)
    assert second.validation == first.validation
    assert (second.path / "model.safetensors").read_bytes() == (first.path / "model.safetensors").read_bytes()


def test_each_epoch_is_told_once_it_is_on_disk(tmp_path: Path) -> None:
    lines: list[int] = []

    def watch(event: Event) -> None:
        if isinstance(event, Trained):
            lines.append(len((tmp_path / "run" / "history.csv").read_text().splitlines()))
            assert (tmp_path / "run" / "checkpoint" / "last.safetensors").is_file()
        elif isinstance(event, Started):
            assert (event.first, event.epochs) == (1, 3)

    fit(tmp_path / "run", epochs=3, watch=watch)
    assert lines == [2, 3, 4]  # a header and one line an epoch


def test_training_stops_after_as_many_epochs_without_a_better_one_as_patience_says(tmp_path: Path) -> None:
    history = fit(tmp_path / "run", epochs=60, patience=3, learning_rate=0.2, schedule="constant").history
    best = int(history["validation_loss"].to_numpy().argmin()) + 1
    assert len(history) in (best + 3, 60)
    assert len(history) < 60


def test_a_diverging_training_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="smaller --learning-rate than 1e"):
        fit(tmp_path / "run", learning_rate=1e30, optimizer="sgd", clip_norm=0.0)


def test_the_run_is_let_go_when_the_watcher_fails(tmp_path: Path) -> None:
    def fail(event: Event) -> None:
        if isinstance(event, Trained):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as kept:  # as a notebook keeps its last error
        fit(tmp_path / "run", watch=fail)
    assert len(fit(tmp_path / "run", resume=True).history) == 2
    assert kept


def test_wrong_choices_are_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for choice in ({"model": "vgg"}, {"metric": "rmse"}, {"optimizer": "lion"}, {"seed": -1}, {"device": "gpu"}):
        with pytest.raises(OptionError, match=str(next(iter(choice.values())))):
            percept.fit(*arrays(), **choice)
    with pytest.raises(DataError):
        percept.fit(np.full((10, 2), np.inf), np.arange(10) % 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (["/usr/bin/percept", "fit", "my data.csv"], "percept fit 'my data.csv'"),
        (["C:/Scripts/percept.exe", "fit", "iris"], "percept fit iris"),
        (["/lib/percept/__main__.py", "fit", "iris"], "percept fit iris"),
        (["train.py"], "percept.fit(...)"),
    ],
)
def test_the_command_is_shown_as_it_was_typed(monkeypatch: pytest.MonkeyPatch, typed: list[str], shown: str) -> None:
    monkeypatch.setattr("sys.argv", typed)
    assert command_line() == shown
