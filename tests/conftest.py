"""What every test stands on: one thread, a picture cache of its own, and a GPU where it asks for one."""

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


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the drawing of a run's report, which takes longer than everything else in a run of a few samples."""
    for place in ("finish.report", "segmentation.finish.report_masks"):
        monkeypatch.setattr(f"percept.workflow.{place}", lambda *where, **what: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a CUDA device where there is none."""
    of_gpu = [item for item in items if "gpu" in item.keywords]
    if of_gpu:
        import torch  # seconds, which a test without it need not wait

        if not torch.cuda.is_available():
            for item in of_gpu:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
