"""Data flows one way: a folder of percept imports only from folders above it in the list of the design."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "percept"

# Each line may import from the lines above it; folders that share a line do not import each other.
LAYERS = (
    ("errors", "version", "files", "devices"),
    ("nn",),
    ("data",),
    ("models",),
    ("dense",),
    ("evaluation",),
    ("training",),
    ("runs",),
    ("selection",),
    ("estimators",),
    ("export", "report"),
    ("workflow",),
    ("web",),
    ("cli",),
    ("__main__", ""),  # "" is percept/__init__.py, which offers the public names
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
GROUND = LAYERS[0]  # the files beside the folders: these may import each other


@dataclass(frozen=True)
class Import:
    """One import of a part of percept: the dotted module and the line that asks for it."""

    module: str
    line: int

    @property
    def part(self) -> str:
        """The folder or file right below percept, "" for percept itself."""
        return self.module.partition(".")[2].partition(".")[0]


def imports_of(source: str, module: str, *, package: bool = False) -> Iterator[Import]:
    """Yield the imports of percept in a file: at the top, in functions, for type checking, and by import_module.

    Args:
        source: Python.
        module: the file's dotted name.
        package: whether it is an `__init__.py`, whose relative imports start one step lower.
    """
    home = module.split(".") if package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(home[: len(home) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, (base, node.module)))
            # `from percept import data` takes a folder; deeper down the folder is known from `origin` alone.
            names = [f"{origin}.{alias.name}" for alias in node.names] if origin == "percept" else [origin]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            names = [str(node.args[0].value)] if called in ("import_module", "__import__") else []
        for name in names:
            if name.split(".")[0] == "percept":
                yield Import(name, getattr(node, "lineno", 0))


def wrong_imports(source: str, module: str, *, package: bool = False) -> list[str]:
    """Return a sentence for every import of a file that the order of the folders forbids."""
    own = Import(module, 0).part
    found = []
    for each in imports_of(source, module, package=package):
        if each.part not in LEVEL:
            found.append(f"line {each.line}: {each.module} is no folder of the design; import from where it is defined")
        elif not (each.part == own or {each.part, own} <= set(GROUND) or LEVEL[each.part] < LEVEL[own]):
            found.append(f"line {each.line}: {own or 'percept'} imports {each.module}, which is not above it")
    return found


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_every_folder_imports_only_from_folders_above_it() -> None:
    wrong = [
        f"{path.relative_to(SOURCE.parents[1]).as_posix()} {sentence}"
        for module, path in modules()
        for sentence in wrong_imports(path.read_text(encoding="utf-8"), module, package=path.name == "__init__.py")
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_folder_has_its_place_in_the_design() -> None:
    present = {Import(module, 0).part for module, _ in modules()}
    assert present <= set(LEVEL)


@pytest.mark.parametrize(
    "source",
    [
        "from percept.training.loop import train",
        "import percept.training.loop as loop",
        "from percept import training",
        "from ..training import loop",
        "def later():\n    from percept.cli.main import app",
        "if TYPE_CHECKING:\n    from percept.workflow.run import Run",
        "loop = import_module('percept.training.loop')",
        "loop = importlib.import_module('percept.training.loop')",
        "from percept import fit",
        "from percept.helpers import anything",
    ],
)
def test_an_import_from_below_is_found_however_it_is_written(source: str) -> None:
    assert len(wrong_imports(source, "percept.data.images")) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from percept.errors import DataError",
        "from percept import errors",
        "from percept.data.headers import read_header",
        "from .headers import read_header",
        "from ..nn import activations",
        "import numpy as np\nfrom collections.abc import Iterator",
        "text = translate('percept.training')",
    ],
)
def test_an_import_from_above_or_beside_is_allowed(source: str) -> None:
    assert wrong_imports(source, "percept.data.images") == []


def test_siblings_on_one_line_do_not_import_each_other() -> None:
    assert wrong_imports("from percept.export import onnx", "percept.report.page")
    assert wrong_imports("from percept.report import page", "percept.export.onnx")


def test_relative_imports_of_a_package_start_in_its_own_folder() -> None:
    assert [each.module for each in imports_of("from .a import b", "percept.data", package=True)] == ["percept.data.a"]
    assert [each.module for each in imports_of("from .a import b", "percept.data.c")] == ["percept.data.a"]


def test_a_wrong_import_is_reported_with_its_line() -> None:
    assert wrong_imports("import os\n\nfrom percept.cli import main\n", "percept.nn.losses") == [
        "line 3: nn imports percept.cli, which is not above it"
    ]
