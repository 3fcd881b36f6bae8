"""Baselines are scikit-learn's models, chosen inside the training rows and bounded in size."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from percept.data.dataset import Target
from percept.evaluation import baselines as module
from percept.evaluation import simple_models
from percept.evaluation.baselines import baselines, templates
from percept.evaluation.simple_models import LINEAR

NAMES = ("majority", "k-nearest neighbors", "linear")
PICTURE_NAMES = ("k-NN, Manhattan", "HOG and histograms")


def digits() -> tuple[NDArray[np.uint8], Target]:
    pictures, labels = load_digits(return_X_y=True)
    pixels = (pictures * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    return pixels, Target("classification", labels.astype(np.int64), tuple("0123456789"))


def blobs(counts: tuple[int, ...], classes: int) -> tuple[NDArray[np.float32], Target]:
    """Return rows around one center a class, in order of the classes."""
    truth = np.repeat(np.arange(len(counts)), counts)
    inputs = np.random.default_rng(0).normal(size=(len(truth), 2)) + 5 * np.stack([truth, -truth], axis=1)
    return inputs.astype(np.float32), Target("classification", truth, tuple("abcdefgh"[:classes]))


def test_digits_are_read_by_neighbors_and_a_line_but_not_by_the_majority() -> None:
    inputs, target = digits()
    train_rows, rows = np.arange(0, 1200), np.arange(1200, 1797)
    found = baselines(inputs, target, train_rows, rows)
    assert tuple(found) == (*NAMES, *PICTURE_NAMES)
    accuracy = {name: (b.predictions.argmax(axis=1) == target.values[rows]).mean() for name, b in found.items()}
    assert accuracy["majority"] < 0.15
    assert accuracy["k-nearest neighbors"] > 0.94
    assert accuracy["linear"] > 0.88
    assert accuracy["k-NN, Manhattan"] > 0.94
    assert accuracy["HOG and histograms"] > 0.88
    for baseline in found.values():
        assert baseline.predictions.shape == (597, 10)
        np.testing.assert_allclose(baseline.predictions.sum(axis=1), 1)


def test_neighbors_are_scikit_learns_with_one_vote_shared() -> None:
    inputs, target = blobs((30, 30), 2)
    train_rows, rows = np.arange(0, 60, 2), np.arange(1, 60, 2)
    found = baselines(inputs, target, train_rows, rows)["k-nearest neighbors"]
    k = int(found.note.split("= ")[1].split(",")[0])
    votes = KNeighborsClassifier(k).fit(inputs[train_rows], target.values[train_rows]).predict_proba(inputs[rows]) * k
    np.testing.assert_allclose(found.predictions, (votes + 0.5) / (k + 1))


def test_majority_gives_the_shares_of_the_training_samples() -> None:
    inputs, target = blobs((6, 18, 6), 3)
    found = baselines(inputs, target, np.arange(30), np.array([0, 29]))["majority"]
    np.testing.assert_allclose(found.predictions, [[0.2, 0.6, 0.2]] * 2)
    assert found.note == "always b, 60.0% of the training samples"


def test_regression_has_the_mean_and_ridge() -> None:
    inputs, figures = load_diabetes(return_X_y=True)
    inputs = (inputs / inputs.std(axis=0)).astype(np.float32)
    train_rows, rows = np.arange(300), np.arange(300, 442)
    found = baselines(inputs, Target("regression", figures), train_rows, rows)
    assert tuple(found) == ("mean", "k-nearest neighbors", "linear")
    np.testing.assert_allclose(found["mean"].predictions, figures[:300].mean())
    alpha = float(found["linear"].note.split("= ")[1].split(",")[0])
    expected = Ridge(alpha).fit(inputs[:300], figures[:300]).predict(inputs[300:])
    np.testing.assert_allclose(found["linear"].predictions, expected, rtol=1e-4)


def test_rows_asked_have_no_say_in_the_fit() -> None:
    inputs, target = blobs((20, 20), 2)
    train_rows, rows = np.arange(0, 40, 2), np.arange(1, 40, 2)
    first = baselines(inputs, target, train_rows, rows)
    hidden = replace(target, values=np.where(np.arange(40) % 2, 0, target.values))  # the rows asked have other classes
    fewer = baselines(inputs, hidden, train_rows, rows[:3])
    for name in NAMES:
        np.testing.assert_allclose(fewer[name].predictions, first[name].predictions[:3], rtol=1e-6)


def test_a_class_that_training_lacks_has_a_column_all_the_same() -> None:
    inputs, target = blobs((10, 0, 10), 4)
    found = baselines(inputs, target, np.arange(20), np.arange(20))
    for name, baseline in found.items():
        assert baseline.predictions.shape == (20, 4), name
        assert (baseline.predictions.argmax(axis=1)[10:] != 1).all()


@pytest.mark.parametrize("counts", [(1, 1), (2, 1, 1), (3, 3), (1, 20), (4, 1)])
def test_the_fewest_training_samples_are_enough(counts: tuple[int, ...]) -> None:
    inputs, target = blobs(counts, len(counts))
    found = baselines(inputs, target, np.arange(len(inputs)), np.arange(len(inputs)))
    assert all(np.isfinite(baseline.predictions).all() for baseline in found.values())


@pytest.mark.parametrize("count", [2, 5, 8])
def test_the_fewest_samples_are_enough_for_regression(count: int) -> None:
    inputs = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    found = baselines(inputs, Target("regression", np.arange(float(count))), np.arange(count), np.arange(count))
    assert all(np.isfinite(baseline.predictions).all() for baseline in found.values())


def test_large_pictures_are_averaged_down() -> None:
    shade = np.array([30, 200], np.uint8)[np.arange(24) % 2]
    inputs = np.broadcast_to(shade[:, None, None, None], (24, 100, 64, 3))
    target = Target("classification", (np.arange(24) % 2).astype(np.int64), ("dark", "light"))
    found = baselines(inputs, target, np.arange(16), np.arange(16, 24))
    for name in NAMES[1:]:
        np.testing.assert_array_equal(found[name].predictions.argmax(axis=1), target.values[16:])
    assert found["linear"].weights is not None
    assert found["linear"].weights.shape == (2, 32 * 32 * 3)
    assert templates(found["linear"], (100, 64, 3)).shape == (2, 32, 32, 3)


def test_a_bound_on_size_is_kept_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simple_models, "TRAIN_VALUES", 60)
    monkeypatch.setattr(simple_models, "NEIGHBOR_PRODUCTS", 2 * 4 * 20)
    inputs, target = blobs((50, 50), 2)
    found = baselines(inputs, target, np.arange(100), np.array([0, 1, 98, 99]))
    assert found["linear"].note.endswith("fitted on 30 of 100 training samples")
    assert found["k-nearest neighbors"].note.endswith("fitted on 20 of 100 training samples")
    assert found["linear"].predictions.argmax(axis=1).tolist() == [0, 0, 1, 1]


def test_the_seed_settles_the_choice_of_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simple_models, "TRAIN_VALUES", 40)
    inputs, target = blobs((50, 50), 2)
    first, again, other = (
        baselines(inputs, target, np.arange(100), np.arange(100), seed=seed)["linear"].predictions for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_manhattan_neighbors_are_scikit_learns() -> None:
    inputs, target = digits()
    train_rows, rows = np.arange(300), np.arange(300, 400)
    found = baselines(inputs, target, train_rows, rows)["k-NN, Manhattan"]
    k = int(found.note.split("= ")[1].split(",")[0])
    flat = inputs.reshape(len(inputs), -1).astype(np.float64)
    model = KNeighborsClassifier(k, metric="manhattan", algorithm="kd_tree").fit(flat[:300], target.values[:300])
    votes = model.predict_proba(flat[rows]) * k
    alike = np.isclose(found.predictions, (votes + 0.1) / (k + 1)).all(axis=1)
    assert alike.mean() > 0.95  # neighbors at one distance may be taken in another order


def test_the_templates_are_the_pictures_that_the_linear_model_looks_for() -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 60, (90, 6, 5, 3), dtype=np.uint8)
    truth = np.arange(90) % 3
    for number in range(3):
        pictures[truth == number, 2 * number, :, number] += 150  # a row of its own, in a color of its own
    target = Target("classification", truth, ("red", "green", "blue"))
    shown = templates(baselines(pictures, target, np.arange(60), np.arange(60, 90))["linear"], (6, 5, 3))
    assert shown.shape == (3, 6, 5, 3)
    for number in range(3):
        brightest = np.argwhere(shown[number] == shown[number].max())
        assert {(row, channel) for row, _, channel in brightest.tolist()} == {(2 * number, number)}
        assert abs(int(shown[number, 5, 0, 0]) - 128) < 60  # noise: no weight to speak of


def test_two_classes_have_opposite_templates() -> None:
    inputs, target = digits()
    rows = np.flatnonzero(target.values < 2)
    two = Target("classification", target.values % 2, ("0", "1"))
    linear = baselines(inputs, two, rows[:200], rows[200:])["linear"]
    zero, one = templates(linear, (8, 8, 1)).astype(int)
    assert np.abs(zero + one - 255).max() <= 1
    center = (slice(3, 5), slice(3, 5))
    assert one[center].mean() > 128 > zero[center].mean()  # a one is bright in the middle, a zero dark


def test_a_model_without_weights_has_no_templates() -> None:
    inputs, target = digits()
    with pytest.raises(ValueError, match="no weights"):
        templates(baselines(inputs, target, np.arange(100), np.arange(100, 110))["majority"], (8, 8, 1))


def test_hand_made_features_are_bounded_and_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEATURE_ROWS", 120)
    inputs, target = digits()
    found = baselines(inputs, target, np.arange(500), np.arange(500, 600))
    assert found["HOG and histograms"].note.endswith("fitted on 120 of 500 training samples")
    assert "fitted on" not in found["linear"].note


def test_a_linear_model_of_a_thousand_classes_is_bounded() -> None:
    limits = simple_models.bounds(LINEAR["classification"], 768, 1000, 3000)
    work = 2 * limits.rows * 768 * 1000 * limits.steps
    assert work <= simple_models.LINEAR_PRODUCTS
    assert limits.rows > 10_000
    assert limits.steps < simple_models.STEPS
    small = simple_models.bounds(LINEAR["classification"], 768, 10, 3000)
    assert (small.search, small.steps) == (simple_models.SEARCH_ROWS, simple_models.STEPS)
