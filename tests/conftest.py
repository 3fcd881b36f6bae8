"""What every test stands on: a picture cache of its own, so that the user's is neither read nor filled."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ.get("PERCEPT_CACHE")
    os.environ["PERCEPT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["PERCEPT_CACHE"]
    else:
        os.environ["PERCEPT_CACHE"] = before
