"""Few pictures: augmentation, mixing, a pretrained body, minutes, a range test, views and abstention inside a run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

import percept
from percept.errors import DataError, OptionError, PerceptWarning, RunFolderError
from percept.models.file import load_model
from percept.workflow.events import Event, Note, Trained
from percept.workflow.run import Run

Pictures = tuple[NDArray[np.uint8], NDArray[np.str_]]


class Death(BaseException):
    """Ends a run in this process, as a signal would."""


def fit(bars: Pictures, out: Path, **choices: Any) -> Run:
    return percept.fit(*bars, out=out, **{"epochs": 3, "threads": 1, "device": "cpu", **choices})


def weights(run: Run | Path) -> dict[str, NDArray[np.float32]]:
    model = load_model((run if isinstance(run, Path) else run.path) / "model.safetensors")
    return {name: values.numpy() for name, values in model.network.state_dict().items()}


@pytest.fixture(scope="module")
def source(bars: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run to take a body from."""
    return fit(bars, tmp_path_factory.mktemp("source") / "run", augment="none")


def test_pictures_of_a_shape_that_direction_tells_are_not_turned(source: Run, bars: Pictures, tmp_path: Path) -> None:
    run = fit(bars, tmp_path / "run", epochs=1)
    assert run.recipe.training.augment == "auto"
    kept = run.recipe.training.augmentation or {}
    assert kept["shift"] == 0.125
    assert "What augmentation makes of them" in run.report.read_text()
    assert "What augmentation makes of them" not in source.report.read_text()


def test_mixed_and_pretrained_a_run_works_to_its_end_and_its_model_file_loads(
    source: Run, bars: Pictures, tmp_path: Path
) -> None:
    run = fit(
        bars,
        tmp_path / "run",
        pretrained=source.path,
        epochs=4,
        mixup=0.4,
        cutmix=1.0,
        label_smoothing=0.1,
        augment="light,flip",
    )
    assert run.recipe.model.name == source.recipe.model.name
    assert run.recipe.training.transfer == "all"
    assert percept.load(run.path).predict_proba(bars[0][:5]).sum(axis=1) == pytest.approx(1)
    assert run.evaluate().figures["accuracy"]["value"] is not None


@pytest.mark.usefixtures("no_report")
def test_with_the_head_alone_nothing_of_the_body_changes_and_its_preprocessing_is_kept(
    source: Run, bars: Pictures, tmp_path: Path
) -> None:
    brighter = (np.clip(bars[0].astype(np.int64) + 60, 0, 255).astype(np.uint8), bars[1])
    run = fit(brighter, tmp_path / "run", pretrained=str(source.path), transfer="head")
    before, after = weights(source), weights(run)
    assert run.recipe.training.augment == "none"
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == set(list(before)[-2:])  # weights and biases of the last layer
    assert run.model.model.preprocessing == source.model.model.preprocessing


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize(("transfer", "learning"), [("last:1", {"3", "6"}), ("last:2", {"2", "3", "6"})])
def test_the_last_stages_alone_learn_with_the_head(
    transfer: str, learning: set[str], source: Run, bars: Pictures, tmp_path: Path
) -> None:
    run = fit(bars, tmp_path / "run", pretrained=source.path, transfer=transfer, augment="none")
    before, after = weights(source), weights(run)
    # blocks 1 to 3 halve the map each, and 6 is the head; running averages are among the weights
    assert {name.split(".")[0] for name in before if not np.array_equal(before[name], after[name])} == learning


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("last", [1, pytest.param(3, marks=pytest.mark.slow)])  # the end of the head's phase; after it
def test_a_run_in_phases_that_was_killed_comes_to_the_same_weights(
    last: int, source: Run, bars: Pictures, tmp_path: Path
) -> None:
    choices = {"pretrained": source.path, "epochs": 5, "augment": "light", "mixup": 0.2}

    def die(event: Event) -> None:
        if isinstance(event, Trained) and event.epoch.number == last:
            raise Death

    whole = fit(bars, tmp_path / "whole", **choices)
    with pytest.raises(Death):
        fit(bars, tmp_path / "killed", **choices, watch=die)
    again = fit(bars, tmp_path / "killed", **choices, resume=True)
    times = ["seconds", "compute_seconds"]
    pd.testing.assert_frame_equal(again.history.drop(columns=times), whole.history.drop(columns=times))
    assert all(np.array_equal(each, weights(whole)[name]) for name, each in weights(again).items())


def test_another_augmentation_is_refused_when_a_run_goes_on(bars: Pictures, tmp_path: Path) -> None:
    def die(event: Event) -> None:
        if isinstance(event, Trained):
            raise Death

    with pytest.raises(Death):
        fit(bars, tmp_path / "run", augment="light", watch=die)
    with pytest.raises(OptionError, match=r"--resume: --augment is strong, but .* was begun with light"):
        fit(bars, tmp_path / "run", augment="strong", resume=True)
    with pytest.raises(OptionError, match="--resume: --mixup is 0.2"):
        fit(bars, tmp_path / "run", augment="light", mixup=0.2, resume=True)


@pytest.mark.usefixtures("no_report")
def test_a_body_that_changed_since_the_run_was_begun_is_told(source: Run, bars: Pictures, tmp_path: Path) -> None:
    body = tmp_path / "body.safetensors"
    body.write_bytes((source.path / "model.safetensors").read_bytes())

    def die(event: Event) -> None:
        if isinstance(event, Trained):
            raise Death

    with pytest.raises(Death):
        fit(bars, tmp_path / "run", pretrained=body, watch=die)
    other = fit(bars, tmp_path / "other", seed=1, epochs=1)
    body.write_bytes((other.path / "model.safetensors").read_bytes())
    with pytest.raises(RunFolderError, match=r"body\.safetensors has changed since the run was begun"):
        fit(bars, tmp_path / "run", pretrained=body, resume=True)


@pytest.mark.usefixtures("no_report")
def test_classes_with_an_augmentation_of_their_own_are_evened_out(bars: Pictures, tmp_path: Path) -> None:
    run = fit(bars, tmp_path / "run", augment="none", augment_class={"lying": "shift=0.2"}, epochs=1)
    assert run.recipe.training.class_augmentations == {"lying": {"shift": 0.2}}
    assert run.recipe.training.augmentation == {}
    with pytest.raises(OptionError, match="names class 'laying', which the data have not; did you mean 'lying'"):
        fit(bars, tmp_path / "none", augment_class={"laying": "strong"})
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("no_report")
def test_a_training_ends_within_its_minutes_and_says_how_many_epochs_fitted(bars: Pictures, tmp_path: Path) -> None:
    run = fit(bars, tmp_path / "run", epochs=None, minutes=0.05)
    training = run.recipe.training
    assert training.epochs is not None
    assert training.steps is not None
    assert 1 <= len(run.history) <= training.epochs


@pytest.mark.slow
def test_the_rate_of_a_range_test_is_taken_and_drawn(bars: Pictures, tmp_path: Path) -> None:
    said: list[str] = []
    run = fit(
        bars, tmp_path / "run", find_lr=True, watch=lambda e: said.append(e.text) if isinstance(e, Note) else None
    )
    curve = pd.read_csv(run.path / "learning_rates.csv")
    best = curve["learning_rate"].to_numpy()[curve["smoothed_loss"].to_numpy().argmin()]
    assert run.recipe.training.learning_rate == pytest.approx(best / 10)
    assert any(text.startswith("Learning rate ") for text in said)
    assert "Loss over growing learning rates" in run.report.read_text()


def test_views_and_abstention_are_said_and_kept(bars: Pictures, tmp_path: Path) -> None:
    run = fit(bars, tmp_path / "run", epochs=8, abstain=0.4)
    model = load_model(run.path / "model.safetensors")
    assert model.abstain_below > 0
    found = percept.evaluate(run.path, tta="horizontal,vertical")
    assert found.said[0].startswith("3 views of each picture take ")
    assert any(each.startswith("Answering only from a probability of") for each in found.said)
    page = run.report.read_text()
    assert all(each in page for each in found.said)
    folder = tmp_path / "new"
    folder.mkdir()
    for number, picture in enumerate(bars[0][:4]):
        Image.fromarray(picture[..., 0]).save(folder / f"{number}.png")
    rows = percept.predict(run.path, folder)
    assert isinstance(rows, list)
    for row in rows:
        assert row["sure"] == ("yes" if row["probability"] >= model.abstain_below else "no")  # type: ignore[operator]


def test_views_that_a_run_was_fitted_with_are_those_of_its_figures_and_its_answers(
    bars: Pictures, tmp_path: Path
) -> None:
    run = fit(bars, tmp_path / "run", tta="horizontal")
    assert "2 views of each picture take " in run.report.read_text()
    alone = replace(run.model, tta="")
    table = pd.read_csv(run.path / "validation_predictions.csv")
    rows = [int(key) for key in table["sample"]]
    pictures = bars[0][rows]
    mean = (alone.predict_proba(pictures) + alone.predict_proba(np.ascontiguousarray(pictures[:, :, ::-1]))) / 2
    assert run.model.predict_proba(pictures) == pytest.approx(mean, abs=1e-5)
    told = table[[f"probability of {name}" for name in run.model.classes]].to_numpy()
    assert told == pytest.approx(mean, abs=1e-5)
    assert abs(mean - alone.predict_proba(pictures)).max() > 1e-4
    assert run.evaluate().said[0].startswith("2 views of each picture take ")
    assert percept.evaluate(run.path, tta="none").said == ()
    for number, picture in enumerate(pictures[:3]):
        Image.fromarray(picture[..., 0]).save(tmp_path / f"{number}.png")
    files = [tmp_path / f"{number}.png" for number in range(3)]
    with pytest.warns(PerceptWarning, match="2 views of each picture are predicted"):
        answers = percept.predict(run.path, files)
    assert [row["probability"] for row in answers] == pytest.approx(mean[:3].max(axis=1), abs=1e-5)  # type: ignore[union-attr]
    plain = percept.predict(run.path, files, tta="none")
    expected = alone.predict_proba(pictures[:3]).max(axis=1)
    assert [row["probability"] for row in plain] == pytest.approx(expected, abs=1e-5)  # type: ignore[union-attr]


def test_flipped_views_of_flipped_pictures_give_the_same_answers(source: Run, bars: Pictures) -> None:
    seen = replace(source.model, tta="horizontal")
    mirrored = np.ascontiguousarray(bars[0][:8, :, ::-1])
    assert seen.predict_proba(mirrored) == pytest.approx(seen.predict_proba(bars[0][:8]), abs=1e-5)


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"augment": "crop_size=8x8"}, "write crop=0.3"),
        ({"augment": "turn=5"}, "augmentation has no 'turn'"),
        ({"transfer": "last:1"}, "name one with --pretrained"),
        ({"mixup": -1.0}, "--mixup is -1.0; expected 0"),
        ({"tta": "sideways"}, "tta is 'sideways'; expected horizontal"),
        ({"abstain": 1.5}, "--abstain is 1.5; expected a share of wrong answers"),
        ({"find_lr": True, "learning_rate": 0.1}, "leave one of them out"),
    ],
)
def test_choices_that_do_not_work_are_told_and_leave_no_run(
    choices: dict[str, Any], says: str, bars: Pictures, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=says):
        fit(bars, tmp_path / "run", **choices)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_report")
def test_a_body_for_tables_is_refused(bars: Pictures, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    table = percept.fit(rows, (rows[:, 0] > 0).astype(np.int64), out=tmp_path / "table", epochs=1, threads=1)
    with pytest.raises(DataError, match="rows of a table"):
        fit(bars, tmp_path / "run", pretrained=table.path)


@pytest.mark.usefixtures("no_report")
def test_views_of_a_table_are_refused(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    table = percept.fit(rows, (rows[:, 0] > 0).astype(np.int64), out=tmp_path / "table", epochs=1, threads=1)
    with pytest.raises(OptionError, match="--tta is for pictures"):
        percept.evaluate(table.path, tta="horizontal")
    with pytest.raises(OptionError, match="--tta is for pictures"):
        percept.fit(rows, (rows[:, 0] > 0).astype(np.int64), out=tmp_path / "viewed", tta="horizontal")
    assert not (table.path / "ledger.jsonl").exists()


def test_a_sheet_shows_each_picture_with_its_versions(bars: Pictures, tmp_path: Path) -> None:
    path, words = percept.preview_augment(
        *bars, augment="rotate=20", pictures=2, versions=3, out=tmp_path / "sheet.png"
    )
    assert words == "rotate=20"
    with Image.open(path) as sheet:
        more = percept.preview_augment(*bars, augment="rotate=20", pictures=4, versions=3, out=tmp_path / "more.png")[0]
        with Image.open(more) as larger:
            assert larger.width == sheet.width
            assert larger.height > sheet.height
    with pytest.raises(OptionError, match="exists and is not overwritten"):
        percept.preview_augment(*bars, out=tmp_path / "sheet.png")
    with pytest.raises(OptionError, match="leaves pictures as they are"):
        percept.preview_augment(*bars, augment="none", out=tmp_path / "none.png")
