"""Whether a hyperplane parts two classes without a mistake: what the perceptron's convergence theorem asks for."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.optimize import linprog
from sklearn.utils import check_X_y

from percept.errors import DataError


def linearly_separable(X: Any, targets: ArrayLike, *, bias: bool = True) -> bool:
    """Return whether some hyperplane has all samples of one class on one side and the others on the other.

    A linear program looks for weights with t (w·x + w0) >= 1 for every sample; there are none exactly where the
    classes are not linearly separable. It takes seconds for some 10,000 samples with 50 features.

    Args:
        X: (samples, features) finite numbers, dense or sparse.
        targets: (samples,) two classes.
        bias: whether the hyperplane may miss the origin.

    Raises:
        DataError: there are not two classes.

    Source: notes §1.3.3; Novikoff 1962; Minsky & Papert 1969.

    Example:
        >>> linearly_separable([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])  # XOR
        False
    """
    X, targets = check_X_y(X, targets, accept_sparse="csr", dtype=np.float64)
    classes = np.unique(targets)
    if len(classes) != 2:
        raise DataError(f"targets hold {len(classes)} classes; expected two")
    signs = np.where(targets == classes[1], 1.0, -1.0)
    sizes: Any = abs(X).max(axis=0)
    sizes = np.ravel(sizes.toarray() if hasattr(sizes, "toarray") else sizes)
    scale = 1.0 / np.where(sizes > 0, sizes, 1.0)  # every column within [-1, 1], which the program solves more surely
    rows: Any = sparse.diags_array(-signs) @ (X @ sparse.diags_array(scale))
    if bias:
        column: Any = -signs[:, None]
        stack: Any = sparse.hstack if sparse.issparse(rows) else np.hstack
        rows = stack([rows, column])
    found = linprog(np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(signs)), bounds=(None, None), method="highs")
    return bool(found.status == 0)
