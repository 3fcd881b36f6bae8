"""MLPClassifier: a feed-forward network that tells classes apart, with scikit-learn's face."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from percept.errors import DataError, OptionError
from percept.estimators.mlp import MultilayerPerceptron, by_batches
from percept.estimators.options import check_choice
from percept.estimators.weights import with_class_weights
from percept.training.stacked.design import Floats

LOSSES = ("log_loss", "cross_entropy", "squared_error", "perceptron")
OUTPUTS = (None, "logistic", "softmax", "tanh")
SIGNED = ("tanh", "identity")  # outputs whose targets are -1 and 1 rather than 0 and 1


def _has_probabilities(estimator: Any) -> bool:
    return bool(estimator.loss != "perceptron")


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, MultilayerPerceptron):  # type: ignore[misc]
    """A feed-forward network that tells classes apart; changing the import line is all that scikit-learn's needs.

    With the same `random_state` and float64 data the solvers sgd and adam give scikit-learn's own weights and loss
    curve. The output layer is chosen by the targets: logistic for two classes and for several labels at once, softmax
    for more classes.

    Args:
        hidden_layer_sizes: units of each hidden layer.
        activation: of the hidden layers: "identity", "logistic", "tanh", "relu", "leaky_relu", "elu" or "softmax".
        solver: "adam", "sgd", "lbfgs", "adamw", "rprop", "adagrad", "rmsprop" or "adadelta".
        alpha: weight decay, 0 or more; 0.5 alpha |W|^2, divided by the samples of the batch, is added to the loss.
        batch_size: samples of each step; "auto" for 200, or all where there are fewer.
        learning_rate: for sgd: "constant"; "invscaling", divided by t^power_t where t counts the samples seen;
            "adaptive", divided by 5 each time training stalls.
        learning_rate_init: step size at the start, above 0; adagrad and rprop want about 0.01, adadelta 1.
        power_t: exponent of "invscaling", 0 or more.
        max_iter: epochs at most; steps at most for lbfgs.
        shuffle: whether each epoch takes the samples in a new order.
        random_state: seed or RandomState of first weights, held-out samples and orders.
        tol: what a loss (or score, with early stopping) must gain to count as an improvement.
        verbose: whether each epoch is printed.
        warm_start: whether `fit` goes on from the weights of the last fit.
        momentum: of sgd, from 0 to 1.
        nesterovs_momentum: whether sgd's momentum is Nesterov's.
        early_stopping: whether samples are held out, training stops when their score stalls, and the weights of the
            best score are kept.
        validation_fraction: of the samples to hold out, below 1.
        beta_1: decay of adam's mean of gradients, below 1.
        beta_2: decay of adam's mean of squared gradients, below 1.
        epsilon: of adam, above 0.
        n_iter_no_change: epochs without improvement before training stops.
        max_fun: loss evaluations at most, for lbfgs.
        loss: "log_loss" (or "cross_entropy", the same), "squared_error", "perceptron", or a function of torch tensors,
            outputs and targets (samples, outputs), that gives a mean loss or one for each sample.
        output: "logistic", "softmax" or "tanh" (targets -1 and 1); None for the one that fits the targets.
        initializer: rule of the first weights: "zero", "small_normal", "large_normal", "xavier" or "he"; None for
            scikit-learn's, by the activation.
        dropout: chance of leaving out each hidden unit in a step: one number, or one for each hidden layer.
        batch_norm: whether hidden layers normalize their sums over the batch, before the activation.
        class_weight: None, "balanced", or a dictionary from class to weight.
        restarts: networks trained from different first weights, of which the best is kept: by the held-out score with
            early stopping, else by the training loss.
        learning_rates: factor on the learning rate for each layer of weights, the first layer first.
        device: where torch computes: "cpu", "cuda", "auto", ...

    Attributes:
        classes_: the classes, sorted.
        coefs_: weight matrices (inputs, outputs) of the layers.
        intercepts_: biases (outputs,) of the layers.
        loss_, best_loss_, loss_curve_: last, lowest and every epoch's mean training loss; best_loss_ is None with
            early stopping.
        validation_scores_, best_validation_score_: accuracy on the samples held out after each epoch, and the best;
            None without early stopping.
        n_iter_, t_: epochs of the last fit; samples seen since the weights were drawn.
        n_layers_, n_outputs_, out_activation_: layers with the inputs', output units, and their function.
        n_features_in_, feature_names_in_: what `fit` saw; names where the columns have any.
        restart_losses_, restart_scores_: last loss, and with early stopping the best score, of every restart.
        norm_scales_, norm_shifts_, norm_means_, norm_variances_: with batch_norm, one array for each hidden layer.

    Source: notes §2.1-2.5; Rumelhart, Hinton & Williams 1986; Kingma & Ba 2015 (adam).

    Example:
        >>> model = MLPClassifier((4,), solver="lbfgs", random_state=0)
        >>> model.fit([[0, 0], [0, 1], [1, 0], [1, 1]], ["no", "yes", "yes", "yes"]).predict([[0, 1]])
        array(['yes'], dtype='<U3')
    """

    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: str = "relu"
    loss: Any = field(default="log_loss", kw_only=True)
    output: str | None = field(default=None, kw_only=True)
    class_weight: str | Mapping[Any, float] | Sequence[Mapping[Any, float]] | None = field(default=None, kw_only=True)

    @available_if(by_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch more.

        Args:
            X: (samples, features) numbers, dense or sparse.
            y: (samples,) classes, or (samples, labels) indicators.
            sample_weight: (samples,) what each sample counts for.
            classes: all classes that will ever come; needed on the first call, and the same on any later one.

        Returns:
            The estimator.

        Raises:
            ValueError: classes are missing, or others than before.
        """
        if isinstance(self.class_weight, str):
            raise OptionError("class_weight='balanced' needs all samples at once; give partial_fit a dictionary")
        known = getattr(self, "classes_", None)
        if classes is None and known is None:
            raise DataError("classes must be passed on the first call to partial_fit")
        if classes is not None:
            named = unique_labels(classes)
            if known is not None and not np.array_equal(known, named):
                raise DataError(f"classes are {named}, but an earlier call to partial_fit or fit had {known}")
            if known is None:
                self._learn_classes(y if type_of_target(y).startswith("multilabel") else named)
                self.classes_ = named
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each sample (samples,), or the labels that it has (samples, labels).

        Args:
            X: (samples, features) numbers, dense or sparse.
        """
        outputs = self._outputs(X)
        chosen: NDArray[Any] = self._binarizer.inverse_transform(self._chosen(outputs).astype(int))
        return chosen

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, ordered as in `classes_`.

        Args:
            X: (samples, features) numbers, dense or sparse.

        Returns:
            (samples, classes); for several labels at once the probability of each.
        """
        return self._probabilities_of(self._outputs(X))

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithms of `predict_proba`.

        Args:
            X: (samples, features) numbers, dense or sparse.
        """
        with np.errstate(divide="ignore"):
            logarithms: Floats = np.log(self.predict_proba(X))
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _check_loss(self) -> None:
        if not callable(self.loss):
            check_choice("loss", self.loss, LOSSES)
        check_choice("output", self.output, OUTPUTS)
        if self.loss == "perceptron" and self.output is not None:
            raise OptionError(f"loss='perceptron' is of plain scores, and output is {self.output!r}; leave it None")

    def _output(self) -> str:
        if self.loss == "perceptron":
            return "identity"
        if self.output == "softmax" and self._kind != "multiclass":
            raise OptionError("output='softmax' needs three classes or more; use 'logistic' or 'tanh', or None")
        return self.output or ("softmax" if self._kind == "multiclass" else "logistic")

    def _learn_classes(self, y: Any) -> None:
        self._binarizer = LabelBinarizer().fit(y)
        self._kind = self._binarizer.y_type_
        self.classes_ = self._binarizer.classes_

    def _read(self, X: Any, y: Any, *, incremental: bool, fresh: bool) -> tuple[Any, NDArray[Any], Floats]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, dtype=(np.float64, np.float32), reset=fresh
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._learn_classes(y)
        else:
            self._check_classes(unique_labels(y))
        T: Floats = self._binarizer.transform(y).astype(X.dtype)
        output = self._output() if fresh else self.out_activation_
        return X, y, 2 * T - 1 if output in SIGNED else T

    def _read_all(self, X: Any, y: Any) -> tuple[Any, Floats]:
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        T: Floats = self._binarizer.transform(y).astype(X.dtype)  # no class for one that was not among those read
        return X, 2 * T - 1 if self._output() in SIGNED else T

    def _classes_in(self, y: NDArray[Any]) -> tuple[Any, ...]:
        return () if y.ndim > 1 else tuple(np.unique(y).tolist())

    def _check_classes(self, found: NDArray[Any]) -> None:
        """Raise unless the classes go with those of the fit before."""
        if self.warm_start and set(found) != set(self.classes_):
            raise DataError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously"
                f" got {self.classes_}, `y` has {found}"
            )
        strangers = np.setdiff1d(found, self.classes_)
        if len(strangers):
            raise DataError(f"`y` has classes that partial_fit was not told of: {strangers}; it knows {self.classes_}")

    def _class_weighted(self, weights: Floats | None, y: NDArray[Any], dtype: np.dtype[Any]) -> Floats | None:
        return with_class_weights(weights, self.class_weight, y, dtype)

    def _strata(self, T: Floats) -> NDArray[np.bool_] | None:
        # With several output units scikit-learn does not stratify, and the samples held out are to be the same.
        return T > 0 if T.shape[1] == 1 else None

    def _chosen(self, outputs: Floats) -> NDArray[np.bool_]:
        """Return which output units say yes: the highest of several classes, else those past the middle."""
        if self._kind == "multiclass" and outputs.shape[1] > 1:
            chosen: NDArray[np.bool_] = outputs.argmax(axis=1)[:, None] == np.arange(outputs.shape[1])
            return chosen
        return outputs > (0 if self.out_activation_ in SIGNED else 0.5)

    def _probabilities_of(self, outputs: Floats) -> Floats:
        """Return the probability of each class by the output layer's values; of plain scores 1 for the class chosen."""
        if self.loss == "perceptron":
            outputs = self._chosen(outputs).astype(outputs.dtype)
        elif self.out_activation_ == "tanh":
            outputs = (1 + outputs) / 2
            if self._kind == "multiclass":  # each class was told from all others by itself
                outputs = np.maximum(outputs, np.finfo(outputs.dtype).tiny)
                outputs = outputs / outputs.sum(axis=1, keepdims=True)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def _score(self, outputs: Floats, T: Floats, sample_weight: Floats | None) -> float:
        right = (self._chosen(outputs) == (T > 0)).all(axis=1)
        return float(right.mean() if sample_weight is None else np.average(right, weights=sample_weight))

    def _score_name(self) -> str:
        return "highest" if self._kind == "multiclass" and self.n_outputs_ > 1 else "hits"
