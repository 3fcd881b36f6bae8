"""A segmenter that begins as a trained classifier: what it learns sooner, what it keeps, and what is refused."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import percept
from percept.cli.main import main
from percept.data.preprocessing import ImagePreprocessing
from percept.errors import DataError, OptionError, PerceptError, RunFolderError
from percept.models import build
from percept.models.fcn import FCN
from percept.models.file import load_model
from percept.runs.recipe import ModelRecipe
from percept.workflow.densify import fine_tune
from percept.workflow.events import Event, Note, Trained
from percept.workflow.fit import run_to_end
from percept.workflow.options import asked_of
from percept.workflow.run import Run
from percept.workflow.segmentation.pretrained import begin_as_classifier

pytestmark = pytest.mark.usefixtures("no_report")

SIDE, SCENE = 20, 60  # pixels of the classifier's pictures, and of those with masks
CLASSES = ["nothing", "disc", "square"]
CHOICES: dict[str, Any] = {"classes": CLASSES, "threads": 1, "epochs": 3, "batch_size": 2, "augment": "none"}


def drawn(kind: str, generator: np.random.Generator, side: int = SIDE) -> NDArray[np.bool_]:
    """Return a disc or a square in the middle of a patch."""
    rows, columns = np.mgrid[:side, :side] - side / 2 + 0.5
    radius = generator.uniform(5, 8)
    if kind == "nothing":
        return np.zeros((side, side), np.bool_)
    inside = rows**2 + columns**2 < radius**2 if kind == "disc" else np.maximum(abs(rows), abs(columns)) < radius
    return np.asarray(inside, np.bool_)


def noisy(shapes: NDArray[Any], generator: np.random.Generator) -> NDArray[np.uint8]:
    bright = 90 + 60 * shapes.astype(bool) + generator.normal(0, 25, shapes.shape)
    return np.asarray(bright.clip(0, 255), np.uint8)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run of a classifier of small pictures, whose classes are in another order than those of the masks."""
    generator = np.random.default_rng(0)
    labels = np.array(CLASSES)[np.arange(450) % 3]
    pictures = np.stack([noisy(drawn(label, generator), generator) for label in labels])
    out = tmp_path_factory.mktemp("runs") / "shapes"
    options: dict[str, Any] = {"image_size": (SIDE, SIDE), "epochs": 6, "augment": "none", "threads": 1}
    percept.fit(pictures, labels, model="lenet", out=out, **options)
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return twelve pictures of nine shapes each, with a class for every pixel: 0, 1 or 2."""
    generator, folder = np.random.default_rng(1), tmp_path_factory.mktemp("masks") / "scenes"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(12):
        mask = np.zeros((SCENE, SCENE), np.uint8)
        for place in np.ndindex(3, 3):
            kind = int(generator.integers(3))
            shape = drawn(CLASSES[kind], generator)
            mask[tuple(slice(SIDE * each, SIDE * each + SIDE) for each in place)][shape] = kind
        Image.fromarray(noisy(mask, generator)).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def tuned(classifier: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a finished run that no test changes."""
    return fine_tune(classifier, folder, out=tmp_path_factory.mktemp("runs") / "tuned", **CHOICES)


def mean_iou(run: Run) -> float:
    return float(run.validation["mean_iou"]["value"] or 0)


def test_a_classifier_learns_masks_sooner_than_weights_drawn_anew(tuned: Run, folder: Path, tmp_path: Path) -> None:
    recipe, dataset = asked_of(str(folder), None, CHOICES, {})
    same = tuned.recipe.model
    recipe = recipe.model_copy(update={"model": ModelRecipe(name=same.name, arguments=same.arguments)})
    anew = run_to_end(recipe, dataset, tmp_path / "anew", resume=False, watch=None, progress=None)
    assert anew.recipe.training.epochs == tuned.recipe.training.epochs == 3
    assert mean_iou(tuned) > 0.4 > mean_iou(anew)  # "nothing" everywhere has below a third


def test_the_run_is_one_like_every_segmenters(tuned: Run, folder: Path, tmp_path: Path) -> None:
    assert percept.evaluate(shutil.copytree(tuned.path, tmp_path / "own")).samples == 2
    masks = percept.predict(tuned.path, folder / "images", out=tmp_path / "masks")
    assert isinstance(masks, Path) and len(list(masks.glob("*_overlay.png"))) == 12
    model = load_model(tuned.path / "model.safetensors")
    assert (model.task, model.architecture, model.classes) == ("segmentation", "fcn8s", tuple(CLASSES))
    assert "begins as" in (tuned.path / "report.html").read_text()


def test_pictures_are_prepared_as_the_classifiers_were(tuned: Run, classifier: Path) -> None:
    before, after = (load_model(path / "model.safetensors").preprocessing for path in (classifier, tuned.path))
    assert (after.channels, after.mean, after.std) == (before.channels, before.mean, before.std)  # type: ignore[union-attr]


def test_at_its_start_it_says_what_the_classifier_says(tuned: Run, classifier: Path) -> None:
    network = build("fcn32s", **tuned.recipe.model.arguments).eval()
    begin_as_classifier(network, tuned.recipe, CLASSES)
    known = load_model(classifier / "model.safetensors")
    assert isinstance(network, FCN) and isinstance(known.preprocessing, ImagePreprocessing)
    generator = np.random.default_rng(2)
    for kind in CLASSES:
        picture = known.preprocessing.tensor(noisy(drawn(kind, generator), generator)[None, :, :, None])
        with torch.no_grad():
            expected = known.network(picture)[0]
            found = network.scores[-1](network.dense(network.body(picture)[-1]))[0]
        middle = (found.shape[1] - 1) // 2, (found.shape[2] - 1) // 2  # where the filter is all of the last map
        order = [known.classes.index(name) for name in CLASSES]
        torch.testing.assert_close(found[:, *middle], expected[order], atol=1e-4, rtol=1e-4)


def test_a_killed_run_goes_on_to_the_same_bytes(tuned: Run, classifier: Path, folder: Path, tmp_path: Path) -> None:
    class DeathError(BaseException):
        """Ends a run in this process, as a signal would."""

    def die(event: Event) -> None:
        if isinstance(event, Trained) and event.epoch.number == 2:
            raise DeathError

    with pytest.raises(DeathError):
        fine_tune(classifier, folder, out=tmp_path / "run", watch=die, **CHOICES)
    fine_tune(classifier, folder, out=tmp_path / "run", resume=True, **CHOICES)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (tuned.path / "model.safetensors").read_bytes()


def test_a_classifier_that_changed_is_not_gone_on_with(classifier: Path, folder: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(classifier, tmp_path / "own"))

    def die(event: Event) -> None:
        if isinstance(event, Trained):
            model = (own / "model.safetensors").read_bytes()
            (own / "model.safetensors").write_bytes(model[:-1] + bytes([model[-1] ^ 1]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(own, folder, out=tmp_path / "run", watch=die, **CHOICES)
    with pytest.raises(RunFolderError, match="has changed since the run was begun"):
        fine_tune(own, folder, out=tmp_path / "run", resume=True, **CHOICES)


def test_the_user_is_told_which_scores_are_taken_over(classifier: Path, folder: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Note):
            said.append(event.text)

    choices = {**CHOICES, "classes": ["ground", "disc", "square"], "epochs": 1}
    fine_tune(classifier, folder, out=tmp_path / "run", watch=note, **choices)
    assert any("with its scores of disc, square; ground begins at zero" in each for each in said)
    assert any("resized to 20x20" in each for each in said)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"classes": ["a", "b", "c"]},
            "the masks have the classes a, b, c, and .* knows disc, nothing, square: .*--cl",
        ),
        ({"classes": None}, "the masks have the classes 0, 1, 2, and"),
        ({"model": "unet"}, "--model is unet; a classifier's own layers make fcn8s, fcn16s, fcn32s"),
        ({"patches": 33}, "--pretrained is for training on whole pictures, not on patches"),
        ({"semantics": "patch"}, "--semantics is patch; with --masks whole pictures are learned from"),
        ({"pretrained": "other"}, "--pretrained is other; the run and its masks decide that"),
        ({"transfer": "head"}, "--transfer is not for scenes, which holds pictures with masks"),
    ],
)
def test_what_does_not_go_with_a_classifier_is_refused(
    classifier: Path, folder: Path, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        fine_tune(classifier, folder, out=tmp_path / "run", **{**CHOICES, **options})
    assert not (tmp_path / "run").exists()


def test_pictures_in_color_are_refused_where_the_classifier_knows_grey_ones(
    classifier: Path, folder: Path, tmp_path: Path
) -> None:
    colored = Path(shutil.copytree(folder, tmp_path / "colored"))
    for path in (colored / "images").iterdir():
        Image.open(path).convert("RGB").save(path)
    with pytest.raises(DataError, match="the pictures of colored are in color, and .* learned from grey ones"):
        fine_tune(classifier, colored, out=tmp_path / "run", **CHOICES)


def test_a_folder_without_masks_and_a_run_without_pictures_are_refused(
    tuned: Run, classifier: Path, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(PerceptError, match="masks"):
        fine_tune(classifier, folder / "images", out=tmp_path / "run", **CHOICES)
    with pytest.raises(DataError, match="is no classifier of pictures"):
        fine_tune(tuned.path, folder, out=tmp_path / "run", **CHOICES)
    with pytest.raises(RunFolderError, match="does not exist"):
        fine_tune(tmp_path / "none", folder, out=tmp_path / "run", **CHOICES)


def test_a_network_that_cannot_be_made_so_is_refused_by_its_layer(folder: Path, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (30, 32, 32), dtype=np.uint8)
    options: dict[str, Any] = {"epochs": 1, "threads": 1, "image_size": (32, 32), "augment": "none"}
    labels = np.array(CLASSES)[np.arange(30) % 3]
    percept.fit(pictures, labels, model="efficientnet_b0", out=tmp_path / "gates", **options)
    with pytest.raises(OptionError, match=r"layer stage1\S* .*has no exact dense form: .*squeeze-excite"):
        fine_tune(tmp_path / "gates", folder, out=tmp_path / "run", **CHOICES)


def test_the_command_takes_masks_and_options_of_training(
    classifier: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    chosen = ["--classes", ",".join(CLASSES), "--epochs", "1", "--threads", "1", "--test", "none"]
    main(["densify", str(classifier), "--masks", str(folder), "--out", str(out), *chosen])
    assert len(pd.read_csv(out / "history.csv")) == 1
    assert "fcn8s begins as" in capsys.readouterr().out
    with pytest.raises(OptionError, match="--epochs is for learning further from masks; name their folder"):
        main(["densify", str(classifier), "--out", str(tmp_path / "dense"), "--epochs", "3"])
