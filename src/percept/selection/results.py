"""What cross-validation found, in the form of scikit-learn's `cv_results_`, and which candidate it speaks for."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]


def cv_results(
    params: Sequence[Mapping[str, Any]],
    scores: Floats,
    *,
    fit_time: Floats,
    score_time: Floats,
    train_scores: Floats | None = None,
) -> dict[str, Any]:
    """Return a table with the keys of scikit-learn's GridSearchCV.

    Args:
        params: what each candidate sets; all the same names.
        scores: (candidates, splits) on the samples left out, higher being better, NaN where training failed.
        fit_time: (candidates, splits) seconds.
        score_time: (candidates, splits) seconds.
        train_scores: (candidates, splits) on the samples trained on, where asked for.

    Example:
        >>> found = cv_results([{"alpha": 1}, {"alpha": 2}], np.array([[0.5, 0.7], [0.9, 0.9]]),
        ...     fit_time=np.zeros((2, 2)), score_time=np.zeros((2, 2)))
        >>> found["rank_test_score"].tolist(), found["mean_test_score"].tolist()
        ([2, 1], [0.6, 0.9])
    """
    table: dict[str, Any] = {}
    for name, times in (("fit_time", fit_time), ("score_time", score_time)):
        table[f"mean_{name}"], table[f"std_{name}"] = times.mean(axis=1), times.std(axis=1)
    for name in params[0] if params else ():
        values = [each[name] for each in params]
        column = np.ma.MaskedArray(np.empty(len(values), _type_of(values)), mask=False)
        for place, value in enumerate(values):
            column[place] = value
        table[f"param_{name}"] = column
    table["params"] = [dict(each) for each in params]
    for kind, found in (("test", scores), ("train", train_scores)):
        if found is None:
            continue
        for split in range(found.shape[1]):
            table[f"split{split}_{kind}_score"] = found[:, split]
        table[f"mean_{kind}_score"] = np.average(found, axis=1)
        table[f"std_{kind}_score"] = found.std(axis=1)
        if kind == "test":
            table["rank_test_score"] = _ranks(table["mean_test_score"])
    return table


def _type_of(values: Sequence[Any]) -> Any:
    kinds = {type(value) for value in values}
    return np.result_type(*values) if kinds <= {int, float, np.float64, np.int64} else object


def _ranks(means: Floats) -> NDArray[np.int32]:
    """Return 1 for the highest mean; a mean that is not a number comes last."""
    if np.isnan(means).all():
        return np.ones(len(means), np.int32)
    lowest = np.nanmin(means) - 1
    return rankdata(-np.nan_to_num(means, nan=lowest), method="min").astype(np.int32)


def best_index(scores: Floats) -> int:
    """Return the candidate with the highest mean score, the first of equal ones, as scikit-learn does."""
    return int(_ranks(np.average(scores, axis=1)).argmin())


def standard_error(scores: Floats) -> Floats:
    """Return the standard error of each candidate's mean score.

    Splits that share samples are not independent, so it is a guide and no proof.

    Args:
        scores: (candidates, splits).

    Source: Hastie, Tibshirani & Friedman 2009, section 7.10.
    """
    splits = scores.shape[1]
    error: Floats = scores.std(axis=1, ddof=1 if splits > 1 else 0) / np.sqrt(splits)
    return error


def one_standard_error(scores: Floats, alphas: Sequence[float], sizes: Sequence[int]) -> int:
    """Return the simplest candidate whose mean score lies within one standard error of the best.

    The simplest is the one with the strongest decay, of equal ones that with the fewest units.

    Args:
        scores: (candidates, splits).
        alphas: (candidates,) weight decay.
        sizes: (candidates,) number of units.

    Source: Breiman et al. 1984; Hastie, Tibshirani & Friedman 2009, section 7.10.

    Example:
        >>> one_standard_error(np.array([[0.9, 0.8], [0.9, 0.7], [0.1, 0.2]]), [0.1, 1.0, 10.0], [5, 5, 5])
        1
    """
    best, means = best_index(scores), np.average(scores, axis=1)
    least = means[best] - standard_error(scores)[best]
    near = [each for each in range(len(means)) if means[each] >= least or each == best]
    return max(near, key=lambda each: (alphas[each], -sizes[each], means[each]))
