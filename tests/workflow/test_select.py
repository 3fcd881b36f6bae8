"""A choice among candidates: its folds, what is kept and resumed, and that its figures are of samples left out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

import percept
from percept.data.columns import fit_columns
from percept.data.encodings import NumberColumn
from percept.errors import OptionError
from percept.estimators.classifier_cv import MLPClassifierCV
from percept.models import build
from percept.workflow.asked import checked_cv
from percept.workflow.events import Event, Networks, Note
from percept.workflow.report import report
from percept.workflow.run import Run
from percept.workflow.stack import FoldColumns, network_of

STACK: dict[str, Any] = {"alphas": "0.01,1", "hidden": [[4]], "epochs": 3, "threads": 1}


def arrays(rows: int = 60, classes: int = 2) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(rows, 3))
    edges = np.quantile(features[:, 0], np.linspace(0, 1, classes + 1)[1:-1])
    return features, np.digitize(features[:, 0], edges).astype(np.int64)


class Death(BaseException):
    """Ends a selection in this process, as a signal would."""


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("stack") / "run"
    return percept.fit(*arrays(), cv=3, restarts=2, out=out, **STACK)


def test_the_run_of_a_stack_is_a_run_like_any_other(stacked: Any) -> None:
    features, _ = arrays()
    assert stacked.recipe.selection.chosen["alpha"] in (0.01, 1.0)
    assert stacked.recipe.selection.alphas == [0.01, 1.0]
    assert len(percept.load(stacked.path).predict(features)) == 60
    assert stacked.evaluate().samples == 12
    assert "Out of fold" in stacked.report.read_text(encoding="utf-8")
    assert not (stacked.path / "checkpoint").exists()


def test_the_test_part_is_that_of_a_plain_fit_and_stays_sealed(stacked: Any, tmp_path: Path) -> None:
    plain = percept.fit(*arrays(), epochs=1, threads=1, out=tmp_path / "plain")
    parts = [pd.read_csv(run.path / "splits.csv")["part"] == "test" for run in (stacked, plain)]
    assert parts[0].equals(parts[1])
    said = pd.read_csv(stacked.path / "validation_predictions.csv")["sample"].astype(str)
    lines = pd.read_csv(stacked.path / "splits.csv")
    assert set(said) == set(lines.loc[lines["part"] == "train", "sample"].astype(str))


def test_the_model_file_says_what_the_refitted_estimator_says() -> None:
    for classes in (2, 3):
        features, labels = arrays(classes=classes)
        model = MLPClassifierCV((0.1,), (5,), cv=2, max_iter=3, random_state=0).fit(features, labels)
        network = network_of(model.best_estimator_, build("mlp", classes=classes, inputs=3, hidden=[5]), classes)
        with torch.no_grad():
            chances = torch.softmax(network(torch.from_numpy(features).float()), dim=1).numpy()
        assert np.allclose(chances, model.predict_proba(features), atol=1e-6)


@pytest.mark.parametrize("cv", ["loo", "bootstrap", 4])
def test_a_regression_is_chosen_by_any_way_of_splitting(tmp_path: Path, cv: str | int) -> None:
    features, _ = arrays(30)
    run = percept.fit(features, features[:, 0] * 3 + 1.5, cv=cv, out=tmp_path / "run", **STACK)
    found = run.selection
    assert found is not None
    assert found["metric"] in ("loss", "mse")
    assert found["splits"] == {"loo": 24, "bootstrap": 50, 4: 4}[cv]
    assert set(run.validation) >= {"rmse", "r2"}


def test_numbers_are_measured_on_the_rows_of_a_fold_alone_and_the_features_stay() -> None:
    frame = pd.DataFrame({"x": [0.0, 2.0, 100.0, 4.0], "kind": ["a", "b", "c", "a"]})
    layout = fit_columns(frame)
    fold = FoldColumns(layout).fit(frame.iloc[[0, 1]])
    column = fold.fitted_.columns[0]
    assert isinstance(column, NumberColumn)
    assert (column.mean, column.std) == (1.0, 1.0)
    assert fold.fitted_.names == layout.names
    assert fold.transform(frame).shape == layout.transform(frame).shape


def test_a_stack_that_died_goes_on_and_ends_in_the_same_model_file(tmp_path: Path, stacked: Any) -> None:
    def die(event: Event) -> None:
        if isinstance(event, Networks) and event.done == event.total:
            raise Death

    with pytest.raises(Death):
        percept.fit(*arrays(), cv=3, restarts=2, out=tmp_path / "run", watch=die, **STACK)
    assert list((tmp_path / "run" / "checkpoint" / "networks").iterdir())
    percept.fit(*arrays(), cv=3, restarts=2, out=tmp_path / "run", resume=True, **STACK)
    for name in ("model.safetensors", "selection.json", "recipe.toml", "validation_predictions.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (stacked.path / name).read_bytes()


def test_other_choices_are_refused_when_a_selection_is_resumed(tmp_path: Path) -> None:
    def die(event: Event) -> None:
        if isinstance(event, Networks):
            raise Death

    with pytest.raises(Death):
        percept.fit(*arrays(), cv=3, out=tmp_path / "run", watch=die, **STACK)
    with pytest.raises(OptionError, match="--cv is 4, but .* was begun with 3"):
        percept.fit(*arrays(), cv=4, out=tmp_path / "run", resume=True, **STACK)


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"cv": 1}, "--cv is 1; expected a number of parts"),
        ({"cv": "lou"}, "--cv is lou"),
        ({"alphas": "a,b"}, "--alphas is a,b; expected auto, or numbers"),
        ({"alphas": [-1.0]}, "--alphas is"),
        ({"restarts": 0}, "--restarts is 0; expected a whole number"),
        ({"nested": 1}, "--nested is 1; expected 2 outer parts"),
        ({"hidden": [[0]]}, "--hidden is"),
        ({"cv": 3, "model": "linear"}, "not for model linear; use percept select"),
        ({"cv": 3, "weight_decay": 0.1}, "--alphas says which decays"),
        ({"cv": 3, "schedule": "plateau"}, "--schedule is plateau.*use percept select"),
        ({"cv": "loo", "metric": "auroc"}, "means nothing on one sample"),
    ],
)
def test_what_a_stack_cannot_do_is_one_sentence(tmp_path: Path, choices: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        percept.fit(*arrays(), out=tmp_path / "run", **choices)
    assert not (tmp_path / "run").exists()


def test_pictures_are_pointed_to_select(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="not for pictures; use percept select"):
        percept.fit("digits", cv=3, out=tmp_path / "run")


GRID: dict[str, Any] = {"weight_decay": [0.0, 0.1], "hidden": [[4], [3, 2]]}
RUNS: dict[str, Any] = {"cv": 2, "epochs": 1, "threads": 1}


def test_candidates_are_runs_and_the_best_is_trained_again(tmp_path: Path) -> None:
    run = percept.select(*arrays(), grid=GRID, out=tmp_path / "run", **RUNS)
    table = pd.read_csv(run.path / "selection.csv")
    assert len(table) == 4
    assert len(list((run.path / "parts").glob("candidate-*/part-*/model.safetensors"))) == 8
    best = table.iloc[int(table["loss"].to_numpy().argmin())]
    assert run.recipe.training.weight_decay == best["weight_decay"]
    assert run.recipe.model.arguments["hidden"] == [int(units) for units in str(best["hidden"]).split("x")]
    assert run.evaluate().samples == 12
    assert run.report.exists() and not list((run.path / "parts").rglob("report.html"))
    assert report(run.path / "parts" / "candidate-2" / "part-1").exists()  # drawn where it is asked for


def test_no_sample_is_predicted_by_a_run_that_learned_from_it(tmp_path: Path) -> None:
    run = percept.select(*arrays(), grid={"weight_decay": [0.1]}, out=tmp_path / "run", **RUNS)
    sealed = pd.read_csv(run.path / "splits.csv").query("part == 'test'")["sample"]
    tested: list[Any] = []
    for part in (run.path / "parts" / "candidate-1").iterdir():
        lines = pd.read_csv(part / "splits.csv")
        assert not set(lines["sample"]) & set(sealed)
        tested += lines.query("part == 'test'")["sample"].tolist()
    assert len(tested) == len(set(tested)) == 48


@pytest.mark.slow
def test_a_selection_of_runs_goes_on_without_doing_a_finished_run_again(tmp_path: Path) -> None:
    def die(event: Event) -> None:
        if isinstance(event, Networks) and event.done == 3:
            raise Death

    whole = percept.select(*arrays(), grid=GRID, out=tmp_path / "whole", **RUNS)
    with pytest.raises(Death):
        percept.select(*arrays(), grid=GRID, out=tmp_path / "run", watch=die, **RUNS)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("parts/*/*/model.safetensors")}
    assert len(done) >= 3
    run = percept.select(*arrays(), grid=GRID, out=tmp_path / "run", resume=True, **RUNS)
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    for name in ("model.safetensors", "selection.json", "selection.csv", "recipe.toml"):
        assert (run.path / name).read_bytes() == (whole.path / name).read_bytes()


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ({}, "nothing to choose from"),
        ({"learning_rate": []}, "expected one value or more"),
        ({"learning_rates": [1.0]}, "--grid learning_rates is no setting; expected one of epochs"),
        ({"seed": [0, 1]}, "--grid seed cannot be chosen from"),
        ({"epochs": [1, 2]}, "--epochs is 1, and --grid has epochs too"),
        ({"optimizer": ["adagrad"]}, "adamw"),
    ],
)
def test_a_grid_that_does_not_work_is_one_sentence(tmp_path: Path, grid: dict[str, list[Any]], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        percept.select(*arrays(), grid=grid, out=tmp_path / "run", **RUNS)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_pictures_are_chosen_among_and_nested(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    pictures = (generator.integers(0, 60, (40, 8, 8)) + 150 * labels[:, None, None]).astype(np.uint8)
    events: list[Event] = []
    run = percept.select(
        pictures, labels, model="linear", grid={"learning_rate": [0.001, 0.01]}, nested=2, out=tmp_path / "run",
        watch=events.append, **RUNS,
    )  # fmt: skip
    found = run.selection
    assert found is not None
    assert found["nested"]["parts"] == 2
    assert any("honest error" in event.text for event in events if isinstance(event, Note))


@pytest.mark.slow
def test_on_pure_noise_the_inner_figure_is_too_good_and_the_nested_one_at_chance(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    features, labels = generator.normal(size=(80, 200)), generator.permutation(np.repeat([0, 1], 40))
    run = percept.fit(
        features, labels, test="none", cv=5, alphas="auto", hidden=[[2], [4], [8], [16]], nested=4, epochs=20,
        out=tmp_path / "run", threads=1,
    )  # fmt: skip
    found = run.selection
    assert found is not None
    nested = found["nested"]["figures"]["accuracy"]
    assert nested["low"] <= 0.5 <= nested["high"]
    assert np.mean(found["nested"]["inner"]) > nested["value"]


def test_ways_of_splitting_are_known_by_name() -> None:
    assert [checked_cv(way) for way in (2, "10", "loo", "bootstrap")] == ["2", "10", "loo", "bootstrap"]
