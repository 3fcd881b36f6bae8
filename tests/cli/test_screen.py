"""The live line fits its terminal, sentences break between words, and many classes do not flood the screen."""

import io

import pytest
from rich.console import Console

from percept.cli.screen import EpochLine, Screen, figures_table

FIGURES = ("loss 0.1552", "accuracy 0.9704", "validation loss 0.1148", "best epoch 4")


def shown(what: object, width: int) -> str:
    """Return what a terminal so wide shows."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [20, 40, 50, 80, 120, 200])
def test_the_live_line_is_one_line_of_whole_words(width: int) -> None:
    line = shown(EpochLine(4, 2.5, "2 s left", FIGURES), width)
    assert line.count("\n") == 1
    assert len(line.rstrip()) <= width
    assert "epoch 3 of 4" in line
    assert "\N{HORIZONTAL ELLIPSIS}" not in line
    assert ("best epoch 4" in line) == (width >= 120)


def test_the_live_line_never_counts_beyond_the_last_epoch() -> None:
    assert "epoch 4 of 4" in shown(EpochLine(4, 4.0), 80)


def test_of_many_classes_the_worst_recalls_are_printed() -> None:
    figures = {f"recall[{n}]": {"value": n / 30, "low": 0.0, "high": 1.0} for n in range(30)}
    table = shown(figures_table("Test", {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}, **figures}), 80)
    assert table.count("recall[") == 10
    assert "recall[9]" in table
    assert "recall[10]" not in table
    assert "and 20 more classes" in table


def test_names_with_brackets_are_printed_as_they_are() -> None:
    table = shown(figures_table("Test", {"recall[[bold]x[/bold]]": {"value": None, "low": None, "high": None}}), 80)
    assert "recall[[bold]x[/bold]]" in table


def test_a_sentence_breaks_between_words_and_a_path_never() -> None:
    screen = Screen(False)
    screen.console = Console(file=io.StringIO(), width=30, force_terminal=True, soft_wrap=True)
    path = "runs/a-rather-long-name-of-a-run-folder/report.html"
    screen.say(f"- the report of this run lies in {path}")
    assert isinstance(screen.console.file, io.StringIO)
    lines = screen.console.file.getvalue().splitlines()
    assert lines == ["- the report of this run lies", "  in", f"  {path}"]


def test_only_the_first_of_several_processes_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    screen = Screen(True)
    screen.say("hello")
    screen.result({"a": 1})
    assert capsys.readouterr() == ("", "")
