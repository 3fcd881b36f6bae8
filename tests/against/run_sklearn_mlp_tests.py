"""scikit-learn's own tests of its multilayer perceptrons, run with percept's classes in the place of scikit-learn's.

To be run by hand, `python tests/against/run_sklearn_mlp_tests.py`; further arguments go to pytest. Random seeds and
settings come from scikit-learn's own conftest.
"""

import os
import sys
from pathlib import Path

import pytest
import sklearn.neural_network

from percept.estimators.classifier import MLPClassifier
from percept.estimators.regressor import MLPRegressor

# The tests that reach into what is private in scikit-learn's classes, and why each is left out.
SKIPPED = {
    "test_gradient": "calls _loss_grad_lbfgs; tests/training/test_quasi_newton.py holds the gradient to differences",
    "test_learning_rate_warmstart": "reads _optimizer.learning_rate; tests/estimators/test_mlp.py compares the weights",
    "test_adaptive_learning_rate": "reads _optimizer.learning_rate; tests/estimators/test_mlp.py compares the weights",
}


class LeftOut:
    """A plugin of pytest that skips the tests above with their reasons."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark them."""
        for item in items:
            if item.name in SKIPPED:
                item.add_marker(pytest.mark.skip(SKIPPED[item.name]))


def main(arguments: list[str]) -> int:
    """Run the tests and return pytest's exit code."""
    sklearn.neural_network.MLPClassifier = MLPClassifier  # where the test file imports them from
    sklearn.neural_network.MLPRegressor = MLPRegressor
    tests = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
    settings = ["-c", os.devnull, f"--rootdir={tests.parents[2]}", "-p", "no:cacheprovider", "-q", "-rs"]
    return int(pytest.main([str(tests), *settings, *arguments], plugins=[LeftOut()]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
