"""A selection that was cut off goes on from the fits it has kept, and finds what an unbroken one finds."""

import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold

from percept.errors import PerceptWarning, WriteError
from percept.selection import cross_validate, nested, select
from percept.selection.choosing import Selection
from percept.selection.fit_file import read_fit, write_fit
from percept.selection.fitting import Fit
from percept.selection.plain import from_json, to_json

IRIS = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
GRID = {"C": [0.1, 1, 10]}

# A model that writes a line into a file at each fit, so that fits can be counted, and takes its time where told to.
COUNTING = """
import os, time
import numpy as np
from sklearn.linear_model import LogisticRegression

class Counting(LogisticRegression):
    def fit(self, X, y):
        with open(os.environ["COUNTED"], "a") as file:
            file.write("fit\\\\n")
        time.sleep(float(os.environ.get("PAUSE", 0)))
        return super().fit(X, y)
"""


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "counting.py").write_text(COUNTING.replace("\\\\", "\\"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COUNTED", str(tmp_path / "counted"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    sys.modules.pop("counting", None)
    return import_module("counting").Counting


def counted(folder: Path) -> int:
    path = folder / "counted"
    return len(path.read_text().splitlines()) if path.exists() else 0


def assert_same(one: Selection, other: Selection) -> None:
    np.testing.assert_array_equal(one.restart_scores, other.restart_scores)
    assert one.best_params == other.best_params
    np.testing.assert_array_equal(one.predictions, other.predictions)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_what_is_kept_is_not_fitted_again(counting: Any, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = select(counting(), GRID, *IRIS, folder=kept, refit=False)
    assert counted(tmp_path) == 15 and len(list(kept.glob("*.npz"))) == 15
    seen: list[tuple[int, int]] = []
    again = select(
        counting(), GRID, *IRIS, folder=kept, refit=False, progress=lambda done, total: seen.append((done, total))
    )
    assert counted(tmp_path) == 15 and seen == [(15, 15)]
    assert_same(first, again)
    for key, value in first.cv_results_.items():
        np.testing.assert_array_equal(again.cv_results_[key], value)  # the times, too
    more = select(counting(), {"C": [0.1, 1, 10, 100]}, *IRIS, folder=kept, refit=False)
    assert counted(tmp_path) == 20 and more.scores[:3].tolist() == first.scores.tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"X": IRIS[0] + 1e-9},
        {"y": np.roll(IRIS[1], 1)},
        {"cv": KFold(5, shuffle=True, random_state=0)},
        {"scoring": "neg_log_loss"},
        {"return_train_score": True},
        {"sample_weight": np.ones(150)},
        {"model": {"tol": 1e-3}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_data_and_other_parameters_are_not_mistaken(
    counting: Any, tmp_path: Path, change: dict[str, Any]
) -> None:
    kept = tmp_path / "kept"
    arguments = {"model": counting(), "X": IRIS[0], "y": IRIS[1]}
    cross_validate(**arguments, folder=kept)
    if isinstance(change.get("model"), dict):
        change = {"model": counting(**change["model"])}
    if "sample_weight" in change:
        change = {"model": LogisticRegression(), **change}
        cross_validate(LogisticRegression(), *IRIS, folder=kept)
    before = len(list(kept.glob("*.npz")))
    cross_validate(**{**arguments, **change}, folder=kept)
    assert len(list(kept.glob("*.npz"))) == before + 5


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "swapped"])
def test_a_damaged_file_is_fitted_anew(counting: Any, tmp_path: Path, damage: str) -> None:
    kept = tmp_path / "kept"
    first = select(counting(), GRID, *IRIS, folder=kept, refit=False)
    one, other = sorted(kept.glob("*.npz"))[:2]
    whole = one.read_bytes()
    damaged = {"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"no", "swapped": other.read_bytes()}
    one.write_bytes(damaged[damage])
    assert_same(first, select(counting(), GRID, *IRIS, folder=kept, refit=False))
    assert counted(tmp_path) == 16
    assert_same(first, select(counting(), GRID, *IRIS, folder=kept, refit=False))
    assert counted(tmp_path) == 16


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_selection_goes_on_and_finds_the_same(counting: Any, tmp_path: Path, jobs: int) -> None:
    kept = tmp_path / "kept"
    code = (
        "from counting import Counting; from sklearn.datasets import load_iris; from percept.selection import select\n"
        f"select(Counting(), {GRID}, *load_iris(return_X_y=True), folder={str(kept)!r}, refit=False, n_jobs={jobs})"
    )
    environment = {**os.environ, "PAUSE": "0.3"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)
    end = time.monotonic() + 60
    while len(list(kept.glob("*.npz"))) < 4 and time.monotonic() < end:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(kept.glob("*.npz")))
    assert 4 <= done < 15
    started = counted(tmp_path)
    found = select(counting(), GRID, *IRIS, folder=kept, refit=False)
    assert counted(tmp_path) - started == 15 - done
    assert_same(found, select(counting(), GRID, *IRIS, refit=False))


def test_an_interrupted_nested_loop_goes_on(counting: Any, tmp_path: Path) -> None:
    class Death(BaseException):
        pass

    def die(done: int, total: int) -> None:
        if done == 20:
            raise Death

    kept = tmp_path / "kept"
    with pytest.raises(Death):
        nested(counting(), GRID, *IRIS, outer=3, inner=3, folder=kept, progress=die)
    assert counted(tmp_path) == 20
    found = nested(counting(), GRID, *IRIS, outer=3, inner=3, folder=kept)
    assert counted(tmp_path) == 30
    expected = nested(LogisticRegression(), GRID, *IRIS, outer=3, inner=3)
    assert found.scores.tolist() == expected.scores.tolist() and found.chosen == expected.chosen
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1], "class_weight": [None, {0: 1.0}]}, cv=2)
    first, again = (nested(search, None, *IRIS, outer=3, folder=kept) for _ in range(2))
    assert first.scores.tolist() == again.scores.tolist() and str(first.chosen) == str(again.chosen)
    assert first.inner_scores.tolist() == again.inner_scores.tolist()


class Unlucky(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fails as long as a file is there."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def fit(self, X: Any, y: NDArray[Any]) -> "Unlucky":
        if X[0, 0] > 6 and Path(self.path).exists():
            raise MemoryError
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        return np.zeros(len(X), np.int64)


def test_a_fit_that_failed_is_tried_again(tmp_path: Path) -> None:
    trouble = tmp_path / "trouble"
    trouble.touch()
    with pytest.warns(PerceptWarning, match="Unlucky failed in"):
        first = cross_validate(Unlucky(str(trouble)), *IRIS, cv=KFold(3), folder=tmp_path / "kept")
    trouble.unlink()
    again = cross_validate(Unlucky(str(trouble)), *IRIS, cv=KFold(3), folder=tmp_path / "kept")
    assert np.isnan(first.scores).any() and np.isfinite(again.scores).all()


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="cannot be written"):
        cross_validate(LogisticRegression(), *IRIS, folder=tmp_path / "file")


def test_pictures_that_changed_are_not_mistaken(tmp_path: Path) -> None:
    class Reader(Unlucky):
        def fit(self, X: Any, y: NDArray[Any]) -> "Reader":
            return self

        def predict(self, X: Any) -> NDArray[Any]:
            return np.array([int(path.read_text()) for path in X])

    paths = [tmp_path / f"{number}.txt" for number in range(6)]
    for path in paths:
        path.write_text("1")
    y = np.ones(6, np.int64)
    y[0] = 0
    assert cross_validate(Reader(), paths, y, cv=KFold(3), folder=tmp_path / "kept").scores.tolist() == [0.5, 1, 1]
    paths[0].write_text("0")
    assert cross_validate(Reader(), paths, y, cv=KFold(3), folder=tmp_path / "kept").scores.tolist() == [1, 1, 1]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_the_user_chooses_where_fits_run(backend: str) -> None:
    alone = select(LogisticRegression(), GRID, *IRIS)
    with joblib.parallel_config(backend, n_jobs=2):
        assert_same(alone, select(LogisticRegression(), GRID, *IRIS))


def test_a_backend_that_gives_all_results_at_the_end_serves_too() -> None:
    seen: list[tuple[int, int]] = []
    with joblib.parallel_config("multiprocessing", n_jobs=2):  # one of those
        found = select(
            LogisticRegression(), GRID, *IRIS, progress=lambda done, total: seen.append((done, total)), refit=False
        )
    assert_same(found, select(LogisticRegression(), GRID, *IRIS))
    assert seen[-1] == (15, 15)


def test_a_fits_file_gives_back_every_number(tmp_path: Path) -> None:
    chosen = {"sizes": (3, (4,)), "list": [1, {"a": None}], "x": 0.1 + 0.2, "name": "é", "far": float("inf")}
    fit = Fit(1 / 3, float("nan"), -0.0, 1e-300, 2.0, 7, 0.5, np.arange(3), np.eye(3), chosen)
    write_fit(tmp_path / "a.npz", "key", fit)
    found = read_fit(tmp_path / "a.npz", "key")
    assert found is not None and repr(found) == repr(fit)
    assert read_fit(tmp_path / "a.npz", "another") is None and read_fit(tmp_path / "b.npz", "key") is None
    assert from_json(to_json(chosen)) == chosen
