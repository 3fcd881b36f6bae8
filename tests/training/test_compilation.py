"""Compiled functions where they can be kept on disk and where they cannot."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import pytest

from percept.errors import PerceptWarning
from percept.training import compilation
from percept.training.compilation import compiled_and_kept


def size_of(x: float) -> float:
    return abs(x)


def test_without_a_folder_to_keep_it_in_a_function_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Any = numba.njit

    def without_folder(*functions: object, **options: object) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(*functions, **options)

    monkeypatch.setattr(numba, "njit", without_folder)
    assert compiled_and_kept(size_of)(-2.0) == 2.0


def test_on_a_full_disk_a_function_is_compiled_and_the_user_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    compilation._warn.cache_clear()
    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)
    function = compiled_and_kept(size_of)
    with pytest.warns(PerceptWarning, match="No space left on device.*NUMBA_CACHE_DIR"):
        assert function(-2) == 2
    assert function(-3) == 3


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_what_was_kept_and_is_cut_off_is_replaced(ending: str, tmp_path: Path) -> None:
    module = tmp_path / "squared.py"
    module.write_text("def squared(x):\n    return x * x\n")
    code = (
        "import sys; sys.path.insert(0, '.'); from squared import squared;"
        "from percept.training.compilation import compiled_and_kept;"
        "f = compiled_and_kept(squared); print(f(3), sum(f.stats.cache_hits.values()))"
    )

    def run() -> str:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert run() == "9 0"
    (kept,) = (tmp_path / "kept").rglob(f"*{ending}")
    kept.write_bytes(kept.read_bytes()[:20])
    assert [run(), run()] == ["9 0", "9 1"]
