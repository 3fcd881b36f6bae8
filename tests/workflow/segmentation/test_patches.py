import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import percept
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.errors import OptionError
from percept.models.file import load_model
from percept.workflow.events import Event, Trained
from percept.workflow.report import report
from percept.workflow.run import Run
from percept.workflow.segmentation import patches

pytestmark = pytest.mark.usefixtures("no_report")

Fit = Callable[..., Run]


@pytest.fixture(scope="module", autouse=True)
def _short_epochs() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(patches, "AN_EPOCH", 2560)
        patching.setattr(patches, "VALIDATED", 1000)
        yield


class Death(BaseException):
    """Ends a run in this process, as a signal would."""


@pytest.fixture(scope="module")
def patched(folder: Path, fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run of a classifier of patches, on the same data and seed as `run`."""
    return fit(folder, tmp_path_factory.mktemp("patched") / "run", patches=13, augment="auto", epochs=3).path


def test_a_classifier_of_patches_is_kept_with_their_side(patched: Path) -> None:
    model = load_model(patched / "model.safetensors")
    assert (model.architecture, model.task, model.arguments["size"]) == ("lenet", "segmentation", [13, 13])
    assert isinstance(model.preprocessing, PixelPreprocessing) and model.preprocessing.patch == (13, 13)
    assert tomllib.loads((patched / "recipe.toml").read_text())["training"]["patches"] == 13


def test_patches_have_the_split_and_the_figures_of_whole_pictures(patched: Path, run: Run) -> None:
    assert (patched / "splits.csv").read_bytes() == (run.path / "splits.csv").read_bytes()
    first, second = (pd.read_csv(path / "validation_predictions.csv") for path in (patched, run.path))
    assert list(first.columns) == list(second.columns) and first["key"].tolist() == second["key"].tolist()
    columns = [set(pd.read_csv(path / "history.csv").columns) for path in (patched, run.path)]
    assert columns[0] == columns[1]


def test_discs_are_learned_from_patches(patched: Path) -> None:
    figures = pd.read_json(patched / "findings.json", typ="series")["validation"]["figures"]
    assert figures["mean_iou"]["value"] > 0.7  # one class everywhere has 0.41


def test_a_classifier_of_patches_is_evaluated_asked_and_reported(patched: Path, folder: Path, tmp_path: Path) -> None:
    assert percept.evaluate(patched).samples == 2
    percept.predict(patched, folder / "images" / "00.png", out=tmp_path / "masks")
    with Image.open(folder / "images" / "00.png") as picture, Image.open(tmp_path / "masks" / "00.png") as mask:
        assert mask.size == picture.size and set(np.unique(np.asarray(mask))) <= {0, 1}
    assert report(patched).exists()


@pytest.mark.slow
def test_a_padded_classifier_is_trained_on_patches_too(folder: Path, fit: Fit, tmp_path: Path) -> None:
    fit(folder, tmp_path / "run", patches=9, model="small_resnet", epochs=1, minutes=0.02)
    assert load_model(tmp_path / "run" / "model.safetensors").architecture == "small_resnet"


@pytest.mark.slow
def test_a_killed_training_on_patches_goes_on_to_the_same_bytes(folder: Path, fit: Fit, tmp_path: Path) -> None:
    def die(event: Event) -> None:
        if isinstance(event, Trained):
            raise Death

    options = {"patches": 13, "augment": "auto", "epochs": 2}
    fit(folder, tmp_path / "whole", **options)
    with pytest.raises(Death):
        fit(folder, tmp_path / "killed", watch=die, **options)
    fit(folder, tmp_path / "killed", resume=True, **options)
    for name in ("model.safetensors", "validation_predictions.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patches": 16}, "odd number"),
        ({"patches": 1}, "odd number"),
        ({"patches": 5, "model": "lenet"}, "lenet"),
        ({"patches": 17, "model": "unet"}, "a class for every pixel"),
        ({"patches": 17, "crop": 32}, "--crop is for training on whole pictures"),
        ({"patches": 17, "weight_map": "unet"}, "--weight-map"),
        ({"patches": 17, "masking": 0.5}, "--masking"),
        ({"patches": 17, "loss": "dice"}, "--loss"),
    ],
)
def test_what_does_not_go_with_patches_is_refused_in_a_sentence(
    folder: Path, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        percept.fit(folder, out=tmp_path / "run", **options)
