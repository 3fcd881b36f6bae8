"""The public names and what they take: a change here is a change for every user, and belongs in the CHANGELOG."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import percept
from percept import errors

# The parameters of each public function, as Python writes them without types. A default that changes shows up here.
SIGNATURES = {
    "audit": "data, target=None, *, test=None, task=None, group=None, header=None, progress=None",
    "evaluate": "run, *, data=None, device=None, threads=None",
    "fit": (
        "data, target=None, *, out=None, model=None, test=None, task=None, group=None, header=None, test_size=None,"
        " validation_size=None, skip_unreadable=None, image_size=None, resize=None, epochs=None, batch_size=None,"
        " optimizer=None, learning_rate=None, weight_decay=None, momentum=None, schedule=None, metric=None,"
        " patience=None, clip_norm=None, class_weights=None, augment=None, seed=None, device=None,"
        " precision=None, threads=None, resume=False, watch=None, progress=None"
    ),
    "load": "path, *, device='auto'",
    "predict": "run, samples, *, out=None, probabilities=False, skip_unreadable=False, device=None, threads=None",
}

ERRORS = {
    "PerceptError": (Exception,),
    "OptionError": (errors.PerceptError, ValueError),
    "DataError": (errors.PerceptError, ValueError),
    "ModelFileError": (errors.PerceptError, ValueError),
    "RunFolderError": (errors.PerceptError, ValueError),
    "TrainingError": (errors.PerceptError, RuntimeError),
    "WriteError": (errors.PerceptError, OSError),
    "PerceptWarning": (UserWarning,),
}


def parameters(function: object) -> str:
    """Return a function's parameters as Python writes them, without types."""
    if not callable(function):
        raise TypeError(f"{function!r} is no function")
    bare = [
        each.replace(annotation=inspect.Parameter.empty) for each in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(bare))[1:-1]


def in_a_fresh_python(code: str) -> str:
    """Return what a Python of its own prints for some code, outside this checkout's folder."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_names_are_these() -> None:
    assert percept.__all__ == ["__version__", *sorted(SIGNATURES)]
    assert set(percept.__all__) <= set(dir(percept))


@pytest.mark.parametrize("name", SIGNATURES)
def test_public_functions_take_these_arguments(name: str) -> None:
    assert parameters(getattr(percept, name)) == SIGNATURES[name]


@pytest.mark.parametrize("name", SIGNATURES)
def test_public_functions_say_what_they_do(name: str) -> None:
    assert inspect.getdoc(getattr(percept, name))


def test_the_errors_a_caller_may_catch_are_these() -> None:
    public = {
        name: value.__bases__
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert public == ERRORS


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = percept.fitt


def test_importing_percept_imports_none_of_the_large_packages() -> None:
    large = in_a_fresh_python(
        "import sys; before = set(sys.modules); import percept;"
        "loaded = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(loaded & {'torch', 'numpy', 'pandas', 'sklearn', 'PIL', 'matplotlib', 'typer'}))"
    )
    assert large.split() == []


def test_the_commands_help_imports_no_torch() -> None:
    printed = in_a_fresh_python(
        "import sys; sys.argv = ['percept', '--help']\n"
        "from percept.cli.main import run\n"
        "try:\n    run()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'numpy', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "print('imported:', *sorted(heavy))"
    )
    assert "fit" in printed and "evaluate" in printed
    assert printed.splitlines()[-1] == "imported:"
