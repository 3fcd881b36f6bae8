"""One step of each solver on a whole stack: scikit-learn's sgd and adam, AdamW, and torch's optimizers for the rest."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer

from percept.training.stacked.design import Layer
from percept.training.stacked.solver import Adadelta, Adagrad, Adam, AdamW, Rmsprop, Rprop, Sgd, Solver

Steps = NDArray[np.float64]

# Takes the gradients and the decay of each parameter (models, parameters); moves the parameters.
Update = Callable[[Tensor, Tensor], None]


def make_update(
    solver: Solver, layers: list[Layer], rates: Any, p: Tensor, first: Tensor, second: Tensor, steps: Steps
) -> Update:
    """Return a function that takes one step in place.

    Args:
        solver: its settings.
        layers: where each layer lies.
        rates: (layers,) learning rates.
        p: (models, parameters).
        first: (models, parameters) what the solver remembers, as in `State`.
        second: (models, parameters).
        steps: (models, 1) float64, taken before this one; the caller adds to them after each step.
    """
    if isinstance(solver, (Sgd, Adam, AdamW)):
        rate = torch.empty_like(p[0])
        for layer, each in zip(layers, rates, strict=True):
            for part in (layer.weights, layer.biases, layer.scale, layer.shift):
                if part is not None:
                    rate[part] = float(each)
        if isinstance(solver, Sgd):
            return _sgd(solver, rate, p, first)
        return _adam(solver, rate, p, first, second, steps)
    return _of_torch(solver, layers, rates, p, first, second, steps)


def _sgd(solver: Sgd, rate: Tensor, p: Tensor, velocity: Tensor) -> Update:
    def update(gradient: Tensor, decay: Tensor) -> None:
        step = rate * gradient.addcmul_(decay, p)
        velocity.mul_(solver.momentum).sub_(step)
        p.add_(velocity * solver.momentum - step if solver.nesterov else velocity)

    return update


def _adam(solver: Adam | AdamW, rate: Tensor, p: Tensor, m: Tensor, v: Tensor, steps: Steps) -> Update:
    decoupled = isinstance(solver, AdamW)

    def update(gradient: Tensor, decay: Tensor) -> None:
        if decoupled:
            p.mul_(1 - rate * decay)
        else:
            gradient.addcmul_(decay, p)
        m.lerp_(gradient, 1 - solver.beta_1)
        v.mul_(solver.beta_2).addcmul_(gradient, gradient, value=1 - solver.beta_2)
        # The means start at 0; these factors (models, 1) make up for that.
        root = np.sqrt(1 - solver.beta_2 ** (steps + 1))
        factor = torch.from_numpy(root / (1 - solver.beta_1 ** (steps + 1))).to(p)
        width = v.sqrt().add_(torch.from_numpy(solver.epsilon * root).to(p) if decoupled else solver.epsilon)
        p.addcdiv_(rate * factor * m, width, value=-1)

    return update


def _of_torch(
    solver: Solver, layers: list[Layer], rates: Any, p: Tensor, first: Tensor, second: Tensor, steps: Steps
) -> Update:
    """Return an update by torch's optimizer, one group a layer, whose memory is ours."""
    groups = []
    places: list[slice] = []
    for layer, rate in zip(layers, rates, strict=True):
        parts = [part for part in (slice(layer.weights.start, layer.biases.stop), _norm(layer)) if part is not None]
        groups.append({"params": [p[:, part] for part in parts], "lr": float(rate)})
        places += parts
    make, names, options = _torch_optimizer(solver)
    optimizer = make(groups, **options)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if isinstance(solver, Rprop):  # step sizes of models that have not moved yet
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                part = places[next(i for i, each in enumerate(parameters) if each is parameter)]
                fresh = torch.from_numpy(steps == 0).to(p.device)
                second[:, part] = torch.where(fresh, group["lr"], second[:, part])
    for parameter, part in zip(parameters, places, strict=True):
        memory = dict(zip(names, (first[:, part], second[:, part]), strict=False))
        optimizer.state[parameter] = {"step": torch.tensor(float(steps.max())), **memory}

    def update(gradient: Tensor, decay: Tensor) -> None:
        gradient.addcmul_(decay, p)
        for parameter, part in zip(parameters, places, strict=True):
            parameter.grad = gradient[:, part]
        optimizer.step()

    return update


def _norm(layer: Layer) -> slice | None:
    return None if layer.scale is None or layer.shift is None else slice(layer.scale.start, layer.shift.stop)


def _torch_optimizer(solver: Solver) -> tuple[type[Optimizer], tuple[str, ...], dict[str, Any]]:
    """Return torch's class, what its state calls our first and second memory, and its options."""
    if isinstance(solver, Rprop):
        options = {"etas": (solver.shrink, solver.grow), "step_sizes": (solver.smallest, solver.largest)}
        return torch.optim.Rprop, ("prev", "step_size"), options
    if isinstance(solver, Adagrad):
        return torch.optim.Adagrad, ("sum",), {"eps": solver.epsilon}
    if isinstance(solver, Rmsprop):
        return torch.optim.RMSprop, ("square_avg",), {"alpha": solver.decay, "eps": solver.epsilon}
    if isinstance(solver, Adadelta):
        return torch.optim.Adadelta, ("square_avg", "acc_delta"), {"rho": solver.decay, "eps": solver.epsilon}
    raise TypeError(f"no optimizer of torch for {type(solver).__name__}")
