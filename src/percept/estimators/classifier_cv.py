"""MLPClassifierCV: the weight decay and the layers of a classifying network chosen by cross-validation, all at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import unique_labels

from percept.errors import DataError
from percept.estimators.classifier import MLPClassifier
from percept.estimators.network_selection import NetworkSelection
from percept.estimators.out_of_fold import OutOfFold
from percept.training.stacked.design import Floats


def _has_probabilities(estimator: Any) -> bool:
    return bool(estimator.loss != "perceptron")


@dataclass(eq=False, repr=False)
class MLPClassifierCV(ClassifierMixin, NetworkSelection):  # type: ignore[misc]
    """An MLPClassifier whose weight decay, and if asked for whose layers, are chosen by cross-validation.

    Every split, weight decay, shape and restart is one network of a stack that is trained by one compiled call. Each is
    the network that `MLPClassifier` trains alone from the same random state, so the scores are those that
    scikit-learn's GridSearchCV finds.

    Args:
        alphas: weight decays to choose from, "auto" for 0.0001 to 10.
        hidden_layer_sizes: units of each hidden layer of one network, or a list of several networks' units.
        activation: of the hidden layers, as for MLPClassifier.
        cv: None for five parts; a number of parts; "loo" to leave out one sample (with groups one group) in turn;
            "bootstrap"; "subsampling"; a splitter of scikit-learn's; or pairs of row numbers to train and to test on.
        restarts: networks of each candidate on each split, from different first weights; the one with the lowest
            training loss (with early stopping the highest score on its held-out samples) is kept.
        scoring: what candidates are compared by, as scikit-learn takes it; None for accuracy.
        refit: whether the chosen candidate is trained on all samples; with early stopping for the median of the epochs
            that were best on the splits, since then no sample is left to stop by.
        return_train_score: whether scores on the training samples are taken too.
        preprocessing: a transformer, fitted on the training samples of each split alone; "standardize"; or None.
        folder: where finished blocks of networks are kept; the same fit, begun again, goes on from there.
        progress: called with the numbers of networks done and of all.

    All further arguments are MLPClassifier's.

    Attributes:
        cv_results_: the table that GridSearchCV makes, with `restart_test_score` (candidates, splits, restarts).
        best_index_, best_params_, best_score_: the chosen candidate and its mean score.
        one_standard_error_index_: the strongest weight decay whose score is within one standard error of the best.
        oof_predictions_, oof_probabilities_: (samples,) and (samples, classes): the chosen candidate's answers to
            samples that were left out, mean ones where that was more than once; masked, or NaN, where it was never.
        best_estimator_: the MLPClassifier trained on all samples; its `coefs_`, `intercepts_`, `loss_curve_` and
            `n_iter_` are here too.
        refit_epochs_: epochs that it was trained for, with early stopping; else None.
        restart_seeds_: the random state of each restart.
        splits_, n_splits_, scoring_: rows of each split, their number, and the name of the score.

    Source: notes §2.5.1-2.5.3.

    Example:
        >>> X, y = [[0.0], [0.2], [0.8], [1.0]] * 5, [0, 0, 1, 1] * 5
        >>> found = MLPClassifierCV([0.1, 100.0], (4,), solver="lbfgs", cv=2, random_state=0).fit(X, y)
        >>> found.best_params_
        {'alpha': 0.1}
    """

    loss: Any = field(default="log_loss", kw_only=True)
    output: str | None = field(default=None, kw_only=True)
    class_weight: str | Mapping[Any, float] | Sequence[Mapping[Any, float]] | None = field(default=None, kw_only=True)

    _network_class = MLPClassifier

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """Return the probability (samples, classes) of each class, by the network trained on all samples."""
        found: Floats = self._asked().predict_proba(self._prepared(X))
        return found

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithms of `predict_proba`."""
        found: Floats = self._asked().predict_log_proba(self._prepared(X))
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _know(self, y: NDArray[Any]) -> int:
        self.classes_ = unique_labels(y)
        if len(self.classes_) < 2:
            raise DataError(f"y holds {len(self.classes_)} class; choosing needs samples of two classes or more")
        self._labels = int(y.shape[1]) if y.ndim == 2 else 0  # of a sample that may have several; 0 where it has one
        return self._labels or len(self.classes_)

    def _answers_of(self, template: Any, outputs: Floats) -> tuple[Floats, NDArray[np.intp]]:
        answers = template._probabilities_of(outputs)
        if self._labels:
            return answers[:, -self._labels :], np.arange(self._labels)
        return answers[:, : len(template.classes_)], np.searchsorted(self.classes_, template.classes_)

    def _set_out_of_fold(self, answers: OutOfFold) -> None:
        found = answers.of(self.best_index_)
        known = ~np.isnan(found).any(axis=1)
        if self._labels:
            chosen = (np.nan_to_num(found) > 0.5).astype(int)
        else:
            chosen = self.classes_[np.nan_to_num(found).argmax(axis=1)]
        hidden = np.broadcast_to((~known).reshape(-1, *(1,) * (chosen.ndim - 1)), chosen.shape)
        self.oof_predictions_ = chosen if known.all() else np.ma.MaskedArray(chosen, hidden)
        if _has_probabilities(self):
            self.oof_probabilities_ = found
