"""Options that do not go with the data are refused before anything is trained."""

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from percept.data.dataset import Dataset, PictureArray, Target
from percept.data.tables import arrays_table
from percept.errors import OptionError
from percept.runs.recipe import Recipe
from percept.workflow.folds import make_folds, rest
from percept.workflow.prepare import prepare

X = np.arange(40.0).reshape(20, 2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"data": {"image_size": (8, 8)}}, "--image-size is for pictures; arrays is a table"),
        ({"data": {"skip_unreadable": True}}, "--skip-unreadable is for pictures"),
        ({"training": {"augment": "shift"}}, "--augment is for pictures"),
        ({"training": {"class_weights": "balanced"}}, "--class-weights balanced is for classes; y is predicted"),
    ],
)
def test_options_of_other_data_are_refused(options: dict[str, dict[str, Any]], sentence: str) -> None:
    recipe = Recipe.from_options({**options, "data": {"source": "arrays", **options.get("data", {})}})
    with pytest.raises(OptionError, match=sentence):
        prepare(arrays_table(X, X[:, 0] / 7), recipe)


def pictures(near: int, scenes: int) -> Dataset:
    """Return pictures of two classes, `near` copies of each scene with a little noise, next to each other."""
    random = np.random.default_rng(0)
    smooth = gaussian_filter(random.normal(size=(scenes, 24, 24, 1)), (0, 2, 2, 0))
    noise = random.integers(-3, 4, (scenes * near, 24, 24, 1))
    noisy = np.clip(128 + 50 * np.repeat(smooth / smooth.std(), near, axis=0) + noise, 0, 255)
    labels = np.arange(scenes).repeat(near) % 2
    keys = tuple(f"{number}.png" for number in range(scenes * near))
    target = Target("classification", labels, ("a", "b"))
    return Dataset("scenes", PictureArray(noisy.astype(np.uint8)), target, keys, np.full(len(keys), "", "<U10"))


def test_near_copies_stand_on_one_side_of_the_split_and_of_every_fold() -> None:
    prepared = prepare(pictures(4, 40), Recipe.from_options({"data": {"source": "arrays"}}))
    parts = prepared.split.part.reshape(40, 4)
    assert (parts == parts[:, :1]).all()
    assert set(parts[:, 0]) == {"train", "validation", "test"}
    for train, test in make_folds(prepared, rest(prepared), 5, seed=0):
        assert not set(train // 4) & set(test // 4)


def test_a_split_that_near_copies_forbid_is_made_without_them_and_that_is_told() -> None:
    prepared = prepare(pictures(30, 2), Recipe.from_options({"data": {"source": "arrays"}}))
    assert set(prepared.split.part) == {"train", "validation", "test"}
    assert any("near copies may stand on two sides of the split" in note for note in prepared.notes)
    assert len(make_folds(prepared, rest(prepared), 3, seed=0)) == 3
