"""Training on all samples at once: a network's loss and gradient for a quasi-Newton method (L-BFGS).

Source: notes §2.3.1-2.3.3; Liu & Nocedal 1989.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from percept.errors import OptionError
from percept.training.stacked.design import Floats, Network, views
from percept.training.stacked.formulas import ACTIVATIONS, DERIVATIVES, loss_each, loss_slope


@dataclass(frozen=True)
class Minimum:
    """Where a quasi-Newton method came to rest: the parameters, their loss, its steps, and why it stopped.

    The loss is as scikit-learn reports it: of a squared error half the mean over samples and outputs.
    """

    parameters: NDArray[np.float64]
    loss: float
    steps: int
    converged: bool
    reason: str


def loss_and_gradient(
    network: Network, flat: Floats, X: Any, T: Floats, alpha: float, sample_weight: Floats | None = None
) -> tuple[float, Floats]:
    """Return the mean loss over all samples with its L2 penalty, and its gradient by backpropagation.

    The penalty 0.5 alpha |W|^2 is divided by the samples (by the sum of their weights). A squared error is half the
    sum over the outputs. scikit-learn's gradients are of that sum too though its losses are means over the outputs;
    L-BFGS needs a loss that its gradient belongs to.

    Args:
        network: what is trained.
        flat: (parameters,) of one network.
        X: (samples, features), dense or sparse.
        T: (samples, outputs) targets; {-1, 1} for a tanh output and for the perceptron loss.
        alpha: weight decay, 0 or more.
        sample_weight: (samples,) or None for equal weights.

    Raises:
        OptionError: the network has a loss of the user's own, dropout or batch normalization.

    Source: notes §2.3.3.
    """
    loss = network.loss
    if not isinstance(loss, str) or network.dropout or network.batch_norm:
        raise OptionError("a loss of your own, dropout and batch_norm need a solver by batches; take adam, not lbfgs")
    weights, biases = views(network, flat)
    gradient = np.empty_like(flat)
    weight_gradients, bias_gradients = views(network, gradient)
    values = [X]  # of each layer, the inputs first
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
        function = ACTIVATIONS[network.output if number == len(weights) else network.activation]
        values.append(function(np, np.asarray(values[-1] @ weight) + bias))
    counts = np.ones(len(T)) if sample_weight is None else sample_weight
    total = float(counts.sum())
    mean = float(counts @ loss_each(np, loss, network.output, values[-1], T).sum(axis=1) / total)
    mean *= _outputs_averaged(network)
    signal = loss_slope(np, loss, network.output, values[-1], T) * counts[:, None]
    for layer in range(len(weights) - 1, -1, -1):
        weight_gradients[layer][:] = (np.asarray(values[layer].T @ signal) + alpha * weights[layer]) / total
        bias_gradients[layer][:] = signal.sum(axis=0) / total
        if layer:
            signal = DERIVATIVES[network.activation](np, values[layer], signal @ weights[layer].T)
    return mean + _penalty(network, flat, alpha, total), gradient


def _penalty(network: Network, flat: Floats, alpha: float, total: float) -> float:
    return 0.5 * alpha * sum(float(np.vdot(weight, weight)) for weight in views(network, flat)[0]) / total


def _outputs_averaged(network: Network) -> int:
    """Return over how many outputs a sample's loss is a mean."""
    return network.sizes[-1] if network.loss == "squared_error" else 1


def quasi_newton(
    network: Network,
    flat: Floats,
    X: Any,
    T: Floats,
    *,
    alpha: float,
    sample_weight: Floats | None = None,
    steps: int = 200,
    evaluations: int = 15000,
    tolerance: float = 1e-4,
    verbose: bool = False,
) -> Minimum:
    """Minimize a network's loss over all samples by L-BFGS, in float64.

    Args:
        network: what is trained, without dropout and batch normalization.
        flat: (parameters,) to start from.
        X: (samples, features), dense or sparse.
        T: (samples, outputs).
        alpha: weight decay.
        sample_weight: (samples,) or None.
        steps: at most so many.
        evaluations: at most so many of the loss.
        tolerance: it stops where no component of the gradient is larger.
        verbose: print the loss of each step.

    Source: Liu & Nocedal 1989.
    """
    inputs = X.astype(np.float64)  # L-BFGS works in float64, whatever the data came in
    targets = T.astype(np.float64)

    def objective(parameters: Floats) -> tuple[float, Floats]:
        return loss_and_gradient(network, parameters, inputs, targets, alpha, sample_weight)

    done = 0

    def report(parameters: NDArray[np.float64]) -> None:
        nonlocal done
        done += 1
        print(f"Iteration {done}, loss = {objective(parameters)[0]:.8f}")

    result = minimize(  # type: ignore[call-overload]  # its stubs want a callback, or none, but not either
        objective,
        flat.astype(np.float64),
        method="L-BFGS-B",
        jac=True,
        callback=report if verbose else None,
        options={"maxfun": evaluations, "maxiter": steps, "gtol": tolerance},
    )
    reason = str(result.message).strip().capitalize()
    total = float(len(T) if sample_weight is None else sample_weight.sum())
    penalty = _penalty(network, result.x, alpha, total)
    loss = (float(result.fun) - penalty) / _outputs_averaged(network) + penalty
    return Minimum(result.x, loss, min(int(result.nit), steps), result.status == 0, reason)
