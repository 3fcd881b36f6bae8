import shutil
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import percept
from percept.errors import DataError, OptionError, PerceptError, RunFolderError
from percept.models.file import load_model
from percept.runs.folder import RunFolder
from percept.training.crop_sizes import Crop
from percept.training.pixel_batches import MaskedPart, pixel_batches
from percept.workflow.events import Event, Note, Trained
from percept.workflow.run import Run
from percept.workflow.segmentation import learn

pytestmark = pytest.mark.usefixtures("no_report")

Write = Callable[..., Path]
Fit = Callable[..., Run]
TIMES = ["seconds", "compute_seconds"]
VALID = {"width": 4, "depth": 2, "padding": "valid"}


class Death(BaseException):
    """Ends a run in this process, as a signal would."""


def parts_of(out: Path) -> pd.Series:
    return pd.read_csv(out / "splits.csv", dtype=str)["part"]


def figure(out: Path, name: str) -> float:
    return float(pd.read_json(out / "findings.json", typ="series")["validation"]["figures"][name]["value"])


def test_a_run_holds_a_model_a_split_and_figures_of_the_validation_pictures(run: Run) -> None:
    folder = RunFolder(run.path)
    assert folder.finished and not folder.checkpoint.exists()
    assert parts_of(run.path).value_counts().to_dict() == {"train": 8, "validation": 2, "test": 2}
    model = load_model(folder.model)
    assert (model.task, model.classes) == ("segmentation", ("background", "foreground"))
    assert len(pd.read_csv(folder.predictions("validation"))) == 2


def test_discs_are_learned(run: Run) -> None:
    assert figure(run.path, "mean_iou") > 0.6  # one class everywhere has 0.41


def test_a_run_killed_between_epochs_goes_on_to_the_same_bytes(folder: Path, fit: Fit, tmp_path: Path) -> None:
    def die(event: Event) -> None:
        if isinstance(event, Trained) and event.epoch.number == 2:
            raise Death

    options = {"epochs": 3, "augment": "auto", "masking": 0.3}
    fit(folder, tmp_path / "whole", **options)
    with pytest.raises(Death):
        fit(folder, tmp_path / "killed", watch=die, **options)
    assert not RunFolder(tmp_path / "killed").finished
    fit(folder, tmp_path / "killed", resume=True, **options)
    whole, resumed = tmp_path / "whole", tmp_path / "killed"
    for name in ("model.safetensors", "splits.csv", "validation_predictions.csv"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name
    first, second = (pd.read_csv(each / "history.csv").drop(columns=TIMES) for each in (whole, resumed))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.slow
def test_masks_of_0_and_255_teach_the_same_as_masks_of_0_and_1(
    folder: Path, write: Write, fit: Fit, tmp_path: Path
) -> None:
    fit(folder, tmp_path / "white")
    fit(write(tmp_path / "index", value=1), tmp_path / "one")
    first, second = (load_model(tmp_path / name / "model.safetensors") for name in ("white", "one"))
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())


def test_pixels_of_the_ignore_label_are_neither_learned_nor_counted(write: Write, fit: Fit, tmp_path: Path) -> None:
    folder = write(tmp_path / "cells", value=1, ignored=255)
    run = fit(folder, tmp_path / "run")
    assert len(load_model(tmp_path / "run" / "model.safetensors").classes) == 2
    table = pd.read_csv(run.path / "validation_predictions.csv", dtype={"key": str})
    assert len(table) == 2
    with Image.open(folder / "masks" / "00.png") as mask:
        assert (np.asarray(mask)[:3] == 255).all()


def test_an_ignore_label_that_the_user_names_is_no_class(write: Write, fit: Fit, tmp_path: Path) -> None:
    fit(write(tmp_path / "cells", value=1, ignored=7), tmp_path / "run", ignore=7, epochs=1)
    assert len(load_model(tmp_path / "run" / "model.safetensors").classes) == 2


def test_classes_get_the_names_that_the_user_gives(folder: Path, fit: Fit, tmp_path: Path) -> None:
    fit(folder, tmp_path / "run", classes=["ground", "cell"], epochs=1)
    assert load_model(tmp_path / "run" / "model.safetensors").classes == ("ground", "cell")


def test_smeared_edges_are_refused_without_nearest_and_learned_with_it(write: Write, fit: Fit, tmp_path: Path) -> None:
    folder = write(tmp_path / "cells")
    for path in sorted((folder / "masks").iterdir()):
        with Image.open(path) as mask:
            mask.save(path.with_suffix(".jpg"), quality=70)
        path.unlink()
    with pytest.raises(PerceptError, match="nearest"):
        fit(folder, tmp_path / "refused", epochs=1)
    fit(folder, tmp_path / "run", nearest=True, epochs=1)
    assert len(load_model(tmp_path / "run" / "model.safetensors").classes) == 2


def test_minutes_fit_epochs_and_steps_and_the_training_stops(folder: Path, fit: Fit, tmp_path: Path) -> None:
    begun = time.monotonic()
    fit(folder, tmp_path / "run", minutes=0.05, epochs=None)
    recipe = tomllib.loads((tmp_path / "run" / "recipe.toml").read_text())["training"]
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert recipe["epochs"] >= 1 and recipe["steps"] >= 1
    assert 1 <= len(history) <= recipe["epochs"]
    assert time.monotonic() - begun < 120  # it would train for hours if it did not stop


def test_test_none_seals_nothing(folder: Path, fit: Fit, tmp_path: Path) -> None:
    fit(folder, tmp_path / "run", test="none", epochs=1)
    assert set(parts_of(tmp_path / "run")) == {"train", "validation"}
    with pytest.raises(RunFolderError, match="nothing sealed"):
        percept.evaluate(tmp_path / "run")


@pytest.mark.slow
def test_the_users_own_test_folder_is_the_test_part(folder: Path, write: Write, fit: Fit, tmp_path: Path) -> None:
    extra = write(tmp_path / "extra", 3, seed=5)
    fit(folder, tmp_path / "run", test=str(extra), epochs=1)
    assert parts_of(tmp_path / "run").value_counts()["test"] == 3
    assert percept.evaluate(tmp_path / "run").samples == 3


def test_a_unet_without_padding_goes_all_the_way(folder: Path, fit: Fit, tmp_path: Path) -> None:
    out = tmp_path / "run"
    fit(folder, out, arguments=VALID, epochs=2)
    assert percept.evaluate(out).samples == 2
    percept.predict(out, folder / "images", out=tmp_path / "masks")
    for path in (folder / "images").iterdir():
        with Image.open(path) as picture, Image.open(tmp_path / "masks" / path.name) as mask:
            assert picture.size == mask.size


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "resnet18"}, "one answer a picture"),
        ({"image_size": (32, 32)}, "image-size"),
        ({"target": "class"}, "target"),
        ({"metric": "auroc"}, "mean_iou"),
        ({"loss": "hinge"}, "hinge"),
        ({"crop": 32, "memory": "1MB"}, "memory"),
        ({"minutes": -1.0}, "minutes"),
        ({"augment": "upside_down"}, "upside_down"),
    ],
)
def test_what_does_not_go_with_masks_is_refused_in_a_sentence(
    folder: Path, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises((OptionError, DataError), match=words):
        percept.fit(folder, options.pop("target", None), out=tmp_path / "run", task="segmentation", **options)


def test_an_occupied_folder_is_left_alone(folder: Path, fit: Fit, run: Run) -> None:
    before = (run.path / "model.safetensors").read_bytes()
    with pytest.raises(PerceptError, match=str(run.path.name)):
        fit(folder, run.path)
    assert (run.path / "model.safetensors").read_bytes() == before


def test_data_that_changed_since_a_run_was_begun_are_not_gone_on_with(write: Write, fit: Fit, tmp_path: Path) -> None:
    def die(event: Event) -> None:
        if isinstance(event, Trained):
            raise Death

    folder = write(tmp_path / "cells")
    with pytest.raises(Death):
        fit(folder, tmp_path / "run", watch=die)
    shutil.copy(folder / "images" / "00.png", folder / "images" / "99.png")
    shutil.copy(folder / "masks" / "00.png", folder / "masks" / "99.png")
    with pytest.raises(PerceptError, match="changed|other"):
        fit(folder, tmp_path / "run", resume=True)


def test_what_was_understood_of_the_masks_is_told_before_training(folder: Path, fit: Fit, tmp_path: Path) -> None:
    events: list[Event] = []
    fit(folder, tmp_path / "run", epochs=1, watch=events.append)
    told = [type(event) for event in events]
    assert told.index(Note) < told.index(Trained)
    assert any("255" in event.text for event in events if isinstance(event, Note))


def test_crops_are_no_larger_than_the_largest_picture(
    folder: Path, fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []

    def spy(part: MaskedPart, crop: Crop, *rest: Any, **named: Any) -> Any:
        seen.append((crop.height, crop.width))
        return pixel_batches(part, crop, *rest, **named)

    monkeypatch.setattr(learn, "pixel_batches", spy)
    fit(folder, tmp_path / "run", crop=4096, epochs=1)
    assert seen and max(max(size) for size in seen) <= 48
