"""ImageSegmenter: scikit-learn's habits on pictures with masks, and what it learns beside a threshold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import jaccard_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import get_tags

import percept
from percept.errors import OptionError
from percept.estimators.image_segmenter import ImageSegmenter

QUICK: dict[str, Any] = {
    "arguments": {"width": 4, "depth": 3},
    "max_iter": 1,
    "augment": None,
    "random_state": 0,
    "device": "cpu",
    "precision": "float32",
}


def scene(draw: np.random.Generator, height: int, width: int) -> tuple[Any, Any]:
    """Return a picture with a striped half on an even one, as bright on average, and its mask of 0 and 7."""
    rows, columns = np.mgrid[:height, :width]
    inside = columns >= draw.integers(6, width - 6)
    picture = np.where(inside, 128 + 60 * (-1) ** (rows + columns), 128) + draw.integers(-10, 10, rows.shape)
    return picture.astype(np.uint8), np.where(inside, 7, 0)


DRAW = np.random.default_rng(0)
ALIKE = [scene(DRAW, 16, 16) for _ in range(12)]
X, Y = np.stack([picture for picture, _ in ALIKE]), np.stack([mask for _, mask in ALIKE])
UNLIKE = [scene(DRAW, *size) for size in [(16, 24), (20, 16), (16, 16)] * 2]
PICTURES, MASKS = [picture for picture, _ in UNLIKE], [mask for _, mask in UNLIKE]
FITTED = ImageSegmenter(**QUICK).fit(X, Y)


def write(folder: Path, pictures: Any, masks: Any) -> Path:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for row, (picture, mask) in enumerate(zip(pictures, masks, strict=True)):
        Image.fromarray(picture).save(folder / "images" / f"{row:02}.png")
        Image.fromarray((mask // 7).astype(np.uint8)).save(folder / "masks" / f"{row:02}.png")
    return folder


def test_texture_is_learnt_that_no_threshold_tells() -> None:
    model = ImageSegmenter(**{**QUICK, "max_iter": 12}, learning_rate_init=0.01).fit(X[:8], Y[:8])
    held, truth = X[8:], Y[8:].ravel()
    best = max(
        jaccard_score(truth, np.where((held > level) == bright, 7, 0).ravel(), average="macro", labels=[0, 7])
        for level in range(40, 220, 5)
        for bright in (True, False)
    )
    assert model.score(held, Y[8:]) > best


def test_the_score_is_scikit_learns_mean_jaccard_index() -> None:
    told = FITTED.predict(X).ravel()
    expected = jaccard_score(Y.ravel(), told, average="macro", labels=[0, 7])
    assert FITTED.score(X, Y) == pytest.approx(expected)
    stranger = np.where(np.arange(16) < 4, 3, Y)  # a class that the fit was not shown is never told
    labels = [0, 3, 7]
    assert FITTED.score(X, stranger) == pytest.approx(
        jaccard_score(stranger.ravel(), told, average="macro", labels=labels)
    )


def test_masks_come_back_in_their_own_values_and_probabilities_sum_to_one() -> None:
    assert FITTED.classes_.tolist() == [0, 7]
    assert set(np.unique(FITTED.predict(X))) <= {0, 7}
    chances = FITTED.predict_proba(X)
    assert chances.shape == (12, 2, 16, 16)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(FITTED.classes_[chances.argmax(axis=1)], FITTED.predict(X))


def test_one_seed_gives_one_network_and_bytes_floats_and_a_channel_axis_are_the_same_pictures() -> None:
    expected = FITTED.predict_proba(X)
    for same in (X, X / 255, X[..., None], list(X)):
        np.testing.assert_array_equal(clone(FITTED).fit(same, Y).predict_proba(same), expected)
    assert not np.array_equal(clone(FITTED).set_params(random_state=1).fit(X, Y).predict_proba(X), expected)


def test_pictures_of_unlike_sizes_give_maps_of_their_sizes() -> None:
    model = ImageSegmenter(**QUICK).fit(PICTURES, MASKS)
    assert [each.shape for each in model.predict(PICTURES)] == [mask.shape for mask in MASKS]
    assert [each.shape for each in model.predict_proba(PICTURES)] == [(2, *mask.shape) for mask in MASKS]
    assert cross_val_score(model, PICTURES, MASKS, cv=2).shape == (2,)
    found = percept.selection.cross_validate(model, PICTURES, MASKS, cv=2)
    np.testing.assert_allclose(found.scores, cross_val_score(model, PICTURES, MASKS, cv=2))


def test_a_folder_paths_and_arrays_give_the_same_network(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", PICTURES, MASKS)
    images, masks = (sorted(str(each) for each in (folder / name).iterdir()) for name in ("images", "masks"))
    expected = ImageSegmenter(**QUICK).fit(PICTURES, MASKS)
    for given, truth in ((folder, None), (images, masks)):
        model = ImageSegmenter(**QUICK).fit(given, truth)
        for ours, theirs in zip(model.predict_proba(images), expected.predict_proba(PICTURES), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert model.classes_.tolist() == [0, 1]
        assert model.score(given, truth) == pytest.approx(expected.score(PICTURES, MASKS))


def test_pixels_that_are_ignored_count_neither_in_training_nor_in_the_score() -> None:
    rows = np.arange(16) < 4
    hidden = np.where(rows[:, None], 255, Y)
    model = ImageSegmenter(**QUICK).fit(X, hidden)
    assert model.classes_.tolist() == [0, 7]
    told = model.predict(X)[:, ~rows].ravel()
    expected = jaccard_score(Y[:, ~rows].ravel(), told, average="macro", labels=[0, 7])
    assert model.score(X, hidden) == pytest.approx(expected)
    assert ImageSegmenter(**QUICK, ignore=None).fit(X, hidden).classes_.tolist() == [0, 7, 255]
    assert ImageSegmenter(**QUICK).fit(X, np.where(Y == 7, 255, 0)).classes_.tolist() == [0, 255]


def test_clone_parameters_tags_and_grid_search_are_scikit_learns() -> None:
    copied = clone(FITTED)
    assert copied.get_params() == FITTED.get_params() and not hasattr(copied, "classes_")
    tags = get_tags(copied)
    assert tags.input_tags.three_d_array and not tags.input_tags.two_d_array
    search = GridSearchCV(copied, {"learning_rate_init": [1e-7, 1e-2]}, cv=2).fit(X, Y)
    assert search.predict(X).shape == Y.shape
    with pytest.raises(NotFittedError):
        copied.predict(X)


def test_early_stopping_keeps_the_best_epoch_of_pictures_held_out() -> None:
    model = ImageSegmenter(**{**QUICK, "max_iter": 4}, early_stopping=True, validation_fraction=0.25).fit(X, Y)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.validation_scores_[model.best_epoch_ - 1] == model.best_validation_score_


def test_weights_of_classes_and_pixels_change_what_is_learnt() -> None:
    even = FITTED.predict_proba(X)
    weights = {0: Y.size / (2 * (Y == 0).sum()), 7: Y.size / (2 * (Y == 7).sum())}
    balanced, named = (ImageSegmenter(**QUICK, class_weight=each).fit(X, Y) for each in ("balanced", weights))
    np.testing.assert_allclose(balanced.predict_proba(X), named.predict_proba(X), atol=1e-5)
    for changed in ({"class_weight": {7: 9.0}}, {"masking": 0.5}, {"loss": "focal"}):
        assert not np.allclose(ImageSegmenter(**QUICK, **changed).fit(X, Y).predict_proba(X), even, atol=1e-4)


def test_a_weight_map_counts_where_there_is_a_gap_between_objects_alone() -> None:
    without = ImageSegmenter(**QUICK, weight_map="unet").fit(X, Y).predict_proba(X)  # one object a picture, no gap
    np.testing.assert_array_equal(without, FITTED.predict_proba(X))
    two = np.where(np.arange(16)[:, None] == 8, 0, Y)
    mapped, even = (ImageSegmenter(**QUICK, weight_map=each).fit(X, two) for each in ("unet", None))
    assert not np.allclose(mapped.predict_proba(X), even.predict_proba(X), atol=1e-4)


def test_a_saved_model_writes_the_same_masks(tmp_path: Path) -> None:
    FITTED.save(tmp_path / "halves.safetensors")
    Image.fromarray(X[0]).save(tmp_path / "one.png")
    percept.predict(tmp_path / "halves.safetensors", [tmp_path / "one.png"], out=tmp_path / "out", device="cpu")
    with Image.open(tmp_path / "out" / "one.png") as written:
        np.testing.assert_array_equal(FITTED.classes_[np.asarray(written)], FITTED.predict(X[:1])[0])


@pytest.mark.parametrize(
    ("given", "truth", "says"),
    [
        (X, None, "requires y to be passed"),
        (X, Y[:5], "inconsistent numbers of samples"),
        (X, Y[:, :8], "picture 0 has 16x16 pixels, its mask 8x16"),
        (X, Y * 0, "the masks hold 1 classes"),
        (X, Y + 0.5, "mask 0 holds float64 values"),
        (X, Y.reshape(12, -1), r"mask 0 has shape \(256,\)"),
        (X, "masks", "y is a str"),
    ],
)
def test_pictures_and_masks_that_do_not_work_are_named(given: Any, truth: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ImageSegmenter(**QUICK).fit(given, truth)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"model": "resnet18"}, "gives one answer a picture"),
        ({"loss": "dise"}, "did you mean dice"),
        ({"weight_map": "fcn"}, "weight_map is 'fcn'"),
        ({"class_weight": "balance"}, "did you mean balanced"),
        ({"class_weight": {3: 2.0}}, "class_weight names 3"),
        ({"crop": 0}, "crop is 0"),
        ({"memory": "much"}, "memory is 'much'"),
        ({"ignore": "black"}, "ignore is 'black'"),
    ],
)
def test_arguments_that_do_not_work_are_named(named: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        ImageSegmenter(**{**QUICK, **named}).fit(X, Y)
