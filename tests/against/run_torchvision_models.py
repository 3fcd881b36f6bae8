"""The comparison with torchvision and timm where torchvision's compiled part does not load, as beside torch for CPUs.

To be run by hand, in an environment that has both, `python tests/against/run_torchvision_models.py`; further arguments
go to pytest. Only two functions for boxes need the compiled part, and no network here calls them: they are declared,
so that the import goes through. A table of the differences is printed at the end.
"""

import sys
from pathlib import Path

import pytest
import torch

DECLARED = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class Table:
    """A plugin of pytest that gathers the differences and prints them."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, int, float]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test recorded."""
        if report.when == "call":
            self.rows += [row for key, row in report.user_properties if key == "comparison"]  # type: ignore[misc]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        for ours, theirs, side, difference in self.rows:
            terminalreporter.write_line(f"| {ours} | {theirs} | {side} | {difference:.1e} |")


def main(arguments: list[str]) -> int:
    """Run the tests and return pytest's exit code."""
    declared = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for signature in DECLARED:
        declared.define(signature)  # type: ignore[no-untyped-call]
    tests = Path(__file__).parent / "test_torchvision_models.py"
    return int(pytest.main([str(tests), "-q", "-rs", "-p", "no:cacheprovider", *arguments], plugins=[Table()]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
