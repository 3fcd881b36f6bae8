"""Which labels are likely wrong: those that a network which never learned them contradicts with confidence."""

import numpy as np
from numpy.typing import NDArray


def label_suspects(truth: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the samples whose label may be wrong, the most suspicious first.

    A sample is one of them if another class than its own is as probable as that class is on average where it is the
    label, and more probable than its own. They are ranked by how much more probable it is.

    Args:
        truth: (samples,) class numbers as labelled.
        probabilities: (samples, classes) of a network that was not trained on these samples.

    Returns:
        (suspects,) sample numbers.

    Source: Northcutt, Jiang and Chuang 2021, confident learning.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.95, 0.05], [0.2, 0.8]])
        >>> label_suspects(np.array([0, 0, 1, 1]), scores).tolist()
        [2]
    """
    count, classes = probabilities.shape
    own = probabilities[np.arange(count), truth]
    labelled = np.bincount(truth, minlength=classes)
    usual = np.bincount(truth, own, minlength=classes) / np.maximum(labelled, 1)
    others = np.where((probabilities >= usual) & (labelled > 0), probabilities, 0.0)
    others[np.arange(count), truth] = 0
    margin = others.max(axis=1) - own
    suspects = np.flatnonzero(margin > 0)
    return suspects[np.argsort(-margin[suspects], kind="stable")]
