"""scikit-learn's own tests of its perceptron, run with percept's class in its place; none is left out.

To be run by hand, `python tests/against/run_sklearn_perceptron_tests.py`; further arguments go to pytest. Settings come
from scikit-learn's own conftest.
"""

import os
import sys
from pathlib import Path

import pytest
import sklearn.linear_model

from percept.estimators.perceptron import Perceptron


def main(arguments: list[str]) -> int:
    """Run the tests and return pytest's exit code."""
    sklearn.linear_model.Perceptron = Perceptron  # where the test file imports it from
    tests = Path(sklearn.linear_model.__file__).parent / "tests" / "test_perceptron.py"
    settings = ["-c", os.devnull, f"--rootdir={tests.parents[2]}", "-p", "no:cacheprovider", "-q", "-rs"]
    return int(pytest.main([str(tests), *settings, *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
