import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from percept.data.class_weights import class_weights, count_classes
from percept.errors import DataError, OptionError

MASKS = [np.array([[0, 0, 0, 1, 255]]), np.array([[0, 2], [2, 2]]), np.array([[0, 0, 1], [255, 0, 0]])]


def test_counts_are_those_of_all_known_pixels() -> None:
    counts = count_classes(MASKS, 4)
    assert counts.pixels.tolist() == [8, 2, 3, 0]
    assert counts.around.tolist() == [13, 9, 4, 0]  # pixels known in the masks that hold the class
    assert counts.masks.tolist() == [3, 2, 1, 0]
    assert counts.ignored == 2
    np.testing.assert_allclose(counts.shares, [8 / 13, 2 / 13, 3 / 13, 0])


def test_balanced_weights_are_scikit_learns() -> None:
    pixels = np.concatenate([mask[mask != 255] for mask in MASKS])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=pixels)
    np.testing.assert_allclose(class_weights(count_classes(MASKS, 3), "balanced"), expected)


def test_median_frequency_is_the_papers_by_hand() -> None:
    # frequencies 8/13, 2/9, 3/4: the median is 8/13
    expected = [1, (8 / 13) / (2 / 9), (8 / 13) / (3 / 4), 0]
    np.testing.assert_allclose(class_weights(count_classes(MASKS, 4), "median_frequency"), expected)


def test_given_weights_and_none_are_taken_as_they_are() -> None:
    counts = count_classes(MASKS, 3)
    assert class_weights(counts, (1, 5, 0)).tolist() == [1, 5, 0]
    assert class_weights(counts).tolist() == [1, 1, 1]


@pytest.mark.parametrize("wrong", ["rare", (1, 2), (1, 2, -1), (0, 0, 0), (1, 2, float("nan"))])
def test_weights_that_do_not_fit_are_refused(wrong: object) -> None:
    with pytest.raises(OptionError, match="class weights are"):
        class_weights(count_classes(MASKS, 3), wrong)  # type: ignore[arg-type]


def test_an_unknown_class_names_its_mask() -> None:
    with pytest.raises(DataError, match="mask 1 holds class 2; expected 0 to 1"):
        count_classes(MASKS, 2)
