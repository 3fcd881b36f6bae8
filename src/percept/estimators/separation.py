"""What to tell a user whose perceptron did not converge: whether it could have, and what to try."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.estimators.multiset import Samples
from percept.training.separability import linearly_separable

# So many numbers are looked through for a separating hyperplane after a fit; more would take longer than a second.
EXAMINED = 200_000
WIDEST = 1000  # columns of a table that is looked through: a linear program over many sparse ones may take hours

CURVED = "try MLPClassifier, whose boundary need not be straight, or features that are products of these (as XOR needs)"


def advice(samples: Samples, classes: NDArray[Any], wrong: Mapping[int, int], epochs: int, *, bias: bool) -> str:
    """Return one sentence that tells convergence from classes that no hyperplane parts.

    Args:
        samples: trained on.
        classes: sorted, two or more.
        wrong: for each neuron that did not converge, its training samples on the wrong side.
        epochs: that were trained.
        bias: whether the hyperplanes may miss the origin.
    """
    X, y = samples.X, samples.y
    two = len(classes) == 2
    known = {}
    if getattr(X, "nnz", X.size) * len(wrong) <= EXAMINED and X.shape[1] <= WIDEST:
        known = {
            number: linearly_separable(X, y == classes[1 if two else number], bias=bias)
            for number in wrong
            if np.unique(y == classes[1 if two else number]).size == 2
        }
    name = "the classes" if two else ", ".join(f"class {classes[number]}" for number in wrong) + " and the rest"
    count = sum(wrong.values())
    all_of_them = f"{len(y)} distinct training samples" if samples.repeated else f"{len(y)} training samples"
    state = f"{count} of {all_of_them}" if two else f"{count} answers to {all_of_them}"
    start = f"after {epochs} epochs {state} are wrong"
    if len(known) < len(wrong):
        return (
            f"{start}, and whether a hyperplane parts {name} is not known:"
            " percept.training.separability.linearly_separable tells; if one does, raise max_iter and set tol=None,"
            f" else set pocket=True to use the best weights seen, or {CURVED}"
        )
    apart = [number for number in wrong if not known[number]]
    if apart:
        name = "the classes" if two else ", ".join(f"class {classes[number]}" for number in apart) + " and the rest"
        return (
            f"{start} because {name} are not linearly separable: no hyperplane parts them, however many the epochs; set"
            f" pocket=True to use the best weights seen, or {CURVED}"
        )
    return f"{start} although {name} are linearly separable: training stopped early; raise max_iter and set tol=None"
