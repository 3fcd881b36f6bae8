from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from percept.data.audit.finding import Finding
from percept.data.audit.masks import audit_masks
from percept.data.masks.dataset import SegmentationDataset, read_segmentation
from percept.data.masks.meaning import MaskMeaning, class_colors
from percept.data.masks.pairing import Pair, PictureFile
from percept.data.masks.understanding import MaskOptions

ISBI = Path(__file__).parents[4] / "shared" / "data" / "isbi2012_membrane"


def dataset(
    pixels: list[list[int]], given: list[str] | None = None, sizes: list[tuple[int, int]] | None = None
) -> SegmentationDataset:
    """Return a data set of which only the counts are known; the last column are ignored pixels."""
    count, classes = len(pixels), len(pixels[0]) - 1
    names = tuple("abcdef"[:classes])
    pairs = tuple(Pair(f"{row}.png", PictureFile(Path(f"{row}.png")), (), "", "") for row in range(count))
    meaning = MaskMeaning("index", names, tuple(range(classes)), class_colors(classes))
    shapes = tuple(sizes or [(10, 10)] * count)
    parts: NDArray[np.str_] = np.array(given or [""] * count)
    return SegmentationDataset("d", pairs, meaning, shapes, np.array(pixels), parts)


def kinds(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.kind: finding for finding in findings}


def test_healthy_masks_have_one_note() -> None:
    found = audit_masks(dataset([[50, 50, 0]] * 4))
    assert [finding.kind for finding in found] == ["masks_understood"]
    assert found[0].text == "4 masks, each value is the number of a class: a = 0 (50 % of the pixels), b = 1 (50 %)"


def test_rare_few_and_absent_classes_are_told_apart() -> None:
    rows = [[9920, 40, 40, 0, 0]] + [[9960, 40, 0, 0, 0]] * 4
    found = kinds(audit_masks(dataset(rows)))
    assert found["rare_classes"].files == ("b", "c")
    assert "b 0.4 %, c 0.1 %" in found["rare_classes"].text
    assert found["classes_in_few_pictures"].files == ("c",)
    assert found["classes_absent"].files == ("d",)
    assert found["classes_absent"].text == "the class d occurs in no mask: nothing can be learned about it"


def test_a_class_absent_from_the_train_part_is_an_error_and_comes_first() -> None:
    rows = [[50, 50, 0], [100, 0, 0], [100, 0, 0]]
    found = audit_masks(dataset(rows, ["test", "train", "train"]))
    assert (found[0].severity, found[0].kind) == ("error", "classes_absent_from_part")
    assert found[0].text == "no mask of the train part holds the class b: nothing can be learned there about it"


def test_empty_and_ignored_pictures_are_named() -> None:
    found = kinds(audit_masks(dataset([[100, 0, 0], [20, 20, 60], [50, 50, 0], [50, 50, 0]])))
    assert found["single_class"].files == ("0.png",)
    assert found["mostly_ignored"].files == ("1.png",)


def test_sizes_are_told() -> None:
    found = kinds(audit_masks(dataset([[50, 50, 0]] * 3, sizes=[(10, 20), (10, 20), (5, 5)])))
    assert found["sizes"].text == "the pictures have 2 sizes, from 5 x 5 to 20 x 10 pixels; none is resized"


@pytest.mark.parametrize(
    ("masks", "given", "kind"),
    [
        (["x", "y", "z"], ["", "", ""], "contradicting_copies"),
        (["x", "x", "z"], ["train", "test", "train"], "copies_across_parts"),
        (["x", "x", "z"], ["", "", ""], "copies"),
    ],
)
def test_copies_are_found_by_what_they_do(masks: list[str], given: list[str], kind: str) -> None:
    found = kinds(audit_masks(dataset([[50, 50, 0]] * 3, given), ["p", "p", "q"], masks))
    assert found[kind].files == ("0.png", "1.png")
    assert len({"contradicting_copies", "copies_across_parts", "copies"} & set(found)) == 1


@pytest.mark.skipif(not ISBI.exists(), reason="the folder ../shared with the ISBI membranes is not there")
def test_the_isbi_membranes_are_healthy() -> None:
    found = audit_masks(read_segmentation(ISBI, MaskOptions(classes=("membrane", "cell"))))
    assert [finding.text for finding in found] == [
        "30 masks, they hold two values: membrane = 0 (22 % of the pixels), cell = 255 (78 %)"
    ]
