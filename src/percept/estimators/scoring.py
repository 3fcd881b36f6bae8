"""How good each network of a selection is on its rows: by the estimator's own score at once, else by a scorer."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.metrics import check_scoring, get_scorer

from percept.estimators.folds import Fold
from percept.estimators.layers import Trained, unpack
from percept.training.stacked.design import Floats, Network

Score = Callable[[Fold, Network, Trained, Floats, NDArray[np.intp]], float]


def scorer_of(scoring: Any, template: Any, *, lone: bool) -> tuple[Any, str]:
    """Return a scorer, None for the estimator's own score, and its name.

    Args:
        scoring: None, a name or a function, as scikit-learn takes them.
        template: a network of the selection.
        lone: whether some split tests a single sample, for which R^2 has no meaning.

    Raises:
        ValueError: there is no such scorer.
    """
    regression = template._estimator_type == "regressor" if hasattr(template, "_estimator_type") else None
    if regression is None:
        regression = template.__sklearn_tags__().estimator_type == "regressor"
    own = "r2" if regression else "accuracy"
    if scoring is None and lone and regression:
        return get_scorer("neg_mean_squared_error"), "neg_mean_squared_error"
    if scoring is None or scoring == own:
        return None, own
    name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", str(scoring))
    return check_scoring(template, scoring=scoring), name


def score(scorer: Any, fold: Fold, network: Network, found: Trained, outputs: Floats, rows: NDArray[np.intp]) -> float:
    """Return the score of one network on rows of its fold's material; NaN where an answer is not finite.

    Args:
        scorer: of `scorer_of`.
        fold: the network's.
        network: its design.
        found: its numbers.
        outputs: (rows, outputs) its answers.
        rows: of the material.
    """
    material = fold.material
    if not np.isfinite(outputs).all():
        return float("nan")
    weight = None if material.weight is None else material.weight[rows]
    if scorer is None:
        result: float = material.template._score(outputs, material.T[rows], weight)
        return result
    named = {} if weight is None else {"sample_weight": weight}
    return float(scorer(trained(fold, network, found), material.X[rows], material.y[rows], **named))


def trained(fold: Fold, network: Network, found: Trained) -> Any:
    """Return a network of a stack as an estimator of its own."""
    template = fold.material.template
    estimator = clone(template)
    known = ("_binarizer", "_kind", "classes_", "n_outputs_", "out_activation_", "n_features_in_", "feature_names_in_")
    for name in known:
        if hasattr(template, name):
            setattr(estimator, name, getattr(template, name))
    estimator.hidden_layer_sizes, estimator.n_layers_ = network.hidden, network.layers + 1
    unpack(network, found, estimator)
    return estimator
