"""ImageClassifier: scikit-learn's habits on pictures, and what it learns beside a linear model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from torch import nn

import percept
from percept.errors import DataError, OptionError, TrainingError
from percept.estimators.image_classifier import ImageClassifier

QUICK: dict[str, Any] = {
    "arguments": {"width": 8},
    "max_iter": 1,
    "augment": None,
    "random_state": 0,
    "device": "cpu",
    "precision": "float32",
}


def stripes(count: int = 24, side: int = 12) -> tuple[Any, Any]:
    """Return noisy pictures of horizontal and of vertical stripes, whose mean tells nothing, and their names."""
    draw = np.random.default_rng(0)
    names = np.array(["down", "across"])[np.arange(count) % 2]
    phase = draw.integers(0, 4, count)
    waves = (np.arange(side)[None] + phase[:, None]) // 2 % 2
    pictures = np.where((names == "down")[:, None, None], waves[:, None, :], waves[:, :, None])
    return (pictures * 150 + draw.integers(0, 60, pictures.shape)).astype(np.uint8), names


X, Y = stripes()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one folder a class."""
    monkeypatch.setenv("PERCEPT_CACHE", str(tmp_path / "cache"))
    for row, (picture, name) in enumerate(zip(X, Y, strict=True)):
        folder = tmp_path / "data" / str(name)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{row:02}.png")
    return tmp_path / "data"


def paths_of(folder: Path) -> list[str]:
    return [str(folder / str(name) / f"{row:02}.png") for row, name in enumerate(Y)]


@pytest.mark.slow
def test_it_tells_digits_apart_better_than_a_linear_model_does() -> None:
    digits = load_digits()
    pictures, labels = digits.images[:900] / 16, digits.target[:900]
    train, test, of_train, of_test = train_test_split(pictures, labels, test_size=0.5, random_state=0, stratify=labels)
    ours = ImageClassifier(max_iter=8, arguments={"width": 16}, random_state=0, device="cpu").fit(train, of_train)
    theirs = LogisticRegression(max_iter=1000).fit(train.reshape(len(train), -1), of_train)
    assert ours.score(test, of_test) > theirs.score(test.reshape(len(test), -1), of_test)


def test_what_no_mean_picture_tells_is_learnt_and_text_labels_come_back() -> None:
    model = ImageClassifier(**{**QUICK, "max_iter": 8}).fit(X[:16], Y[:16])
    assert model.classes_.tolist() == ["across", "down"]
    assert model.predict(X[16:]).tolist() == Y[16:].tolist()
    assert model.score(X[16:], Y[16:]) == accuracy_score(Y[16:], model.predict(X[16:]))


def test_probabilities_are_those_of_the_network_itself() -> None:
    model = ImageClassifier(**QUICK).fit(X, Y)
    with torch.no_grad():
        scores = model.network_(model.preprocessing_.tensor(X[..., None]))
    np.testing.assert_allclose(model.predict_proba(X), scores.softmax(1), atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), model.classes_[model.predict_proba(X).argmax(axis=1)])


def test_one_seed_gives_one_network_another_seed_another_and_torchs_own_draws_are_not_felt() -> None:
    first = ImageClassifier(**{**QUICK, "augment": "light"})
    torch.manual_seed(1)
    before = first.fit(X, Y).predict_proba(X)
    drawn = torch.rand(1)
    torch.manual_seed(2)
    np.testing.assert_array_equal(clone(first).fit(X, Y).predict_proba(X), before)
    assert not np.array_equal(clone(first).set_params(random_state=1).fit(X, Y).predict_proba(X), before)
    torch.manual_seed(1)
    assert torch.rand(1) == drawn


def test_bytes_floats_and_a_channel_axis_are_the_same_pictures() -> None:
    expected = ImageClassifier(**QUICK).fit(X, Y).predict_proba(X)
    for same in (X / 255, (X / 255).astype(np.float32), X[..., None], X.tolist(), list(X)):
        np.testing.assert_array_equal(ImageClassifier(**QUICK).fit(same, Y).predict_proba(same), expected)


def test_arrays_paths_and_a_folder_give_the_same_network(files: Path) -> None:
    order = np.argsort(Y, kind="stable")  # as a folder lists them
    paths = np.array(paths_of(files))
    expected = ImageClassifier(**QUICK).fit(X[order], Y[order]).predict_proba(X)
    for given, labels in ((paths[order], Y[order]), (list(map(Path, paths[order])), Y[order]), (files, None)):
        model = ImageClassifier(**QUICK).fit(given, labels)
        np.testing.assert_array_equal(model.predict_proba(list(paths)), expected)
    assert model.score(files) == model.score(X, Y)


def test_the_parts_of_a_folder_are_kept(files: Path) -> None:
    for part, start in (("train", 0), ("val", 12), ("test", 18)):
        for row in range(start, {0: 12, 12: 18, 18: 24}[start]):
            folder = files.parent / "parts" / part / str(Y[row])
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(X[row]).save(folder / f"{row:02}.png")
    model = ImageClassifier(**QUICK, early_stopping=True).fit(files.parent / "parts")
    held = model.predict_proba(X[12:18])
    assert model.history_[0]["validation_loss"] == pytest.approx(log_loss(Y[12:18], held), rel=1e-5)
    order = np.argsort(Y[:12], kind="stable")
    same = ImageClassifier(**QUICK).fit(X[:12][order], Y[:12][order])
    np.testing.assert_array_equal(
        ImageClassifier(**QUICK).fit(files.parent / "parts").predict_proba(X), same.predict_proba(X)
    )


def test_pictures_of_unlike_sizes_are_brought_to_one() -> None:
    unlike = [each if row % 2 else np.kron(each, np.ones((2, 3), np.uint8)) for row, each in enumerate(X)]
    model = ImageClassifier(**QUICK, image_size=12).fit(unlike, Y)
    assert model.predict_proba(unlike).shape == (24, 2)
    assert (model.preprocessing_.height, model.preprocessing_.width) == (12, 12)
    assert ImageClassifier(**QUICK, image_size=(10, 14)).fit(unlike, Y).predict(X[:3]).shape == (3,)


def test_clone_and_parameters_are_scikit_learns() -> None:
    model = ImageClassifier(**QUICK).set_params(mixup=0.2, alpha=0.1)
    copied = clone(model)
    assert copied.get_params() == model.get_params() and not hasattr(copied, "classes_")
    tags = get_tags(model)
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.three_d_array and not tags.input_tags.two_d_array


@pytest.mark.parametrize("method", ["predict", "predict_proba", "save"])
def test_an_unfitted_one_says_so(method: str) -> None:
    with pytest.raises(NotFittedError):
        getattr(ImageClassifier(), method)(X)


def test_it_works_in_a_pipeline_a_grid_search_and_a_cross_validation() -> None:
    piped = make_pipeline(FunctionTransformer(np.rot90, kw_args={"axes": (1, 2)}), ImageClassifier(**QUICK)).fit(X, Y)
    turned = ImageClassifier(**QUICK).fit(np.rot90(X, axes=(1, 2)), Y)
    np.testing.assert_array_equal(piped.predict(X), turned.predict(np.rot90(X, axes=(1, 2))))
    search = GridSearchCV(ImageClassifier(**QUICK), {"learning_rate_init": [1e-7, 1e-2]}, cv=2).fit(X, Y)
    assert set(search.best_params_) == {"learning_rate_init"} and search.predict(X).shape == (24,)
    scores = cross_val_score(ImageClassifier(**QUICK), X, Y, cv=3)
    assert scores.shape == (3,) and np.isfinite(scores).all()


def test_percepts_own_selection_takes_arrays_and_paths_alike(files: Path) -> None:
    model = ImageClassifier(**QUICK)
    on_arrays = percept.selection.cross_validate(model, X, Y, cv=2)
    on_paths = percept.selection.cross_validate(model, paths_of(files), Y, cv=2)
    np.testing.assert_array_equal(on_arrays.scores, on_paths.scores)
    np.testing.assert_allclose(on_arrays.scores, cross_val_score(model, X, Y, cv=2))


def test_early_stopping_keeps_the_best_epoch_of_pictures_held_out() -> None:
    model = ImageClassifier(**{**QUICK, "max_iter": 6}, early_stopping=True, validation_fraction=0.5).fit(X, Y)
    assert model.validation_scores_[model.best_epoch_ - 1] == max(model.validation_scores_)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.n_iter_ == len(model.history_) == len(model.loss_curve_)
    stopped = ImageClassifier(
        **{**QUICK, "max_iter": 50}, early_stopping=True, n_iter_no_change=2, learning_rate_init=1e-12
    ).fit(X, Y)
    assert stopped.n_iter_ == stopped.best_epoch_ + 2
    assert ImageClassifier(**QUICK).fit(X, Y).validation_scores_ is None


def test_balanced_weights_are_the_weights_they_stand_for() -> None:
    rows = np.r_[0:24:2, 1:7:2]  # 12 of "down", 3 of "across"
    named = {"down": 15 / 24, "across": 15 / 6}
    found = [ImageClassifier(**QUICK, class_weight=each).fit(X[rows], Y[rows]) for each in ("balanced", named, None)]
    balanced, given, even = (model.predict_proba(X) for model in found)
    np.testing.assert_allclose(balanced, given, atol=1e-6)
    assert not np.allclose(balanced, even, atol=1e-3)


def test_views_are_averaged() -> None:
    model = ImageClassifier(**QUICK).fit(X, Y)
    expected = (model.predict_proba(X) + model.predict_proba(X[:, :, ::-1])) / 2
    np.testing.assert_allclose(model.set_params(tta="horizontal").predict_proba(X), expected, atol=1e-6)


def test_a_saved_model_is_loaded_and_answers_the_same(tmp_path: Path) -> None:
    model = ImageClassifier(**QUICK, tta="horizontal").fit(X, Y)
    model.save(tmp_path / "stripes.safetensors")
    loaded = percept.load(tmp_path / "stripes.safetensors", device="cpu")
    assert loaded.classes == ("across", "down")
    np.testing.assert_allclose(loaded.predict_proba(X), model.predict_proba(X), atol=1e-6)


def test_a_pretrained_body_keeps_its_weights_while_the_head_learns(tmp_path: Path) -> None:
    body = ImageClassifier(**QUICK).fit(X, Y)
    body.save(tmp_path / "body.safetensors")
    moved = ImageClassifier(**QUICK, pretrained=tmp_path / "body.safetensors").fit(X, np.arange(24) % 3)
    old, new = body.network_.state_dict(), moved.network_.state_dict()
    same = {name for name in old if old[name].shape == new[name].shape and torch.equal(old[name], new[name])}
    head = {"6.weight", "6.bias"}
    assert same == set(old) - head
    assert all(each.requires_grad for each in moved.network_.parameters())
    whole = ImageClassifier(**{**QUICK, "max_iter": 2}, pretrained=tmp_path / "body.safetensors", transfer="all")
    changed = whole.fit(X, Y).network_.state_dict()
    assert not torch.equal(changed["0.0.weight"], old["0.0.weight"])


def test_a_module_of_the_users_own_is_a_body_that_no_file_describes(tmp_path: Path) -> None:
    own = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    model = clone(ImageClassifier(**{**QUICK, "arguments": None}, pretrained=own)).fit(X, Y)
    assert model.predict_proba(X).shape == (24, 2)
    with pytest.raises(OptionError, match="a body of your own"):
        model.save(tmp_path / "own.safetensors")


@pytest.mark.parametrize(
    ("given", "labels", "says"),
    [
        (X.reshape(24, -1), Y, r"images has shape \(24, 144\); expected \(samples, height, width\)"),
        (X.astype(float), Y, "divide by 255"),
        (X, None, "requires y to be passed"),
        (X, np.zeros(24, int), "a single class, 0"),
        (X[:20], Y, "inconsistent numbers of samples"),
        (X[:0], Y[:0], "expected"),
        (["missing.png"] * 24, Y, "missing.png cannot be read"),
        (X, np.linspace(0, 1, 24), "Unknown label type"),
    ],
)
def test_pictures_and_classes_that_do_not_work_are_named(
    given: Any, labels: Any, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERCEPT_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match=says):
        ImageClassifier(**QUICK).fit(given, labels)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"model": "small_resnett"}, "did you mean small_resnet"),
        ({"model": "unet"}, "gives a class for every pixel"),
        ({"arguments": {"widht": 4}}, "did you mean width"),
        ({"image_size": (1, 2, 3)}, "image_size is"),
        ({"augment": "storng"}, "storng"),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0"),
        ({"tta": "sideways"}, "tta is 'sideways'"),
        ({"max_iter": 0}, "max_iter is 0"),
        ({"max_iter": "many"}, "max_iter is 'many'"),
        ({"learning_rate": "plateau"}, "early_stopping=True"),
        ({"pretrained": 7}, "pretrained is a int"),
    ],
)
def test_arguments_that_do_not_work_are_named(named: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        ImageClassifier(**{**QUICK, **named}).fit(X, Y)


def test_a_loss_that_is_not_finite_names_the_argument_to_change() -> None:
    wild = ImageClassifier(**{**QUICK, "solver": "sgd", "learning_rate_init": 1e30, "max_iter": 3})
    with pytest.raises(TrainingError, match="set a smaller learning_rate_init than 1e"):
        wild.fit(X, Y)


def test_a_folder_is_predicted_in_the_order_of_its_files_and_an_empty_one_is_refused(
    files: Path, tmp_path: Path
) -> None:
    model = ImageClassifier(**QUICK).fit(X, Y)
    paths = sorted(files.rglob("*.png"))
    np.testing.assert_array_equal(model.predict_proba(files), model.predict_proba(paths))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no pictures"):
        model.predict(tmp_path / "empty")


def test_a_single_picture_in_color_is_not_taken_for_many_grey_ones() -> None:
    colors = np.repeat(X[..., None], 3, axis=3)
    model = ImageClassifier(**QUICK).fit(colors, Y)
    assert len(model.predict([colors[0]])) == 1
    with pytest.raises(DataError, match="single picture"):
        model.predict(colors[0])
