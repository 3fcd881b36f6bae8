"""Drawings as elements of a page."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import pytest
from matplotlib.figure import Figure

from percept.report.drawing import inline_svg

SVG = "{http://www.w3.org/2000/svg}"


def line(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([1, 2], [3, 4], marker="o", label="a & b")
    axes.legend()


def drawn(name: str = "one", title: str = "A line", description: str = "It rises.") -> str:
    return inline_svg(line, name=name, title=title, description=description)


def test_a_drawing_is_the_same_each_time_whatever_the_users_settings() -> None:
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "lines.linewidth": 9}):
        other = drawn()
    assert other == drawn()


def test_the_users_settings_are_as_they_were() -> None:
    before = dict(matplotlib.rcParams)
    drawn()
    assert dict(matplotlib.rcParams) == before


def test_two_drawings_share_no_id_and_every_reference_finds_its_own() -> None:
    ids = []
    for name in ("one", "two"):
        svg = drawn(name)
        own = re.findall(r'\bid="([^"]+)"', svg)
        wanted = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
        assert {one or other for one, other in wanted} <= set(own)
        ids += own
    assert len(ids) == len(set(ids)) > 4


def test_a_drawing_has_a_title_and_a_description_for_those_who_listen() -> None:
    root = ElementTree.fromstring(drawn(title="Rose < tulip"))
    assert root.attrib["role"] == "img"
    named = {element.get("id"): element.text for element in root}
    assert [named[one] for one in root.attrib["aria-labelledby"].split()] == ["Rose < tulip", "It rises."]


def test_a_drawing_holds_no_style_sheet_no_date_and_no_outside_address() -> None:
    svg = drawn()
    assert "<style" not in svg
    assert "metadata" not in svg
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("text", ["</svg><script>alert(1)</script>", "$5 note$", "\N{ROSE} 薔薇 وردة", "--> url(#x)"])
def test_any_text_is_drawn_as_it_is(text: str, recwarn: pytest.WarningsRecorder) -> None:
    def write(figure: Figure) -> None:
        figure.text(0, 0, text)

    svg = inline_svg(write, name="one", title=text, description=text)
    root = ElementTree.fromstring(svg)
    assert [element.text for element in root.iter(f"{SVG}text")] == [text]
    assert not list(root.iter(f"{SVG}script"))
    assert not recwarn.list
