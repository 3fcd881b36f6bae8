"""How fits are scored: scikit-learn's scorers, by name, function or the model's own score."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

from sklearn.metrics import check_scoring

from percept.errors import OptionError


def make_scorer(model: Any, scoring: Any) -> Any:
    """Return a function of a fitted model, X and y that gives one number, higher being better.

    Args:
        model: what is to be scored.
        scoring: None for the model's own score, a name of scikit-learn's, or such a function.

    Raises:
        OptionError: there is no such scoring, or there are several.
    """
    if isinstance(scoring, (Mapping, list, tuple, set)):
        raise OptionError(f"scoring is a {type(scoring).__name__}; expected one name or function to choose by")
    try:
        return check_scoring(model, scoring)
    except (ValueError, TypeError) as error:
        if scoring is None:
            raise OptionError(f"{type(model).__name__} has no score of its own; name one with scoring") from error
        raise OptionError(
            f"scoring is {scoring!r}; expected one of sklearn.metrics.get_scorer_names(), a function of (model, X, y),"
            " or None for the model's own score"
        ) from error


def scoring_name(scoring: Any) -> str:
    """Return what a scoring is called in sentences.

    Example:
        >>> scoring_name(None), scoring_name("neg_log_loss")
        ('score', 'neg_log_loss')
    """
    if scoring is None:
        return "score"
    return scoring if isinstance(scoring, str) else str(getattr(scoring, "__name__", type(scoring).__name__))


def takes_weights(model: Any, scorer: Any, scoring: Any) -> bool:
    """Return whether a scorer takes the samples' weights."""
    function = model.score if scoring is None else getattr(scorer, "_score_func", scorer)
    return "sample_weight" in signature(function).parameters
