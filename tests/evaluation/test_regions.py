import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, jaccard_score

from percept.data.objects import IGNORE
from percept.errors import DataError
from percept.evaluation.regions import pixel_confusion, region_figures

NAMES = ("a", "b", "c", "d", "e")


def masks(seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return truth and prediction: class 3 is in the prediction alone, class 4 in neither, some pixels are ignored."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, (17, 23))
    predicted = np.where(generator.random(truth.shape) < 0.6, truth, generator.integers(0, 4, truth.shape))
    truth[generator.random(truth.shape) < 0.2] = IGNORE
    return truth, predicted


def one(confusions: list[NDArray[np.int64]]) -> dict[str, float]:
    figures = region_figures(np.stack(confusions), NAMES, np.ones((len(confusions), 1)))
    return {name: float(value[0]) for name, value in figures.items()}


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_scikit_learns_with_ignored_pixels_and_absent_classes(seed: int) -> None:
    truth, predicted = masks(seed)
    known = truth != IGNORE
    right, told = truth[known], predicted[known]
    np.testing.assert_array_equal(
        pixel_confusion(truth, predicted, 5), confusion_matrix(right, told, labels=list(range(5)))
    )
    found = one([pixel_confusion(truth, predicted, 5)])
    assert found["pixel_accuracy"] == pytest.approx(accuracy_score(right, told))
    iou = jaccard_score(right, told, labels=[0, 1, 2, 3], average=None)
    dice = f1_score(right, told, labels=[0, 1, 2, 3], average=None)
    for number, name in enumerate("abcd"):
        assert found[f"iou[{name}]"] == pytest.approx(iou[number])
        assert found[f"dice[{name}]"] == pytest.approx(dice[number])
    assert np.isnan(found["iou[e]"])
    assert np.isnan(found["dice[e]"])
    assert found["mean_iou"] == pytest.approx(iou.mean())  # class d, only predicted, counts as 0
    assert iou[3] == 0
    assert found["mean_dice"] == pytest.approx(dice.mean())


@pytest.mark.slow  # to load torchmetrics takes seconds
def test_figures_are_torchmetrics() -> None:
    functional = pytest.importorskip("torchmetrics.functional", reason="torchmetrics is not installed")
    torch = pytest.importorskip("torch")
    truth, predicted = masks(9)
    found = one([pixel_confusion(truth, predicted, 5)])
    iou = functional.jaccard_index(
        torch.tensor(predicted), torch.tensor(truth), "multiclass", num_classes=5, ignore_index=IGNORE, average="none"
    )
    accuracy = functional.accuracy(
        torch.tensor(predicted), torch.tensor(truth), "multiclass", num_classes=5, ignore_index=IGNORE, average="micro"
    )
    np.testing.assert_allclose([found[f"iou[{name}]"] for name in "abc"], iou[:3].numpy(), rtol=1e-6)
    assert found["pixel_accuracy"] == pytest.approx(float(accuracy))


def test_pictures_add_up_as_if_they_were_one() -> None:
    pairs = [masks(seed) for seed in range(3)]
    truth, predicted = (np.concatenate([pair[side] for pair in pairs]) for side in range(2))
    together = one([pixel_confusion(truth, predicted, 5)])
    added = one([pixel_confusion(*pair, 5) for pair in pairs])
    assert added == pytest.approx(together, nan_ok=True)


def test_a_weight_of_two_is_the_picture_twice() -> None:
    first, second = (pixel_confusion(*masks(seed), 5) for seed in range(2))
    weighted = region_figures(np.stack([first, second]), NAMES, np.array([[2.0], [1.0]]))
    assert {name: float(value[0]) for name, value in weighted.items()} == pytest.approx(
        one([first, first, second]), nan_ok=True
    )


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(DataError, match="the prediction is 1 x 2, but the mask is 1 x 1"):
        pixel_confusion(np.array([[0]]), np.array([[0, 1]]), 2)
    with pytest.raises(DataError, match="the prediction holds class 2; expected 0 to 1"):
        pixel_confusion(np.array([[0]]), np.array([[2]]), 2)
