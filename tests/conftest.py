"""What every test stands on: one thread, and a picture cache of its own, so that the user's is left alone."""

import os
from collections.abc import Iterator

import pytest

# Networks of tests are so small that several threads wait for each other longer than they work.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ.get("PERCEPT_CACHE")
    os.environ["PERCEPT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["PERCEPT_CACHE"]
    else:
        os.environ["PERCEPT_CACHE"] = before
