"""What only torch does: its activations, solvers, losses, dropout and normalization, against torch's own modules."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from percept.errors import OptionError
from percept.nn.activations import ACTIVATIONS, activation_layer
from percept.training.stacked import torch_path
from percept.training.stacked.design import Network, layers_of, views
from percept.training.stacked.draw import initial_parameters
from percept.training.stacked.run import folded, forward, run_epochs
from percept.training.stacked.solver import SOLVERS, Adam, Sgd, State, new_state

RANDOM = np.random.RandomState(0)
X = RANDOM.normal(size=(24, 3))
T = RANDOM.normal(size=(24, 2))
ROWS = np.arange(24)
EPOCHS = 4
ORDERS = np.tile(ROWS, (1, EPOCHS, 1))
ALPHA = 0.3


def module_of(network: Network, flat: NDArray[Any]) -> nn.Sequential:
    parts: list[nn.Module] = []
    for layer, weight, bias in zip(layers_of(network), *views(network, flat), strict=True):
        linear = nn.Linear(layer.inputs, layer.outputs, dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(weight.T.copy()), torch.tensor(bias)
        norm = [nn.BatchNorm1d(layer.outputs, dtype=torch.float64)] if layer.scale is not None else []
        parts += [linear, *norm, activation_layer(network.activation)]
    return nn.Sequential(*parts[:-1])


def plain_torch(
    network: Network,
    flat: NDArray[Any],
    make: Callable[..., torch.optim.Optimizer],
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    batch_size: int = 10,
    penalty: float = ALPHA,
) -> nn.Sequential:
    """The same training as a plain loop over torch's own layers and optimizers, the penalty in the loss."""
    module = module_of(network, flat)
    optimizer = make(module.parameters())
    for _ in range(EPOCHS):
        for start in range(0, 24, batch_size):
            inputs, targets = (torch.tensor(part[start : start + batch_size]) for part in (X, T))
            optimizer.zero_grad()
            weights = sum((layer.weight**2).sum() for layer in module if isinstance(layer, nn.Linear))
            total: Any = loss(module(inputs), targets) + 0.5 * penalty * weights / len(inputs)
            total.backward()
            optimizer.step()
    return module


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    return 0.5 * ((outputs - targets) ** 2).sum(1).mean()  # the sum over outputs, whose gradient scikit-learn takes


def train(network: Network, starts: NDArray[Any], solver: Any, **named: Any) -> tuple[State, NDArray[Any]]:
    state = new_state(network, starts)
    losses = run_epochs(network, X, T, state, ROWS, ORDERS, 10, ALPHA, solver, engine="torch", **named)
    return state, losses


def assert_same(network: Network, flat: NDArray[Any], module: nn.Sequential) -> None:
    linears = [layer for layer in module if isinstance(layer, nn.Linear)]
    for weight, bias, linear in zip(*views(network, flat), linears, strict=True):
        np.testing.assert_allclose(weight, linear.weight.detach().T, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(bias, linear.bias.detach(), rtol=1e-7, atol=1e-9)


TORCH_SOLVERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, 0.001, momentum=0.9, nesterov=True),
    "rprop": lambda parameters: torch.optim.Rprop(parameters, 0.01),
    "adagrad": lambda parameters: torch.optim.Adagrad(parameters, 0.01),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, 0.001),
    "adadelta": lambda parameters: torch.optim.Adadelta(parameters, 1.0),
}


@pytest.mark.parametrize("name", TORCH_SOLVERS)
def test_solvers_take_the_steps_of_torchs_optimizers(name: str) -> None:
    network = Network((3, 6, 4, 2), "tanh")
    flat = initial_parameters(network, np.random.RandomState(0))
    state, _ = train(network, flat, SOLVERS[name]())
    assert_same(network, state.parameters[0], plain_torch(network, flat, TORCH_SOLVERS[name], squared))


def test_adamw_takes_the_steps_of_torchs_with_the_decay_divided_by_the_batch() -> None:
    network = Network((3, 6, 2), "tanh")
    flat = initial_parameters(network, np.random.RandomState(0))
    module = module_of(network, flat)
    linears = [layer for layer in module if isinstance(layer, nn.Linear)]
    groups = [
        {"params": [layer.weight for layer in linears], "weight_decay": ALPHA / 8},
        {"params": [layer.bias for layer in linears], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, 0.001)
    for _ in range(EPOCHS):
        for start in range(0, 24, 8):
            optimizer.zero_grad()
            total: Any = squared(module(torch.tensor(X[start : start + 8])), torch.tensor(T[start : start + 8]))
            total.backward()
            optimizer.step()
    state = new_state(network, flat)
    run_epochs(network, X, T, state, ROWS, ORDERS, 8, ALPHA, SOLVERS["adamw"](), engine="torch")
    assert_same(network, state.parameters[0], module)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_goes_on_where_an_earlier_call_left_it(name: str) -> None:
    network = Network((3, 6, 2), "elu")
    flat = initial_parameters(network, np.random.RandomState(0))
    at_once, losses = train(network, flat, SOLVERS[name]())
    state = new_state(network, flat)
    parts = [
        run_epochs(network, X, T, state, ROWS, ORDERS[:, :2], 10, ALPHA, SOLVERS[name](), engine="torch")
        for _ in range(2)
    ]
    np.testing.assert_allclose(np.concatenate(parts, 1), losses, rtol=1e-12)
    np.testing.assert_allclose(state.parameters, at_once.parameters, rtol=1e-12)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_models_of_a_stack_train_as_if_alone(monkeypatch: pytest.MonkeyPatch, name: str, batch_norm: bool) -> None:
    network = Network((3, 6, 4, 2), "leaky_relu", dropout=(0.3, 0.0), batch_norm=batch_norm)
    starts = np.stack([initial_parameters(network, np.random.RandomState(seed)) for seed in range(5)])
    seeds, rates = np.arange(10, 15), (0.5, 1.0, 2.0)
    monkeypatch.setattr(torch_path, "BATCH_NUMBERS", 3 * 10 * 15)  # three models at a time
    stack = new_state(network, starts, seeds)
    losses = run_epochs(
        network, X, T, stack, ROWS, ORDERS, 10, ALPHA, SOLVERS[name](), layer_rates=rates, engine="torch"
    )
    for model in range(5):
        own = new_state(network, starts[model], seeds[model : model + 1])
        alone = run_epochs(
            network, X, T, own, ROWS, ORDERS, 10, ALPHA, SOLVERS[name](), layer_rates=rates, engine="torch"
        )
        np.testing.assert_allclose(losses[model], alone[0], rtol=1e-9)
        np.testing.assert_allclose(stack.parameters[model], own.parameters[0], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(stack.statistics[model], own.statistics[0], rtol=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_trains_as_in_a_plain_torch_loop(activation: str) -> None:
    network = Network((3, 6, 4, 2), activation)
    flat = initial_parameters(network, np.random.RandomState(0))
    state, _ = train(network, flat, Sgd(0.01))
    expected = plain_torch(
        network, flat, lambda parameters: torch.optim.SGD(parameters, 0.01, momentum=0.9, nesterov=True), squared
    )
    assert_same(network, state.parameters[0], expected)


def test_batch_normalization_trains_and_answers_as_torchs() -> None:
    network = Network((3, 6, 4, 2), "relu", batch_norm=True)
    flat = initial_parameters(network, np.random.RandomState(0))
    state, _ = train(network, flat, Sgd(0.01))
    module = plain_torch(
        network, flat, lambda parameters: torch.optim.SGD(parameters, 0.01, momentum=0.9, nesterov=True), squared
    )
    assert_same(network, state.parameters[0], module)
    norms = [layer for layer in module if isinstance(layer, nn.BatchNorm1d)]
    for layer, norm in zip(layers_of(network), norms, strict=False):
        assert layer.scale is not None and layer.shift is not None
        np.testing.assert_allclose(state.parameters[0, layer.scale], norm.weight.detach(), rtol=1e-7)
        np.testing.assert_allclose(state.parameters[0, layer.shift], norm.bias.detach(), atol=1e-9)
    plain = folded(network, state.parameters, state.statistics)[0]
    answers = module.eval()(torch.tensor(X)).detach()
    np.testing.assert_allclose(forward(Network(network.sizes), plain, X), answers, rtol=1e-8)


LOSSES_BY_TORCH: dict[tuple[str, str], Callable[[Tensor, Tensor], Tensor]] = {
    ("tanh", "squared_error"): lambda z, t: 0.5 * ((z.tanh() - t) ** 2).sum(1).mean(),
    ("logistic", "squared_error"): lambda z, t: 0.5 * ((z.sigmoid() - t) ** 2).sum(1).mean(),
    ("softmax", "squared_error"): lambda z, t: 0.5 * ((z.softmax(1) - t) ** 2).sum(1).mean(),
    ("identity", "perceptron"): lambda z, t: (-t * z).clamp(min=0).sum(1).mean(),
    ("tanh", "perceptron"): lambda z, t: (-t * z.tanh()).clamp(min=0).sum(1).mean(),
    ("tanh", "log_loss"): lambda z, t: functional.softplus(-2 * z * t).sum(1).mean(),  # for targets -1 and 1
}


@pytest.mark.parametrize(("output", "loss"), LOSSES_BY_TORCH)
def test_losses_beyond_the_kernel_train_as_in_a_plain_torch_loop(
    monkeypatch: pytest.MonkeyPatch, output: str, loss: str
) -> None:
    monkeypatch.setitem(globals(), "T", np.where(T > 0, 1.0, -1.0))
    network = Network((3, 6, 2), "tanh", output, loss)
    flat = initial_parameters(network, np.random.RandomState(0))
    state, _ = train(network, flat, Sgd(0.01))
    expected = plain_torch(
        network,
        flat,
        lambda parameters: torch.optim.SGD(parameters, 0.01, momentum=0.9, nesterov=True),
        LOSSES_BY_TORCH[output, loss],
    )
    assert_same(network, state.parameters[0], expected)


def mean_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return 0.5 * ((outputs - targets) ** 2).sum(1).mean()


def each_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return 0.5 * ((outputs - targets) ** 2).sum(1)


@pytest.mark.parametrize("loss", [mean_error, each_error])
def test_a_loss_of_the_callers_own_trains_like_the_named_one(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    named, own = Network((3, 6, 2), "tanh"), Network((3, 6, 2), "tanh", "identity", loss)
    starts = np.stack([initial_parameters(named, np.random.RandomState(seed)) for seed in range(2)])
    expected, _ = train(named, starts, Adam())
    state, _ = train(own, starts, Adam())
    np.testing.assert_allclose(state.parameters, expected.parameters, rtol=1e-9)


def test_a_loss_of_each_sample_takes_weights_and_one_mean_does_not() -> None:
    weights = RANDOM.uniform(0.5, 2, 24)
    named = Network((3, 6, 2), "tanh")
    flat = initial_parameters(named, np.random.RandomState(0))
    expected, _ = train(named, flat, Adam(), sample_weight=weights)
    state, _ = train(Network((3, 6, 2), "tanh", "identity", each_error), flat, Adam(), sample_weight=weights)
    np.testing.assert_allclose(state.parameters, expected.parameters, rtol=1e-9)
    with pytest.raises(OptionError, match="one number for each sample"):
        train(Network((3, 6, 2), "tanh", "identity", mean_error), flat, Adam(), sample_weight=weights)


def test_dropout_leaves_out_units_at_its_chance_and_keeps_the_mean() -> None:
    # A linear unit that sees 1: with chance c its output is 0, else 1 / (1 - c); targets 0 and no steps taken.
    chance, samples = 0.4, 20_000
    network = Network((1, 1, 1), "identity", dropout=(chance,))
    state = new_state(network, np.array([1.0, 0.0, 1.0, 0.0]), np.array([3]))
    ones = np.ones((samples, 1))
    losses = run_epochs(
        network,
        ones,
        0 * ones,
        state,
        np.arange(samples),
        np.arange(samples)[None, None],
        samples,
        0,
        Sgd(0.0),
        engine="torch",
    )
    expected = 0.5 * (1 - chance) * (1 / (1 - chance)) ** 2  # mean of 0.5 output^2
    assert losses[0, 0] == pytest.approx(expected, rel=0.03)


def test_dropout_draws_anew_each_step_and_the_same_for_the_same_seed() -> None:
    network = Network((3, 30, 2), "relu", dropout=(0.5,))
    flat = initial_parameters(network, np.random.RandomState(0))
    found = []
    for seed in (1, 1, 2):
        state = new_state(network, flat, np.array([seed]))
        found.append(run_epochs(network, X, T, state, ROWS, ORDERS, 24, 0, Sgd(0.0), engine="torch")[0])
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).all()
    assert len(set(found[0].tolist())) == EPOCHS  # weights never move: only the units left out differ


def test_a_device_that_is_not_there_is_refused() -> None:
    network = Network((3, 6, 2))
    with pytest.raises(OptionError, match="device"):
        train(network, np.zeros(network.parameter_count), Adam(), device="cuda:77")


@pytest.mark.gpu
@pytest.mark.parametrize("name", SOLVERS)
def test_a_gpu_gives_what_the_cpu_gives(name: str) -> None:
    # a bias before batch normalization has no slope but rounding, whose sign is all that some solvers look at
    by_sign = name in ("rprop", "adagrad")
    network = Network((3, 6, 4, 2), "tanh", dropout=(0.3, 0.0), batch_norm=not by_sign)
    starts = np.stack([initial_parameters(network, np.random.RandomState(seed)) for seed in range(3)])
    expected, expected_losses = train(network, starts, SOLVERS[name]())
    state, losses = train(network, starts, SOLVERS[name](), device="cuda")
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-8)
    np.testing.assert_allclose(state.parameters, expected.parameters, rtol=1e-6, atol=1e-8)
