"""The linear classifier as a scikit-learn estimator: softmax of the scores Wx + b, one template a class."""

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from percept.errors import DataError
from percept.estimators.linear_scores import linear_scores
from percept.estimators.options import check_choice, check_flag, check_number, check_whole
from percept.estimators.weights import sample_weights, with_class_weights
from percept.training.softmax_regression import Floats, softmax_regression


class LinearClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """One layer of scores Wx + b, trained to the optimum of the cross-entropy with an L2 penalty on W.

    It minimizes (sum of the samples' cross-entropies + alpha / 2 |W|²) / samples, as scikit-learn's MLPClassifier does
    without hidden layers. That is scikit-learn's LogisticRegression with C = 1 / alpha, whose coefficients it gives;
    two classes share one row of weights, as there.

    Args:
        alpha: strength of the L2 penalty, 0 or more; the biases are not penalized.
        fit_intercept: whether biases are learnt.
        class_weight: None, "balanced" (samples / (classes * samples of the class)), or a dictionary of weights.
        solver: "lbfgs".
        max_iter: steps at most.
        tol: it stops where no component of the gradient is larger.
        warm_start: whether `fit` starts from the weights that it found last.
        verbose: above 0, `fit` prints how it ended.

    Attributes:
        classes_: (classes,) sorted.
        coef_, intercept_: (classes, features) and (classes,); with two classes (1, features) and (1,), of the second.
        templates_: (classes, features) what each class looks for: row i times a sample is its score, up to a constant.
            With two classes each gets half, with opposite signs. Reshaped to a picture's size it is a picture.
        loss_, loss_curve_: what was minimized, at the end and after each step (before the first one at place 0).
        n_iter_: steps taken.

    Source: notes §3.2.1-3.2.3; Bridle 1990 (softmax); Liu & Nocedal 1989 (L-BFGS).

    Example:
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
        >>> LinearClassifier(alpha=0.1).fit(X, y).predict([[0.5], [2.5]]).tolist()
        ['low', 'high']
    """

    classes_: NDArray[Any]
    coef_: Floats
    intercept_: Floats

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        class_weight: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: ArrayLike, sample_weight: Any = None) -> Self:
        """Find the weights with the least penalized loss.

        Args:
            X: (samples, features) numbers, dense or sparse.
            y: (samples,) classes.
            sample_weight: (samples,) weight of each sample in the loss.

        Raises:
            ValueError: an argument or the data does not work.
        """
        self._check()
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
        check_classification_targets(y)
        began = self._begin(np.unique(y), X.shape[1])
        targets = (np.asarray(y)[:, None] == (self.classes_[1:] if len(began) == 1 else self.classes_)).astype(X.dtype)
        weights = with_class_weights(
            sample_weights(sample_weight, X.shape[0], X.dtype), self.class_weight, np.asarray(y), X.dtype
        )
        if weights is None:
            weights = np.ones(X.shape[0], X.dtype)
        found = softmax_regression(
            X,
            targets,
            began,
            alpha=float(self.alpha),
            weights=weights,
            bias=bool(self.fit_intercept),
            steps=self.max_iter,
            tolerance=float(self.tol),
        )
        self.coef_, self.intercept_ = found.parameters[:, 1:].astype(X.dtype), found.parameters[:, 0].astype(X.dtype)
        self.loss_curve_, self.loss_, self.n_iter_ = list(found.losses), found.losses[-1], max(1, len(found.losses) - 1)
        if self.verbose:
            print(f"{self.n_iter_} steps, loss {self.loss_:.6f}: {found.reason}")
        if not found.converged:
            warnings.warn(
                f"L-BFGS stopped after {self.n_iter_} steps before it converged ({found.reason}); raise max_iter, scale"
                " the features, for example with StandardScaler, or raise alpha",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def decision_function(self, X: Any) -> Floats:
        """Return the scores: (samples, classes), or (samples,) of the second of two classes over the first."""
        return linear_scores(self, X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class (samples,) with the highest score for each sample of X (samples, features)."""
        scores = self.decision_function(X)
        chosen = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithms (samples, classes) of the probabilities, exact where those are too small to hold."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            scores = np.column_stack([np.zeros_like(scores), scores])
        return np.asarray(log_softmax(scores, axis=1))

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities (samples, classes), the softmax of the scores."""
        return np.asarray(np.exp(self.predict_log_proba(X)))

    @property
    def templates_(self) -> Floats:
        """Return what each class looks for: (classes, features)."""
        check_is_fitted(self)
        half = self.coef_ / 2
        return np.asarray(self.coef_ if len(self.coef_) > 1 else np.vstack([-half, half]))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check(self) -> None:
        """Raise OptionError where an argument does not work; with_class_weights looks at class_weight."""
        check_number("alpha", self.alpha)
        check_number("tol", self.tol, ends="()")
        check_whole("max_iter", self.max_iter)
        check_whole("verbose", self.verbose, low=0)
        check_choice("solver", self.solver, ("lbfgs",))
        for name in ("fit_intercept", "warm_start"):
            check_flag(name, getattr(self, name))

    def _begin(self, classes: NDArray[Any], features: int) -> NDArray[np.float64]:
        """Set the classes and return the parameters (rows, features + 1) to start from, the bias first."""
        if len(classes) < 2:
            raise DataError(f"y holds {len(classes)} class; a classifier needs at least 2 classes to learn from")
        again = self.warm_start and hasattr(self, "coef_") and np.array_equal(classes, self.classes_)
        self.classes_ = classes
        if again and self.coef_.shape[1] == features:
            biases = self.intercept_ if self.fit_intercept else np.zeros(len(self.intercept_))
            return np.column_stack([biases, self.coef_]).astype(np.float64)
        return np.zeros((len(classes) if len(classes) > 2 else 1, features + 1))
