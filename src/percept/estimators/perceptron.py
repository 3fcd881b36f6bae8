"""Rosenblatt's perceptron as a scikit-learn estimator, with its trace, its pocket, and a word where it fails."""

import warnings
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from percept.errors import OptionError
from percept.estimators.linear_scores import linear_scores
from percept.estimators.multiset import Samples, as_given, as_multiset
from percept.estimators.neurons import Lesson, dense, first_weights, train_neurons
from percept.estimators.perceptron_options import check_options, settings_of
from percept.estimators.separation import advice
from percept.estimators.weights import class_weights, sample_weights
from percept.nn.neuron import Neuron, distances, perceptron_loss
from percept.training.perceptron import Outcome
from percept.training.rules import Floats
from percept.training.trace import joined


class Perceptron(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A linear classifier that learns online and only from its mistakes; with more than two classes, one neuron each.

    Parameters and attributes are scikit-learn's. What percept adds to them:

    Args:
        output: "sign" (-1, 0 or 1: a sum of 0 is always a mistake) or "step" (0 or 1: a sum of 0 answers 0).
        pocket: whether `coef_` and `intercept_` are the best weights seen (Gallant's pocket) and not the last.
        trace: whether `trace_` keeps the weights after every update.

    Attributes:
        trace_: every update as a `percept.training.trace.Trace`, where asked for.
        mistakes_: for each neuron the mistakes of each epoch.
        converged_: whether the last weights answer every training sample rightly.
        pocket_coef_, pocket_intercept_: the weights that answered most training samples rightly, shaped as `coef_`
            and `intercept_`; after `fit` only.
        neurons_: each neuron with its bias as w0.

    `fit` warns where the last weights are not right, and says whether the classes can be parted by a hyperplane at all.
    Begin with weights of your own by `fit(X, y, coef_init=..., intercept_init=...)`.

    Where no sample repeats and none is weighted, the weights are scikit-learn's, to the last bit in float64. Elsewhere
    `fit` takes equal rows of one class as one sample with the sum of their weights, and orders samples by content: a
    weight of 3 is the same as three rows, 0 the same as none, and the table's order has no effect. Held-out samples,
    `mistakes_` and warnings then count distinct samples, and `trace_` names the first of equal rows. `shuffle=False`,
    `partial_fit` and negative weights keep scikit-learn's numbers and the table's order (docs/decisions/0003).

    Source: notes §1.3; Rosenblatt 1958; Gallant 1990.

    Example:
        >>> X, y = [[-1, -1], [-1, 1], [1, -1], [1, 1]], [-1, 1, 1, 1]
        >>> model = Perceptron(eta0=0.5, shuffle=False, trace=True).fit(X, y)
        >>> model.trace_.weights.tolist()
        [[-0.5, 0.5, 0.5], [0.0, 0.0, 1.0], [0.5, 0.5, 0.5]]
    """

    classes_: NDArray[Any]
    coef_: Any  # an array, sparse after `sparsify`
    intercept_: Floats

    def __init__(
        self,
        *,
        penalty: str | None = None,
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        eta0: float = 1.0,
        n_jobs: int | None = None,
        random_state: Any = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: Any = None,
        warm_start: bool = False,
        output: str = "sign",
        pocket: bool = False,
        trace: bool = False,
    ) -> None:
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.eta0 = eta0
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.output = output
        self.pocket = pocket
        self.trace = trace

    def fit(
        self, X: Any, y: ArrayLike, coef_init: Any = None, intercept_init: Any = None, sample_weight: Any = None
    ) -> Self:
        """Learn from samples until an epoch's loss no longer falls.

        Args:
            X: (samples, features) numbers, dense or sparse.
            y: (samples,) classes.
            coef_init: weights to start from, shaped as `coef_`.
            intercept_init: biases to start from, shaped as `intercept_`.
            sample_weight: (samples,) factor of each sample's updates: how many samples it stands for.

        Raises:
            ValueError: an argument or the data does not work.
        """
        check_options(self)
        X, y = self._read(X, y, reset=True)
        warm = self.warm_start and hasattr(self, "coef_")
        self.classes_ = np.unique(y)
        if warm:
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        began = first_weights(self.classes_, X, coef_init, intercept_init)
        weights = sample_weights(sample_weight, X.shape[0], X.dtype)
        samples = as_multiset(X, y, weights) if self.shuffle else as_given(X, y, weights)
        outcomes = self._learn(samples, *began, self.max_iter)
        self.t_ = 1.0 + self.n_iter_ * X.shape[0]
        pockets = np.stack([outcome.pocket for outcome in outcomes]).astype(X.dtype)
        self.pocket_coef_, self.pocket_intercept_ = pockets[:, 1:], pockets[:, 0]
        if self.pocket:
            self.coef_, self.intercept_ = self.pocket_coef_.copy(), self.pocket_intercept_.copy()
        self._tell(samples, outcomes)
        return self

    def partial_fit(self, X: Any, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: Any = None) -> Self:
        """Learn from samples for one epoch, going on from the weights so far.

        Args:
            X: (samples, features) numbers, dense or sparse.
            y: (samples,) classes.
            classes: all classes that will ever come; needed on the first call.
            sample_weight: (samples,) factor of each sample's updates.

        Raises:
            ValueError: an argument or the data does not work.
        """
        check_options(self)
        first = not hasattr(self, "classes_")
        if first and (self.early_stopping or self.pocket):
            name = "early_stopping" if self.early_stopping else "pocket"
            raise OptionError(f"{name} should be False with partial_fit, which sees only a part of the samples")
        if first and isinstance(self.class_weight, str):
            raise OptionError(
                "class_weight 'balanced' is not supported by partial_fit, which sees only a part of the samples; pass"
                " a dictionary, such as sklearn.utils.compute_class_weight gives for all of them"
            )
        X, y = self._read(X, y, reset=first)
        self._know(classes)
        if first:
            self.t_ = 1.0
        self.__dict__.pop("pocket_coef_", None)
        self.__dict__.pop("pocket_intercept_", None)
        began = first_weights(self.classes_, X, getattr(self, "coef_", None), getattr(self, "intercept_", None))
        self._learn(as_given(X, y, sample_weights(sample_weight, X.shape[0], X.dtype)), *began, 1)
        self.t_ += X.shape[0]
        return self

    def decision_function(self, X: Any) -> Floats:
        """Return w·x + w0: (samples,) for the second of two classes, else (samples, classes)."""
        return linear_scores(self, X)

    def signed_distance(self, X: Any) -> Floats:
        """Return how far samples lie from each neuron's hyperplane, shaped as `decision_function` (notes §2.4.2)."""
        scores = self.decision_function(X)
        coef = dense(self.coef_)
        return distances(scores, coef[0] if scores.ndim == 1 else coef)

    def perceptron_loss(self, X: Any, y: ArrayLike) -> float:
        """Return D(w, w0), minus the sum of t (w·x + w0) over mistakes, summed over the neurons (notes §2.4.2)."""
        scores = self.decision_function(X)
        positive = self.classes_[1:] if scores.ndim == 1 else self.classes_
        targets = np.where(np.asarray(y)[:, None] == positive, 1.0, -1.0)
        return perceptron_loss(scores, targets[:, 0] if scores.ndim == 1 else targets)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class (samples,) of each sample of X (samples, features)."""
        scores = self.decision_function(X)
        chosen = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def densify(self) -> Self:
        """Hold `coef_` as an array, as `fit` does."""
        check_is_fitted(self)
        self.coef_ = dense(self.coef_)
        return self

    def sparsify(self) -> Self:
        """Hold `coef_` as a sparse matrix, which is smaller where more than half of it is zero, as L1 makes it."""
        check_is_fitted(self)
        self.coef_ = csr_array(self.coef_)
        return self

    @property
    def neurons_(self) -> tuple[Neuron, ...]:
        """Return each neuron with its bias as w0."""
        check_is_fitted(self)
        coef = dense(self.coef_)
        rows = np.column_stack([self.intercept_, coef]).tolist()
        return tuple(Neuron(tuple(row), self.output) for row in rows)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _read(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, NDArray[Any]]:
        """Return checked samples and classes."""
        types = [np.float64, np.float32]
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=types, order="C", accept_large_sparse=False, reset=reset
        )
        check_classification_targets(y)
        return X, np.asarray(y)

    def _know(self, classes: ArrayLike | None) -> None:
        """Set the classes on the first call of partial_fit; raise where they differ on a later one."""
        if not hasattr(self, "classes_"):
            if classes is None:
                raise OptionError("classes must be passed on the first call to partial_fit")
            self.classes_ = unique_labels(classes)
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise OptionError(
                f"classes {classes!r} is not the same as on the first call to partial_fit ({self.classes_.tolist()});"
                " pass the same, or none"
            )

    def _learn(self, samples: Samples, coef: Floats, intercept: Floats, epochs: int) -> list[Outcome]:
        """Train each neuron, drawing seeds in scikit-learn's order, and set the fitted attributes."""
        lesson = Lesson(
            samples.X,
            samples.y,
            self.classes_,
            samples.weights,
            class_weights(self.class_weight, self.classes_, samples.y, samples.counts),
            self.validation_fraction if self.early_stopping else 0.0,
            self.random_state,
        )
        settings = settings_of(self, epochs)
        outcomes = train_neurons(lesson, coef, intercept, settings, shuffle=bool(self.shuffle), jobs=self.n_jobs)
        self.coef_ = np.stack([outcome.weights for outcome in outcomes])
        held_as = np.float64 if len(outcomes) == 1 else samples.X.dtype  # as scikit-learn holds them
        self.intercept_ = np.array([outcome.bias for outcome in outcomes], dtype=held_as)
        self.mistakes_ = [np.array([each.mistakes for each in outcome.passes]) for outcome in outcomes]
        self.n_iter_ = max(len(outcome.passes) for outcome in outcomes)
        self.converged_ = not any(outcome.wrong for outcome in outcomes)
        if self.trace:
            trace = joined([outcome.trace for outcome in outcomes if outcome.trace is not None])
            self.trace_ = replace(trace, sample=samples.rows[trace.sample])
        return outcomes

    def _tell(self, samples: Samples, outcomes: list[Outcome]) -> None:
        """Warn where the weights do not answer all training samples rightly, and say what to try."""
        late = self.tol is not None and self.n_iter_ == self.max_iter and not (self.converged_ and not self.penalty)
        if self.penalty or self.early_stopping or self.converged_:
            said = f"the loss was still falling when max_iter={self.max_iter} epochs were over; raise max_iter"
            text = said if late else None
        else:
            wrong = {number: outcome.wrong for number, outcome in enumerate(outcomes) if outcome.wrong}
            text = advice(samples, self.classes_, wrong, self.n_iter_, bias=bool(self.fit_intercept))
        if text is not None:
            warnings.warn(text, ConvergenceWarning, stacklevel=3)
