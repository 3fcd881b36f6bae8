"""A classifier's run made a segmenter's: its answer at a pixel is the classifier's on the patch there."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import percept
from percept.errors import DataError, OptionError
from percept.models.file import load_model
from percept.workflow.densify import densify
from percept.workflow.predict import predict
from percept.workflow.run import Run

pytestmark = pytest.mark.usefixtures("no_report")

SIDE = 20  # pixels of the classifier's pictures


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 100, (60, SIDE, SIDE), dtype=np.uint8)
    labels = np.arange(60) % 2
    pictures[labels == 1, 6:14, 6:14] += 120
    out = tmp_path_factory.mktemp("runs") / "squares"
    return percept.fit(pictures, labels, model="lenet", image_size=(SIDE, SIDE), epochs=2, augment="none", out=out)


def test_every_pixel_gets_the_classifiers_answer_for_the_patch_around_it(run: Run, tmp_path: Path) -> None:
    made = densify(run.path, out=tmp_path / "dense", semantics="patch")
    assert made.patch == (SIDE, SIDE)
    picture = np.random.default_rng(1).integers(0, 220, (44, 52), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "large.png")
    folder = predict(made.path, tmp_path / "large.png", out=tmp_path / "masks", probabilities=True)
    assert isinstance(folder, Path)
    probabilities = np.load(folder / "large_probabilities.npy")  # (classes, 44, 52)
    half = SIDE // 2
    places = [(half, half), (half, 52 - half), (44 - half, half), (25, 31)]  # centers of patches inside the picture
    patches = [picture[row - half : row + half, column - half : column + half] for row, column in places]
    expected = run.predict_proba(np.stack(patches))
    found = np.stack([probabilities[:, row, column] for row, column in places])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    mask = np.asarray(Image.open(folder / "large.png"))
    assert mask.shape == (44, 52) and (mask == probabilities.argmax(axis=0)).all()


def test_the_weights_and_the_classes_stay(run: Run, tmp_path: Path) -> None:
    made = densify(run.path, out=tmp_path / "dense", semantics="patch")
    before, after = load_model(run.path / "model.safetensors"), load_model(made.path / "model.safetensors")
    assert after.task == "segmentation" and after.classes == before.classes
    for one, other in zip(before.network.parameters(), after.network.parameters(), strict=True):
        assert (one == other).all()


def test_a_padded_network_asks_what_an_answer_means(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (40, 16, 16), dtype=np.uint8)
    padded = percept.fit(pictures, np.arange(40) % 2, model="small_resnet", epochs=1, out=tmp_path / "padded")
    with pytest.raises(OptionError, match="patch.*image.*plane"):
        densify(padded.path, out=tmp_path / "dense")
    assert not (tmp_path / "dense").exists()


def test_a_run_of_a_table_is_refused(tmp_path: Path) -> None:
    table = percept.fit("iris", epochs=1, out=tmp_path / "iris")
    with pytest.raises(DataError, match="is none of pictures; expected a classifier of pictures"):
        densify(table.path, out=tmp_path / "dense")
