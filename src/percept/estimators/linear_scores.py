"""The scores of a linear model: W x + b, one column for two classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data


def linear_scores(estimator: Any, X: Any) -> NDArray[np.float64]:
    """Return the scores of a fitted estimator with `coef_` and `intercept_`.

    Args:
        estimator: the fitted estimator.
        X: (samples, features), dense or sparse.

    Returns:
        (samples, classes), or (samples,) of the second of two classes.
    """
    check_is_fitted(estimator)
    X = validate_data(estimator, X, accept_sparse="csr", reset=False)
    scores: NDArray[np.float64] = safe_sparse_dot(X, estimator.coef_.T, dense_output=True) + estimator.intercept_
    return scores.ravel() if scores.shape[1] == 1 else scores
