"""The page: whole, safe, and read back by an HTML parser."""

import os
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from percept.errors import WriteError
from percept.report.content import Evaluation, Look, Mistake, Opening, Remark, ReportContent, Sample
from percept.report.page import render, write_report

VOID = {"meta", "link", "img", "br"}
EVIL = """</title></style>"><script>alert('1')</script><img src=x onerror=alert(2)>\x07\udcff"""


@pytest.fixture(scope="session")
def picture_page(picture_report: ReportContent) -> str:
    """The page of the pictures' run, drawn once for all tests."""
    return render(picture_report)


@pytest.fixture(scope="session")
def table_page(table_report: ReportContent) -> str:
    """The page of the table's run, drawn once for all tests."""
    return render(table_report)


class Reader(HTMLParser):
    """Collect the elements, addresses, ids and text of a page, and check that what opens closes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += f" {data}"

    def all(self, *names: str) -> list[str]:
        return [value for name, value in self.attributes if name in names]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def sealed(report: ReportContent) -> ReportContent:
    """Return the report before its test set was opened."""
    return replace(report, test=None, openings=())


def with_evil(report: ReportContent) -> ReportContent:
    """Return the report with markup for every name that a user can choose."""
    assert report.validation is not None
    classes = (EVIL, *report.classes[1:])
    scores = {**report.validation.scores, f"recall[{EVIL}]": (0.5, 0.4, 0.6)}
    picture = report.data.samples[0].picture
    mistake = Mistake(picture, EVIL, EVIL, 0.9, EVIL)
    shown: dict[str, Any] = {"looks": (Look(EVIL, EVIL, EVIL, 0.9, picture, ((EVIL, picture),)),), "looked": EVIL}
    validation = replace(report.validation, scores=scores, mistakes=(mistake,), verdict=EVIL, method=EVIL, **shown)
    data = replace(
        report.data,
        name=EVIL,
        target=EVIL,
        notes=(EVIL,),
        findings=(Remark(EVIL, "error", (EVIL,)),),
        samples=(Sample(EVIL, picture),),
    )
    named = {"title": EVIL, "command": EVIL, "recipe": EVIL, "run": EVIL, "summary": (EVIL,)}
    return replace(sealed(report), classes=classes, data=data, validation=validation, versions={EVIL: EVIL}, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("which", ["picture_page", "table_page"])
def test_the_page_fetches_nothing(which: str, request: pytest.FixtureRequest) -> None:
    page: str = request.getfixturevalue(which)
    reader = Reader(page)
    assert reader.tags["script"] == 0
    assert all(address.startswith(("data:", "#")) for address in reader.all("src", "href", "xlink:href"))
    assert not re.search(r"@import|url\((?!#)", page)
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in reader.all("content")


@pytest.mark.parametrize("which", ["picture_page", "table_page"])
def test_no_two_elements_share_an_id_and_every_reference_finds_one(which: str, request: pytest.FixtureRequest) -> None:
    reader = Reader(request.getfixturevalue(which))
    ids = Counter(reader.all("id"))
    assert max(ids.values()) == 1
    for address in reader.all("href"):
        assert not address.startswith("#") or address[1:] in ids
    for names in reader.all("aria-labelledby"):
        assert set(names.split()) <= set(ids)


def test_names_that_users_choose_cannot_bring_markup_in(picture_report: ReportContent) -> None:
    usual, evil = Reader(render(sealed(picture_report))), Reader(render(with_evil(picture_report)))
    assert evil.tags["script"] == 0
    assert not evil.all("onerror")
    assert evil.tags["title"] == usual.tags["title"]
    assert evil.text.count("alert('1')") > 15
    assert "\ufffd\ufffd" in evil.text


def test_the_page_is_the_same_for_the_same_content(table_report: ReportContent, table_page: str) -> None:
    assert render(table_report) == table_page


def test_headings_descend_one_step_at_a_time(picture_page: str) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", picture_page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_picture_says_what_it_shows(picture_page: str) -> None:
    reader = Reader(picture_page)
    assert len([text for text in reader.all("alt") if text]) == reader.tags["img"] > 20


def test_maps_of_where_the_network_looked_name_their_class_and_their_colors(picture_report: ReportContent) -> None:
    reader = Reader(render(sealed(picture_report)))
    looks = [text for text in reader.all("alt") if "speaks for" in text]
    assert looks == [f"the same with what speaks for {name} laid over it" for name in ("0", "0", "1")]
    words = reader.words
    assert "nothing speaks for the class most Right answers as it is for 0 0 at 90 % one.png Wrong answers" in words
    assert "as it is for 0 for 1 1 , predicted 0 at 80 % two.png" in words
    assert any("linear-gradient(to right" in style for style in reader.all("style"))


def test_without_maps_nothing_is_said_of_where_the_network_looked(picture_report: ReportContent) -> None:
    assert picture_report.validation is not None
    bare = replace(sealed(picture_report), validation=replace(picture_report.validation, looks=()))
    assert "Where did it look" not in render(bare)


def test_a_sealed_test_set_is_said_to_be_sealed_and_how_to_open_it(table_page: str) -> None:
    words = Reader(table_page).words
    assert "Sealed: 2,600 samples" in words
    assert "percept evaluate runs/income" in words


def test_an_opened_test_set_is_read_first_and_second_openings_are_marked(picture_page: str) -> None:
    words = Reader(picture_page).words
    assert words.index("accuracy on the test set 0.9611 95 % interval 0.9389 to 0.9778") < words.index("Data 1,797")
    assert "was opened 2 times" in words
    assert "Sealed" not in words


def test_without_a_test_part_the_page_says_so(table_report: ReportContent) -> None:
    none = replace(table_report, data=replace(table_report.data, counts={"train": (9,), "validation": (2,)}))
    assert "No test set was laid aside" in Reader(render(none)).words


def test_openings_without_figures_are_listed(table_report: ReportContent) -> None:
    words = Reader(render(replace(table_report, openings=(Opening(1, "2026-03-01"),)))).words
    assert "The test set has been opened" in words
    assert "2026-03-01" in words


def test_a_run_with_nothing_in_it_still_has_a_report(picture_report: ReportContent) -> None:
    bare = replace(sealed(picture_report), training=None, validation=None, summary=(), versions={})
    assert "Recipe" in Reader(render(bare)).words
    empty = Evaluation(part="validation", samples=0, scores={})
    assert "Validation" in Reader(render(replace(bare, validation=empty))).words


def test_figures_mistakes_verdict_recipe_and_versions_are_on_the_page(table_page: str) -> None:
    words = Reader(table_page).words
    for said in (
        "root mean squared error 4,123 3,890 to 4,400",
        "The network earned its place.",
        "row 5 52,000 18,200",
    ):
        assert said in words
    for said in ("learning_rate = 0.001", "torch 2.13.0", "seed 0", "percept fit income.csv --target income"):
        assert said in words


def test_a_written_report_is_the_page_and_nothing_lies_beside_it(
    tmp_path: Path, table_report: ReportContent, table_page: str
) -> None:
    path = write_report(tmp_path / "report.html", table_report)
    assert path.read_text(encoding="utf-8") == table_page
    assert list(tmp_path.iterdir()) == [path]


def test_names_that_are_not_utf8_can_be_written(tmp_path: Path, picture_report: ReportContent) -> None:
    assert write_report(tmp_path / "report.html", with_evil(picture_report)).stat().st_size > 1000


def test_a_full_disk_leaves_the_old_report_as_it_was(
    tmp_path: Path, table_report: ReportContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=r"report\.html cannot be written \(No space left on device\)"):
        write_report(path, table_report)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
