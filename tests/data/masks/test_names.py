import pytest

from percept.data.masks.names import bare, names_masks, names_pictures, part_of


@pytest.mark.parametrize(
    "name",
    ["masks", "Mask", "labels", "SegmentationClass", "ground_truth", "GroundTruth", "train-masks", "annotations"],
)
def test_common_names_of_mask_folders_are_known(name: str) -> None:
    assert names_masks(name)
    assert not names_pictures(name)


@pytest.mark.parametrize("name", ["images", "Img", "JPEGImages", "train_images", "inputs", "raw"])
def test_common_names_of_picture_folders_are_known(name: str) -> None:
    assert names_pictures(name)


@pytest.mark.parametrize("name", ["unmasked", "roses", "labelled", "imagination"])
def test_a_word_within_a_word_says_nothing(name: str) -> None:
    assert not names_masks(name)
    assert not names_pictures(name)


@pytest.mark.parametrize(
    ("picture", "mask"),
    [("07", "07_mask"), ("img-07", "mask_07"), ("train-volume", "train-labels"), ("a.b", "a_b_seg"), ("7", "7.GT")],
)
def test_what_is_left_of_both_names_is_the_same(picture: str, mask: str) -> None:
    assert bare(picture) == bare(mask) != ""


def test_a_name_of_two_parts_is_of_none() -> None:
    assert part_of("train_val") == ""
    assert part_of("Train") == "train"
