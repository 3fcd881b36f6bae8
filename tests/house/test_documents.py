"""README and tutorials run as they stand: every Python block, and every command that is marked to be run."""

import doctest
import glob
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from percept.cli.main import main
from percept.version import __version__

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})\s*(?P<language>[\w+-]*)")
_MARK = re.compile(r"<!--\s*(not run|run)\s*-->")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document: its language, its text, the line its text begins on, and the mark before it."""

    language: str
    text: str
    line: int
    mark: str = ""


def blocks_of(document: str) -> Iterator[Block]:
    """Yield the fenced blocks of a Markdown document in order.

    A mark is a comment, `<!-- run -->` or `<!-- not run -->`, with nothing but empty lines between it and the fence.
    """
    lines = iter(enumerate(document.splitlines(), start=1))
    mark = ""
    for number, line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            comment = _MARK.fullmatch(line.strip())
            mark = comment[1] if comment else mark if not line.strip() else ""
            continue
        inside = []
        for _, each in lines:
            if each.strip().startswith(fence["fence"]) and not each.strip().strip(fence["fence"][0]):
                break
            inside.append(each.removeprefix(fence["indent"]))
        yield Block(fence["language"].lower(), "\n".join(inside) + "\n", number + 1, mark)
        mark = ""


def commands_of(block: Block) -> Iterator[list[str]]:
    """Yield the words of each `percept` command in a shell block, file patterns filled in when it is reached.

    Args:
        block: lines of a shell; those that begin with `$` or `percept` are commands, in a console the rest is output.
    """
    for line in re.sub(r"\\\n\s*", " ", block.text).splitlines():
        command = line.strip().removeprefix("$ ")
        if not command.startswith("percept "):
            continue
        words = shlex.split(command, comments=True)[1:]
        unsupported = {"|", ">", "<", "&&", "||", ";", "&"} & set(words)
        if unsupported:
            raise ValueError(f"{command!r} needs a shell for {unsupported.pop()}; mark runnable commands one a line")
        yield [name for word in words for name in (sorted(glob.glob(word)) or [word])]  # noqa: PTH207 - like a shell


def run_python(block: Block, names: dict[str, Any], path: Path) -> None:
    """Run a Python block in the names of its document; a block of `>>>` lines must print what it shows."""
    if block.text.lstrip().startswith(">>>"):
        test = doctest.DocTestParser().get_doctest(block.text, names, path.name, str(path), block.line - 1)
        failures: list[str] = []
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=failures.append, clear_globs=False)
        names.update(test.globs)
        assert not failures, "".join(failures)
        return
    # Empty lines before it make errors point to the document's own lines.
    exec(compile("\n" * (block.line - 1) + block.text, str(path), "exec"), names)


def run_document(path: Path) -> int:
    """Run a document's blocks in order in the current folder and return how many there were to run."""
    names: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for block in blocks_of(path.read_text(encoding="utf-8")):
        if block.language in ("python", "py", "pycon") and block.mark != "not run":
            run_python(block, names, path)
            count += 1
        elif block.language in ("bash", "sh", "shell", "console") and block.mark == "run":
            for words in commands_of(block):
                assert main(words) in (None, 0), f"percept {shlex.join(words)} failed"
            count += 1
    return count


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_document_shows_works(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERCEPT_CACHE", str(tmp_path / "cache"))
    run_document(path)


SAMPLE = """# Title

```python
first = 2
```

Text between.

```python
assert first == 2
second = first + 1
```

<!-- not run -->

```python
raise RuntimeError("never reached")
```

```text
not Python
```

```pycon
>>> second
3
```
"""


def test_blocks_of_a_document_share_their_names_in_order(tmp_path: Path) -> None:
    path = tmp_path / "sample.md"
    path.write_text(SAMPLE, encoding="utf-8")
    assert run_document(path) == 3


def test_a_failing_block_fails_and_points_to_its_line(tmp_path: Path) -> None:
    path = tmp_path / "sample.md"
    path.write_text(SAMPLE.replace("assert first == 2", "assert first == 5"), encoding="utf-8")
    with pytest.raises(AssertionError) as failure:
        run_document(path)
    assert failure.traceback[-1].lineno == SAMPLE.splitlines().index("assert first == 2")
    path.write_text(SAMPLE.replace(">>> second\n3", ">>> second\n4"), encoding="utf-8")
    with pytest.raises(AssertionError, match=f"line {SAMPLE.splitlines().index('>>> second') + 1}"):
        run_document(path)


def test_a_mark_holds_for_the_next_block_alone() -> None:
    marked = "<!-- run -->\n\n```bash\na\n```\n\n```bash\nb\n```\n<!-- run -->\nText.\n~~~bash\nc\n~~~\n"
    assert [(block.text, block.mark) for block in blocks_of(marked)] == [("a\n", "run"), ("b\n", ""), ("c\n", "")]


def test_a_longer_fence_may_hold_a_shorter_one_and_indents_are_taken_off() -> None:
    nested = "````markdown\n```python\nx\n```\n````\n- item\n  ```python\n  if x:\n      y\n  ```\n"
    assert [block.text for block in blocks_of(nested)] == ["```python\nx\n```\n", "if x:\n    y\n"]


def test_commands_are_split_as_a_shell_splits_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.jpg", "a.jpg"):
        (tmp_path / name).touch()
    text = (
        "$ percept fit 'my data' \\\n    --epochs 2  # quick\noutput of it\npercept predict runs/x *.jpg\nmake test\n"
    )
    assert list(commands_of(Block("console", text, 1))) == [
        ["fit", "my data", "--epochs", "2"],
        ["predict", "runs/x", "a.jpg", "b.jpg"],
    ]


def test_a_command_that_needs_a_shell_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a shell for >"):
        list(commands_of(Block("bash", "percept models --json > models.json", 1)))


def test_marked_commands_run_through_percepts_own_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sample.md"
    path.write_text("<!-- run -->\n```bash\npercept --version\n```\n", encoding="utf-8")
    assert run_document(path) == 1
    assert capsys.readouterr().out == f"percept {__version__}\n"
