"""MLPRegressorCV: the weight decay and the layers of a network for figures chosen by cross-validation, all at once."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from percept.estimators.network_selection import NetworkSelection
from percept.estimators.out_of_fold import OutOfFold
from percept.estimators.regressor import MLPRegressor
from percept.training.stacked.design import Floats


@dataclass(eq=False, repr=False)
class MLPRegressorCV(RegressorMixin, NetworkSelection):  # type: ignore[misc]
    """An MLPRegressor whose weight decay, and if asked for whose layers, are chosen by cross-validation.

    Every split, weight decay, shape and restart is one network of a stack that is trained by one compiled call. Each is
    the network that `MLPRegressor` trains alone from the same random state.

    Args:
        alphas: weight decays to choose from, "auto" for 0.0001 to 10.
        hidden_layer_sizes: units of each hidden layer of one network, or a list of several networks' units.
        activation: of the hidden layers, as for MLPRegressor.
        cv: as for MLPClassifierCV.
        restarts: networks of each candidate on each split, from different first weights; the one with the lowest
            training loss (with early stopping the highest score on its held-out samples) is kept.
        scoring: what candidates are compared by, as scikit-learn takes it; None for R^2, or for minus the mean squared
            error where a split tests a single sample.
        refit: whether the chosen candidate is trained on all samples.
        return_train_score: whether scores on the training samples are taken too.
        preprocessing: a transformer, fitted on the training samples of each split alone; "standardize"; or None.
        folder: where finished blocks of networks are kept; the same fit, begun again, goes on from there.
        progress: called with the numbers of networks done and of all.

    All further arguments are MLPRegressor's.

    Attributes:
        cv_results_, best_index_, best_params_, best_score_, one_standard_error_index_, best_estimator_, refit_epochs_,
            restart_seeds_, splits_, n_splits_, scoring_: as those of MLPClassifierCV.
        oof_predictions_: (samples,) or (samples, outputs): the chosen candidate's answers to samples that were left
            out, mean ones where that was more than once, NaN where it was never.

    Source: notes §2.5.1-2.5.3.

    Example:
        >>> X, y = [[x / 20] for x in range(20)], [x / 10 for x in range(20)]
        >>> found = MLPRegressorCV([0.01, 1000.0], (4,), solver="lbfgs", cv=4, random_state=0).fit(X, y)
        >>> found.best_params_
        {'alpha': 0.01}
    """

    loss: Any = field(default="squared_error", kw_only=True)
    output: str | None = field(default=None, kw_only=True)

    _network_class = MLPRegressor

    def _know(self, y: NDArray[Any]) -> int:
        self._flat = y.ndim == 1
        return 1 if y.ndim == 1 else int(y.shape[1])

    def _answers_of(self, template: Any, outputs: Floats) -> tuple[Floats, NDArray[np.intp]]:
        return outputs, np.arange(outputs.shape[1])

    def _set_out_of_fold(self, answers: OutOfFold) -> None:
        found = answers.of(self.best_index_)
        self.oof_predictions_ = found[:, 0] if self._flat else found
