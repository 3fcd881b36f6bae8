"""What headers tell: each case is laid out by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from percept.data.audit.finding import Finding
from percept.data.audit.formats import audit_formats
from percept.data.dataset import Dataset, PictureFiles, Target
from percept.data.headers import PictureHeader

COLOR = PictureHeader(width=64, height=48, mode="RGB", bits=8, frames=1)
GREY = replace(COLOR, mode="L")


def found(labels: list[int], headers: list[PictureHeader], white: int = 65535) -> dict[str, Finding]:
    keys = tuple(f"{row}.png" for row in range(len(labels)))
    dataset = Dataset(
        name="made",
        samples=PictureFiles(tuple(map(Path, keys))),
        target=Target("classification", np.array(labels), ("sick", "well")),
        keys=keys,
        given=np.full(len(labels), ""),
    )
    return {finding.kind: finding for finding in audit_formats(dataset, dict(enumerate(headers)), white)}


def test_one_upright_format_is_nothing_to_speak_of() -> None:
    assert found([0, 1] * 20, [COLOR] * 40) == {}


def test_mixed_modes_are_counted_in_words() -> None:
    headers = [COLOR, COLOR, GREY, GREY] * 10
    headers[0] = replace(COLOR, mode="CMYK")
    findings = found([0, 1] * 20, headers)
    assert list(findings) == ["color_modes"]
    assert findings["color_modes"].text.endswith(": 20 grey, 19 color, 1 color for print (CMYK)")


def test_a_mode_that_tells_the_class_is_a_warning() -> None:
    finding = found([0, 1] * 20, [GREY, COLOR] * 20)["mode_tells_class"]
    assert finding.severity == "warning"
    assert "tells the class of 100 % of the pictures, where 50 % are of the commonest class" in finding.text


def test_a_size_that_tells_the_class_is_a_warning() -> None:
    assert "size_tells_class" in found([0, 1] * 20, [COLOR, replace(COLOR, width=65)] * 20)


def test_a_mode_must_halve_the_mistakes_to_be_suspected() -> None:
    # Of 40 pictures 20 are well. Guessing sick for grey makes k mistakes where k grey ones are well.
    def suspected(grey_and_well: int) -> bool:
        headers = [GREY] * 20 + [GREY] * grey_and_well + [COLOR] * (20 - grey_and_well)
        return "mode_tells_class" in found([0] * 20 + [1] * 20, headers)

    assert suspected(10)
    assert not suspected(11)


def test_sizes_that_hardly_repeat_are_not_suspected() -> None:
    assert "size_tells_class" not in found([0, 1] * 20, [replace(COLOR, width=64 + row) for row in range(40)])


def test_turned_and_moving_pictures_are_named() -> None:
    headers = [COLOR] * 40
    headers[3] = replace(COLOR, orientation=6)
    headers[5] = replace(COLOR, frames=12)
    findings = found([0, 1] * 20, headers)
    assert findings["turned"].files == ("3.png",)
    assert findings["several_frames"].files == ("5.png",)


def test_sixteen_bits_that_use_twelve_are_said() -> None:
    deep = [replace(COLOR, mode="I;16", bits=16)] * 40
    assert found([0, 1] * 20, deep) == {}
    finding = found([0, 1] * 20, deep, white=4095)["unused_range"]
    assert finding.count == 40
    assert "none is brighter than 4,095 of 65,535" in finding.text


def test_sixteen_bit_color_is_told_from_eight_bit_color() -> None:
    text = found([0, 1] * 20, [COLOR, COLOR, replace(COLOR, bits=16), replace(COLOR, bits=16)] * 10)["color_modes"].text
    assert text.endswith("20 color, 20 16-bit color")
