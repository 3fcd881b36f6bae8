"""Runs on a CUDA device: whole workflows, and their model files on a machine without one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import percept
from percept.models.file import load_model
from percept.workflow.events import Event, Trained
from percept.workflow.run import Run

pytestmark = pytest.mark.gpu
Pictures = tuple[NDArray[np.uint8], NDArray[np.str_]]


class Death(BaseException):
    """Ends a run in this process, as a signal would."""


def fit(bars: Pictures, out: Path, **choices: Any) -> Run:
    return percept.fit(*bars, out=out, **{"epochs": 8, "device": "cuda", "threads": 1, **choices})


def killed_after(epoch: int) -> Any:
    def watch(event: Event) -> None:
        if isinstance(event, Trained) and event.epoch.number == epoch:
            raise Death

    return watch


@pytest.fixture(scope="module")
def run(bars: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(bars, tmp_path_factory.mktemp("gpu") / "run")


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of noisy pictures, (40, 44), and masks of the squares on them."""
    folder, draw = tmp_path_factory.mktemp("gpu") / "cells", np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(12):
        mask = np.zeros((40, 44), np.uint8)
        for row, column in draw.integers(0, 28, (3, 2)):
            mask[row : row + 9, column : column + 9] = 1
        picture = np.clip(90 + 80 * mask + draw.normal(0, 15, mask.shape), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:02}.png")
    return folder


def test_a_run_learns_on_a_gpu_and_answers_the_same_without_one(run: Run, bars: Pictures) -> None:
    assert run.recipe.training.device == "cuda"
    there, here = (percept.load(run.path, device=device).predict_proba(bars[0]) for device in ("cuda", "cpu"))
    assert np.abs(there - here).max() < 0.01
    assert (here.argmax(axis=1) == (bars[1] == "standing")).mean() > 0.9
    assert run.evaluate().figures["accuracy"]["value"] is not None
    assert "What augmentation makes of them" in run.report.read_text()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_killed_run_goes_on_to_the_weights_of_an_unbroken_one(precision: str, bars: Pictures, tmp_path: Path) -> None:
    whole = fit(bars, tmp_path / "whole", epochs=3, precision=precision)
    with pytest.raises(Death):
        fit(bars, tmp_path / "killed", epochs=3, precision=precision, watch=killed_after(2))
    resumed = fit(bars, tmp_path / "killed", epochs=3, precision=precision, resume=True)
    one, other = (load_model(each.path / "model.safetensors").network.state_dict() for each in (whole, resumed))
    for name, values in one.items():
        np.testing.assert_allclose(other[name].numpy(), values.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.filterwarnings("ignore:2 views")
def test_a_body_is_taken_from_a_run_and_everything_else_is_asked_for(run: Run, bars: Pictures, tmp_path: Path) -> None:
    moved = fit(
        bars,
        tmp_path / "run",
        pretrained=run.path,
        transfer="all",
        epochs=4,
        mixup=0.2,
        label_smoothing=0.05,
        find_lr=True,
        tta="horizontal",
        abstain=0.2,
    )
    folder = tmp_path / "shown"
    folder.mkdir()
    for number, picture in enumerate(bars[0][:4]):
        Image.fromarray(picture[:, :, 0]).save(folder / f"{number}.png")
    drawn = percept.predict(moved.path, folder, out=tmp_path / "drawn", activation=True, device="cuda")
    assert len(list(Path(str(drawn)).glob("*.png"))) == 4
    head = fit(bars, tmp_path / "head", pretrained=run.path, transfer="head", augment="none", epochs=2)
    assert head.recipe.training.transfer == "head"


def test_dropout_is_asked_for_its_uncertainty(bars: Pictures, tmp_path: Path) -> None:
    alexnet = fit(
        bars, tmp_path / "run", model="alexnet", image_size=(64, 64), batch_size=32, epochs=1, tta="horizontal"
    )
    assert any("dropout" in sentence for sentence in percept.evaluate(alexnet.path, device="cuda").said)


def test_a_table_is_learnt_and_explained(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(200, 3))
    labels = np.where(rows[:, 0] * rows[:, 1] > 0, "same", "other")
    run = percept.fit(rows, labels, out=tmp_path / "run", epochs=20, device="cuda")
    there, here = (percept.load(run.path, device=device).predict_proba(rows) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(there, here, atol=1e-5)
    network = load_model(run.path / "model.safetensors", device="cuda").network
    shown = percept.explain(network, torch.from_numpy(rows[:8]).float(), torch.zeros(8, dtype=torch.int64))
    assert shown.agrees


@pytest.mark.parametrize("choices", [{}, {"patches": 13, "model": "lenet"}])
def test_masks_are_learnt_and_written_the_same_without_a_gpu(
    choices: dict[str, Any], cells: Path, tmp_path: Path
) -> None:
    run = percept.fit(cells, out=tmp_path / "run", epochs=6, device="cuda", seed=1, **choices)
    assert run.evaluate().figures["mean_iou"]["value"] is not None
    written = [
        percept.predict(run.path, cells / "images", out=tmp_path / f"on_{place}", device=device, probabilities=True)
        for place, device in enumerate(("cuda", "cpu"))
    ]
    for name in sorted(path.name for path in Path(str(written[0])).glob("*.npy")):
        there, here = (np.load(Path(str(folder)) / name) for folder in written)
        assert np.abs(there - here).max() < 0.02, name


def test_a_large_picture_is_written_tile_by_tile(cells: Path, tmp_path: Path) -> None:
    pytest.importorskip("tifffile")
    run = percept.fit(cells, out=tmp_path / "run", epochs=2, device="cuda")
    picture = np.random.default_rng(0).integers(0, 255, (600, 700), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "large.png")
    whole = percept.predict(run.path, tmp_path / "large.png", out=tmp_path / "whole", device="cuda")
    tiled = percept.predict(run.path, tmp_path / "large.png", out=tmp_path / "tiled", device="cuda", memory="400MB")
    one, other = (np.asarray(Image.open(next(Path(str(each)).glob("large*.*")))) for each in (whole, tiled))
    assert (one != other).mean() < 1e-3


def test_a_classifier_is_made_dense_and_gives_masks(run: Run, bars: Pictures, tmp_path: Path) -> None:
    lenet = fit(bars, tmp_path / "run", model="lenet", image_size=(20, 20), epochs=2)
    made = percept.densify(lenet.path, out=tmp_path / "dense", semantics="patch")
    file = tmp_path / "large.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (50, 60), dtype=np.uint8)).save(file)
    written = [
        percept.predict(
            made.path, tmp_path / "large.png", out=tmp_path / f"on_{place}", device=device, probabilities=True
        )
        for place, device in enumerate(("cuda", "cpu"))
    ]
    there, here = (np.load(Path(str(folder)) / "large_probabilities.npy") for folder in written)
    np.testing.assert_allclose(there, here, atol=1e-3)
