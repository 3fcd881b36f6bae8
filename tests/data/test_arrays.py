import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from percept.data.arrays import arrays_dataset
from percept.data.dataset import Dataset, PictureArray
from percept.errors import DataError

LABELS = ["b", "a"]


def pixels(dataset: Dataset) -> NDArray[np.uint8]:
    assert isinstance(dataset.samples, PictureArray)
    return dataset.samples.pixels


def two(*values: object, dtype: object = None) -> NDArray[np.generic]:
    """Return two pictures of one row, both with these values."""
    return np.array([[values], [values]], dtype)  # type: ignore[call-overload, no-any-return]


def test_bytes_are_taken_as_they_are_without_a_copy() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    assert np.shares_memory(pixels(arrays_dataset(images, LABELS)), images)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (two(0.0, 0.5, 1.0), [0, 128, 255]),
        (two(0.0, 0.25, 1.0, dtype=np.float16), [0, 64, 255]),
        (two(False, True), [0, 255]),
        (two(0, 7, 255), [0, 7, 255]),
        (two(0, 2048, 4095, dtype=np.uint16), [0, 128, 255]),
        (two(0, 65535, dtype=np.uint16), [0, 255]),
        (two(0, 255, dtype=np.uint16), [0, 255]),
    ],
)
def test_other_values_become_bytes(images: NDArray[np.generic], expected: list[int]) -> None:
    result = pixels(arrays_dataset(images, LABELS))
    assert result.dtype == np.uint8
    assert result[0].ravel().tolist() == expected


def test_transparency_is_laid_on_white() -> None:
    images = np.array([[[[200, 0, 100, 51]]]] * 2, np.uint8)
    assert pixels(arrays_dataset(images, LABELS))[0].ravel().tolist() == [244, 204, 224]


def test_sixteen_bits_of_both_parts_share_one_white() -> None:
    dataset = arrays_dataset(two(0, 1000, dtype=np.uint16), LABELS, two(0, 4000, dtype=np.uint16), LABELS)
    assert pixels(dataset)[:, 0, 1, 0].tolist() == [62, 62, 249, 249]  # 1000 and 4000 of 4095


def test_many_pictures_convert_as_few_do() -> None:
    images = np.random.default_rng(0).random((450, 100, 100))  # more than are converted at a time
    result = pixels(arrays_dataset(images, [*LABELS, *["a"] * 448]))
    np.testing.assert_array_equal(result[..., 0], np.rint(images * 255))


def test_the_test_part_is_sealed_and_the_rest_left_open() -> None:
    dataset = arrays_dataset(np.zeros((2, 3, 3)), LABELS, np.ones((1, 3, 3)), ["b"], name="x")
    assert dataset.given.tolist() == ["", "", "test"]
    assert dataset.keys == ("0", "1", "test/0")
    assert dataset.target.values.tolist() == [1, 0, 1]
    assert pixels(dataset)[:, 0, 0, 0].tolist() == [0, 0, 255]
    assert dataset.name == "x"


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([10, 9, 2], ("2", "9", "10")),
        ([-1, 1, 1], ("-1", "1")),
        ([1.0, 0.0, 1.0], ("0", "1")),
        ([[3], [4], [3]], ("3", "4")),
        (np.array([b"no", b"yes", b"no"]), ("no", "yes")),
        ([True, False, True], ("False", "True")),
        (["x10", "x9", "y"], ("x9", "x10", "y")),
        (np.array(["a", 1, "a"], object), ("1", "a")),
    ],
)
def test_classes_stand_in_the_order_of_numbers_or_names(labels: ArrayLike, classes: tuple[str, ...]) -> None:
    assert arrays_dataset(np.zeros((3, 2, 2)), labels).target.classes == classes


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0, 0.5])
def test_labels_that_are_no_classes_are_errors(wrong: float) -> None:
    with pytest.raises(DataError, match=f"labels holds {wrong} in row 1; expected whole numbers or text"):
        arrays_dataset(np.zeros((3, 2, 2)), [1.0, wrong, 2.0])


@pytest.mark.parametrize("wrong", [None, "", float("nan")])
def test_missing_labels_are_errors(wrong: object) -> None:
    with pytest.raises(DataError, match="in row 2; expected whole numbers or text"):
        arrays_dataset(np.zeros((3, 2, 2)), np.array(["a", "b", wrong], object))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4)), r"images has shape \(2, 4\); expected"),
        (np.zeros((2, 3, 8, 8)), "the channels stand second: move them with numpy.moveaxis"),
        (np.zeros((0, 8, 8)), r"images has shape \(0, 8, 8, 1\)"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], "images are not of one shape; resize them"),
        (np.full((2, 8, 8), 200.0), "values of 200 to 200; expected floats of 0 to 1; divide by 255"),
        (np.full((2, 8, 8), -1.0), "values of -1 to -1; expected floats of 0 to 1$"),
        (np.full((2, 8, 8), np.nan), "values of nan to nan; expected floats"),
        (np.full((2, 8, 8), 300), r"values of 300 to 300; expected whole numbers of 0 to 255 \(uint16 for more\)"),
        (np.full((2, 8, 8), "x"), "values of type <U1"),
        (np.zeros((3, 8, 8)), "there are 3 images but 2 labels"),
    ],
)
def test_pictures_that_cannot_be_are_errors(images: ArrayLike, message: str) -> None:
    with pytest.raises(DataError, match=message):
        arrays_dataset(images, LABELS)


def test_parts_that_do_not_fit_together_are_errors() -> None:
    images = np.zeros((2, 3, 3))
    with pytest.raises(DataError, match="only one of test_images and test_labels"):
        arrays_dataset(images, LABELS, images)
    with pytest.raises(DataError, match=r"images have shape \(3, 3, 1\) each but test_images \(4, 4, 1\)"):
        arrays_dataset(images, LABELS, np.zeros((2, 4, 4)), LABELS)
    with pytest.raises(DataError, match="there are 2 test_images but 1 test_labels"):
        arrays_dataset(images, LABELS, images, ["a"])
    with pytest.raises(DataError, match="test_labels holds c in row 1, a class that labels has not"):
        arrays_dataset(images, LABELS, images, ["a", "c"])
    with pytest.raises(DataError, match="labels holds a single class, a; expected at least two"):
        arrays_dataset(images, ["a", "a"])
