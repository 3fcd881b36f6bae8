"""The audit of pictures: each fault is planted, and only what was planted may be found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from percept.data.audit import Finding, audit_pictures
from percept.data.audit.pictures import TINY
from percept.data.cache import Pixels
from percept.data.dataset import Dataset, PictureArray, PictureFiles, Target
from percept.data.headers import PictureHeader

COUNT = 60
PLAIN = PictureHeader(width=64, height=48, mode="RGB", bits=8, frames=1)


def noise(count: int = COUNT, side: int = 8) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture
def dataset() -> Dataset:
    keys = tuple(f"{'rose' if row % 2 == 0 else 'tulip'}/{row}.jpg" for row in range(COUNT))
    return Dataset(
        name="flowers",
        samples=PictureFiles(tuple(Path(key) for key in keys)),
        target=Target("classification", np.arange(COUNT) % 2, ("rose", "tulip")),
        keys=keys,
        given=np.full(COUNT, "", dtype="<U10"),
    )


@pytest.fixture
def pixels() -> Pixels:
    return Pixels(noise(), tuple(f"digest{row}" for row in range(COUNT)))


def found(
    dataset: Dataset,
    pixels: Pixels,
    changed: dict[int, PictureHeader | None] | None = None,
    white: int = 65535,
) -> dict[str, Finding]:
    headers = [(changed or {}).get(row, PLAIN) for row in range(len(dataset))]
    findings = audit_pictures(dataset, pixels, headers, white=white)
    assert len({finding.kind for finding in findings}) == len(findings)
    return {finding.kind: finding for finding in findings}


def alike(pixels: Pixels, *rows: int) -> Pixels:
    return replace(pixels, content=tuple("same" if row in rows else own for row, own in enumerate(pixels.content)))


def test_faultless_pictures_are_only_counted(dataset: Dataset, pixels: Pixels) -> None:
    assert list(found(dataset, pixels)) == ["class_counts"]


def test_unreadable_pictures_are_an_error_with_their_reasons(dataset: Dataset, pixels: Pixels) -> None:
    array = pixels.array.copy()
    array[[3, 8]] = 0
    broken = Pixels(array, tuple("" if row in (3, 8) else str(row) for row in range(COUNT)), {8: "b", 3: "is empty"})
    findings = found(dataset, broken, {3: None, 8: None})
    assert set(findings) == {"unreadable", "class_counts"}  # zeros that stand for them are no pictures of one color
    error = findings["unreadable"]
    assert (error.severity, error.files, error.count) == ("error", ("tulip/3.jpg", "rose/8.jpg"), 2)
    assert error.text == (
        "2 pictures cannot be read (tulip/3.jpg: is empty; rose/8.jpg: b); mend or remove them, or pass"
        " --skip-unreadable"
    )


def test_copies_of_one_class_are_a_note_that_counts_all_but_the_first(dataset: Dataset, pixels: Pixels) -> None:
    findings = found(dataset, alike(pixels, 2, 4, 6))
    assert set(findings) == {"copies", "class_counts"}
    assert (findings["copies"].severity, findings["copies"].count) == ("note", 2)
    assert findings["copies"].files == ("rose/2.jpg", "rose/4.jpg", "rose/6.jpg")


def test_copies_with_different_labels_are_a_warning(dataset: Dataset, pixels: Pixels) -> None:
    findings = found(dataset, alike(pixels, 2, 4, 5))
    assert set(findings) == {"contradicting_copies", "class_counts"}
    finding = findings["contradicting_copies"]
    assert (finding.severity, finding.count) == ("warning", 3)
    assert "rose/2.jpg and tulip/5.jpg" in finding.text


def test_copies_in_two_parts_are_a_warning(dataset: Dataset, pixels: Pixels) -> None:
    dataset.given[:40], dataset.given[40:] = "train", "test"
    findings = found(dataset, alike(pixels, 2, 44))
    assert set(findings) == {"copies_across_parts", "class_counts"}
    assert findings["copies_across_parts"].files == ("rose/2.jpg", "rose/44.jpg")


def test_pictures_of_one_color_are_found_and_almost_plain_ones_are_not(dataset: Dataset, pixels: Pixels) -> None:
    pixels.array[7] = (10, 200, 30)
    pixels.array[9] = 255
    pixels.array[11] = 255
    pixels.array[11, 7, 7, 2] = 254
    assert found(dataset, pixels)["one_color"].files == ("tulip/7.jpg", "tulip/9.jpg")


def test_tiny_and_elongated_pictures_are_found_by_their_headers(dataset: Dataset, pixels: Pixels) -> None:
    changed: dict[int, PictureHeader | None] = {
        1: replace(PLAIN, height=TINY - 1, width=30),
        2: replace(PLAIN, height=TINY, width=TINY),
        3: replace(PLAIN, height=100, width=501),
        4: replace(PLAIN, height=500, width=100),
    }
    findings = found(dataset, pixels, changed)
    assert findings["tiny"].files == ("tulip/1.jpg",)
    assert findings["elongated"].files == ("tulip/3.jpg",)
    assert findings["sizes"].text == "the pictures have 5 sizes, from 8 x 8 to 501 x 100 pixels; all are resized to one"


def test_pictures_in_an_array_have_its_size_and_need_no_headers(dataset: Dataset) -> None:
    small = noise(side=TINY - 1)
    in_memory = replace(dataset, samples=PictureArray(small))
    findings = audit_pictures(in_memory, Pixels(small, tuple(map(str, range(COUNT)))))
    assert [finding.kind for finding in findings] == ["tiny", "class_counts"]
    assert findings[0].count == COUNT


def test_errors_come_before_warnings_before_notes(dataset: Dataset, pixels: Pixels) -> None:
    faulty = replace(alike(pixels, 2, 5), unreadable={7: "is empty"})
    severities = [
        finding.severity for finding in found(dataset, faulty, {7: None, 9: replace(PLAIN, frames=2)}).values()
    ]
    assert severities == ["error", "warning", "note", "note"]


def test_near_copies_are_told_by_what_they_do_and_exact_ones_are_not_told_twice(
    dataset: Dataset, pixels: Pixels
) -> None:
    near = np.arange(COUNT)
    near[[4, 12]] = (2, 10)  # of one class
    near[9] = 6  # of two classes
    near[22] = 20  # equal: told as copies
    findings = {each.kind: each for each in audit_pictures(dataset, alike(pixels, 20, 22), near=near)}
    assert set(findings) == {"class_counts", "copies", "near_copies", "contradicting_near_copies"}
    assert findings["near_copies"].files == ("rose/2.jpg", "rose/4.jpg", "rose/10.jpg", "rose/12.jpg")
    assert (findings["near_copies"].severity, findings["near_copies"].count) == ("note", 2)
    assert findings["contradicting_near_copies"].severity == "warning"
    assert "rose/6.jpg and tulip/9.jpg: one of the labels may be wrong" in findings["contradicting_near_copies"].text


def test_near_copies_across_given_parts_are_a_warning(dataset: Dataset, pixels: Pixels) -> None:
    given = np.where(np.arange(COUNT) >= 40, "test", "train")
    near = np.arange(COUNT)
    near[42] = 8
    findings = {each.kind: each for each in audit_pictures(replace(dataset, given=given), pixels, near=near)}
    assert set(findings) == {"class_counts", "near_copies_across_parts"}
    assert "rose/8.jpg and rose/42.jpg" in findings["near_copies_across_parts"].text
