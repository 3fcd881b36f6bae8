"""Estimators on a CUDA device: scikit-learn's own checks, and what the CPU learns from the same start."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import check_estimator

from percept import ImageClassifier, ImageSegmenter, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.gpu
DIGITS = load_digits()
PICTURES = np.repeat(np.repeat((DIGITS.images[:300] * 15.9).astype(np.uint8), 2, 1), 2, 2)  # (300, 16, 16)
NAMES = DIGITS.target[:300]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_scikit_learns_own_estimator_checks_pass_on_a_gpu(kind: type[MLPClassifier] | type[MLPRegressor]) -> None:
    found = check_estimator(kind(device="cuda", max_iter=20), on_skip=None, on_fail=None)
    assert [each for each in found if each["status"] not in ("passed", "skipped")] == []


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_table_is_learnt_on_a_gpu_as_on_the_cpu(solver: str) -> None:
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    given: dict[str, Any] = {"hidden_layer_sizes": (8, 6), "solver": solver, "max_iter": 15, "random_state": 0}
    here, there = (MLPClassifier(**given, device=device).fit(X, y) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there.loss_curve_, here.loss_curve_, rtol=1e-6)
    np.testing.assert_allclose(there.predict_proba(X), here.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("model", ["small_resnet", "lenet", "linear"])
def test_pictures_are_learnt_on_a_gpu_as_on_the_cpu(model: str) -> None:
    given: dict[str, Any] = {
        "model": model,
        "max_iter": 2,
        "augment": None,
        "random_state": 0,
        "precision": "float32",
        **({"arguments": {"width": 8}} if model == "small_resnet" else {}),
    }
    here, there = (
        ImageClassifier(**given, device=device).fit(PICTURES, NAMES).predict_proba(PICTURES)
        for device in ("cpu", "cuda")
    )
    assert np.abs(here - there).max() < 0.02  # float32 sums in another order, twice over all pictures


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_gpu_learns_digits_with_everything_that_is_done_to_pictures(precision: str) -> None:
    model = ImageClassifier(
        model="small_resnet",
        arguments={"width": 16},
        max_iter=25,
        random_state=0,
        augment="light",
        mixup=0.2,
        label_smoothing=0.05,
        tta="crops",
        precision=precision,
        device="cuda",
        early_stopping=True,
    ).fit(PICTURES[:200], NAMES[:200])
    assert model.score(PICTURES[200:], NAMES[200:]) > 0.7


def test_a_body_is_frozen_on_a_gpu_and_its_features_are_kept() -> None:
    body = ImageClassifier(model="small_resnet", arguments={"width": 8}, max_iter=2, random_state=0, device="cuda")
    body.fit(PICTURES, NAMES)
    moved = ImageClassifier(
        pretrained=body.network_, transfer="head", augment=None, max_iter=2, random_state=0, device="cuda"
    ).fit(PICTURES, NAMES % 2)
    before, after = body.network_.state_dict(), moved.network_.state_dict()
    *of_body, weight, bias = after
    assert all(torch.equal(after[name], before[name]) for name in of_body)
    assert after[weight].shape[0] == after[bias].shape[0] == 2


def test_masks_are_learnt_on_a_gpu_as_on_the_cpu() -> None:
    draw = np.random.default_rng(0)
    masks = np.zeros((8, 32, 32), np.int64)
    for mask in masks:
        row, column = draw.integers(0, 20, 2)
        mask[row : row + 12, column : column + 12] = 1
    pictures = np.clip(90 + 90 * masks + draw.normal(0, 15, masks.shape), 0, 255).astype(np.uint8)
    given: dict[str, Any] = {"arguments": {"width": 8, "depth": 2}, "max_iter": 30, "learning_rate_init": 0.01}
    found = [
        ImageSegmenter(**given, augment=None, random_state=0, precision="float32", device=device).fit(pictures, masks)
        for device in ("cpu", "cuda")
    ]
    here, there = (np.stack(each.predict(pictures)) for each in found)
    assert (here != there).mean() < 0.02
    assert found[1].score(pictures, masks) > 0.8
