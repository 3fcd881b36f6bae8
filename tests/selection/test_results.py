"""The table of a selection has GridSearchCV's keys, types and ranks; the rule of one standard error is as by hand."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, KFold

from percept.selection.results import best_index, cv_results, one_standard_error, standard_error

Floats = NDArray[np.float64]


class Known(BaseEstimator):  # type: ignore[misc]
    """A model whose scores are known: a function of its parameters and of the samples."""

    def __init__(self, alpha: Any = 1, name: Any = "a", sizes: Any = (1,)) -> None:
        self.alpha, self.name, self.sizes = alpha, name, sizes

    def fit(self, X: Floats, y: Floats) -> "Known":
        return self

    def predict(self, X: Floats) -> Floats:
        return X[:, 0]

    def score(self, X: Floats, y: Floats) -> float:
        if self.alpha == 3:
            return float("nan")
        return round(float(np.sin(X.sum()) + len(str((self.name, self.sizes)))), 3)


def searched(grid: Any) -> Any:
    X = np.arange(12.0)[:, None]
    search = GridSearchCV(Known(), grid, cv=KFold(3), refit=False, return_train_score=True)
    search.fit(X, X[:, 0])
    return search.cv_results_


GRIDS: list[Any] = [
    {"alpha": [1, 2.5]},
    {"alpha": [1, 2], "name": ["a", "bb", "ccc"]},
    {"alpha": [True, False]},
    {"alpha": [None, 2]},
    {"sizes": [(1,), (2, 3), (4, 5)]},
    {"sizes": [(2, 3), (4, 5)], "alpha": [1, 3]},
    [{"alpha": [1, 3]}, {"name": ["bb", "a"], "alpha": [2]}, {}],
    {"alpha": [3]},
]


@pytest.mark.filterwarnings("ignore:One or more of the:UserWarning")
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_table_equals_gridsearchcvs(grid: Any) -> None:
    expected = searched(grid)
    splits = range(3)
    found = cv_results(
        expected["params"],
        np.stack([expected[f"split{split}_test_score"] for split in splits], axis=1),
        fit_time=np.ones((len(expected["params"]), 3)),
        score_time=np.ones((len(expected["params"]), 3)),
        train_scores=np.stack([expected[f"split{split}_train_score"] for split in splits], axis=1),
    )
    assert list(found) == list(expected)
    for key, value in expected.items():
        if "_time" in key:
            continue
        if key == "params":
            assert found[key] == value
            continue
        assert found[key].dtype == value.dtype, key
        if isinstance(value, np.ma.MaskedArray):
            assert found[key].mask.tolist() == value.mask.tolist()
            assert found[key].tolist() == value.tolist()
        else:
            np.testing.assert_array_equal(found[key], value, err_msg=key)
    scores = np.stack([found[f"split{split}_test_score"] for split in splits], axis=1)
    assert best_index(scores) == expected["rank_test_score"].argmin()


def test_a_candidate_that_failed_ranks_last_and_beside_the_worst_infinite_one() -> None:
    scores = np.array([[0.5, np.nan], [-np.inf, 0.1], [0.2, 0.2]])
    found = cv_results([{}] * 3, scores, fit_time=np.zeros((3, 2)), score_time=np.zeros((3, 2)))
    assert found["rank_test_score"].tolist() in ([3, 2, 1], [2, 2, 1])
    assert best_index(scores) == 2


def test_equal_candidates_share_a_rank_and_the_first_is_best() -> None:
    scores = np.array([[0.1, 0.3], [0.4, 0.6], [0.6, 0.4]])
    found = cv_results([{"a": a} for a in range(3)], scores, fit_time=scores, score_time=scores)
    assert found["rank_test_score"].tolist() == [3, 1, 1] and best_index(scores) == 1


def test_the_standard_error_is_as_by_hand() -> None:
    # 1, 2, 3: deviations -1, 0, 1, so a variance of 2 / (3 - 1) = 1, and an error of 1 / sqrt(3)
    assert standard_error(np.array([[1.0, 2, 3]])) == pytest.approx([3**-0.5])
    assert standard_error(np.array([[0.7]])).tolist() == [0]


def test_the_rule_of_one_standard_error_is_as_by_hand() -> None:
    scores = np.array([[0.80, 0.90, 1.00], [0.85, 0.85, 0.86], [0.70, 0.85, 0.97], [0.2, 0.3, 0.4]])
    # the best is the first: mean 0.9, deviation 0.1, error 0.0577, so 0.8423 and better count as equal
    assert one_standard_error(scores, [0.1, 1, 10, 100], [5, 5, 5, 5]) == 1  # 0.8533; the third has 0.84
    assert one_standard_error(scores, [1, 1, 1, 1], [9, 4, 2, 1]) == 1
    assert one_standard_error(scores, [1, 0.1, 0.1, 0.1], [9, 4, 2, 1]) == 0
    assert one_standard_error(scores, [1, 1, 1, 1], [1, 1, 1, 1]) == 0
    scores[1, 0] = np.nan
    assert one_standard_error(scores, [0.1, 1, 10, 100], [5, 5, 5, 5]) == 0
