"""MLPRegressor: a feed-forward network that predicts figures, with scikit-learn's face."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from percept.errors import DataError, OptionError
from percept.estimators.mlp import MultilayerPerceptron, by_batches
from percept.estimators.options import check_choice
from percept.training.stacked.design import Floats

OUTPUTS: dict[str, tuple[str, ...]] = {
    "squared_error": ("identity", "logistic", "tanh", "exp"),
    "poisson": ("exp",),
}

RANGES: dict[str, tuple[float, float]] = {"logistic": (0, 1), "tanh": (-1, 1), "exp": (0, np.inf)}  # of the outputs


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, MultilayerPerceptron):  # type: ignore[misc]
    """A feed-forward network that predicts figures; changing the import line is all that scikit-learn's needs.

    With the same `random_state` and float64 data the solvers sgd and adam give scikit-learn's own weights and loss
    curve. The output layer is the identity, or for loss "poisson" the exponential.

    Args:
        loss: "squared_error" (half of it, as in scikit-learn), "poisson" (half the deviance, for counts), or a function
            of torch tensors, outputs and targets (samples, outputs), that gives a mean loss or one for each sample.
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
        output: "identity", "logistic" (targets from 0 to 1), "tanh" (from -1 to 1) or "exp" (0 or more); None for the
            one that fits the loss.
        initializer: rule of the first weights: "zero", "small_normal", "large_normal", "xavier" or "he"; None for
            scikit-learn's, by the activation.
        dropout: chance of leaving out each hidden unit in a step: one number, or one for each hidden layer.
        batch_norm: whether hidden layers normalize their sums over the batch, before the activation.
        restarts: networks trained from different first weights, of which the best is kept: by the held-out score with
            early stopping, else by the training loss.
        learning_rates: factor on the learning rate for each layer of weights, the first layer first.
        device: where torch computes: "cpu", "cuda", "auto", ...

    Attributes:
        coefs_: weight matrices (inputs, outputs) of the layers.
        intercepts_: biases (outputs,) of the layers.
        loss_, best_loss_, loss_curve_: last, lowest and every epoch's mean training loss; best_loss_ is None with
            early stopping.
        validation_scores_, best_validation_score_: R^2 on the samples held out after each epoch, and the best;
            None without early stopping.
        n_iter_, t_: epochs of the last fit; samples seen since the weights were drawn.
        n_layers_, n_outputs_, out_activation_: layers with the inputs', output units, and their function.
        n_features_in_, feature_names_in_: what `fit` saw; names where the columns have any.
        restart_losses_, restart_scores_: last loss, and with early stopping the best score, of every restart.
        norm_scales_, norm_shifts_, norm_means_, norm_variances_: with batch_norm, one array for each hidden layer.

    Source: notes §2.1-2.5; Rumelhart, Hinton & Williams 1986; Kingma & Ba 2015 (adam).

    Example:
        >>> model = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0)
        >>> round(float(model.fit([[0.0], [1.0], [2.0]], [0, 1, 2]).predict([[1.5]])[0]), 1)
        1.5
    """

    loss: Any = "squared_error"
    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: str = "relu"
    output: str | None = field(default=None, kw_only=True)

    @available_if(by_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch more.

        Args:
            X: (samples, features) numbers, dense or sparse.
            y: (samples,) or (samples, outputs) figures.
            sample_weight: (samples,) what each sample counts for.

        Returns:
            The estimator.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the figures predicted, (samples,) or for several outputs (samples, outputs).

        Args:
            X: (samples, features) numbers, dense or sparse.
        """
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _check_loss(self) -> None:
        if not callable(self.loss):
            check_choice("loss", self.loss, OUTPUTS)
        check_choice("output", self.output, (None, *OUTPUTS["squared_error"]))
        if self.loss == "poisson" and self.output not in (None, "exp"):
            raise OptionError(
                f"loss='poisson' is of an exponential output, and output is {self.output!r}; leave it None"
            )

    def _output(self) -> str:
        return self.output or ("exp" if self.loss == "poisson" else "identity")

    def _read(self, X: Any, y: Any, *, incremental: bool, fresh: bool) -> tuple[Any, NDArray[Any], Floats]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=fresh,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and (y < 0).any():
            raise DataError(f"y has values below 0 (the lowest is {y.min():g}), which loss='poisson' cannot take")
        low, high = RANGES.get(self.output or "", (-np.inf, np.inf))
        if (y < low).any() or (y > high).any():
            raise DataError(
                f"y goes from {y.min():g} to {y.max():g}, and output={self.output!r} only from {low:g} to {high:g};"
                " scale y"
            )
        return X, y, y.reshape(len(y), -1).astype(X.dtype)

    def _read_all(self, X: Any, y: Any) -> tuple[Any, Floats]:
        X, _, T = self._read(X, y, incremental=False, fresh=False)
        return X, T

    def _score(self, outputs: Floats, T: Floats, sample_weight: Floats | None) -> float:
        return float(r2_score(T, outputs, sample_weight=sample_weight))

    def _score_name(self) -> str:
        return "r2"
