"""Both engines against scikit-learn, and against each other where scikit-learn has nothing to compare with."""

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from percept.errors import DataError, OptionError
from percept.training.stacked import run
from percept.training.stacked.design import Network, views
from percept.training.stacked.draw import draw_orders, initial_parameters
from percept.training.stacked.run import Engine, run_epochs
from percept.training.stacked.solver import SOLVERS, Adam, Sgd, Solver, State, new_state
from percept.training.stacked.work import prepare

IRIS = load_iris(return_X_y=True)
X: NDArray[np.float64] = (IRIS[0] - IRIS[0].mean(0)) / IRIS[0].std(0)
LABELS: NDArray[np.int64] = IRIS[1]
ROWS = np.arange(len(X))
ENGINES: tuple[Engine, ...] = ("kernel", "torch")


def in_turn(samples: int) -> NDArray[np.intp]:
    """Return the order of one epoch without shuffling."""
    return np.arange(samples)[None, None]


def target(kind: str) -> tuple[NDArray[Any], NDArray[Any], str, str]:
    """What scikit-learn is given, what the engine is given, output and loss."""
    if kind == "binary":
        return (LABELS == 1).astype(int), (LABELS == 1)[:, None].astype(float), "logistic", "log_loss"
    if kind == "multiclass":
        return LABELS, np.eye(3)[LABELS], "softmax", "log_loss"
    if kind == "multilabel":
        labels = np.stack([LABELS > 0, X[:, 0] > 0], 1).astype(int)
        return labels, labels.astype(float), "logistic", "log_loss"
    if kind == "poisson":
        counts = np.round(np.exp(X[:, 0]))
        return counts, counts[:, None], "exp", "poisson"
    outputs: NDArray[Any] = make_regression(len(X), 2, n_targets=2, random_state=0)[1] / 50 + X[:, :2]
    if kind == "two outputs":
        return outputs, outputs, "identity", "squared_error"
    return outputs[:, 0], outputs[:, :1], "identity", "squared_error"


def scikit_learn(kind: str, sample_weight: NDArray[Any] | None = None, dtype: type = np.float64, **named: Any) -> Any:
    y = target(kind)[0]
    make = MLPClassifier if target(kind)[3] == "log_loss" else MLPRegressor
    if kind == "poisson":
        named["loss"] = "poisson"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make(random_state=5, max_iter=6, tol=0, n_iter_no_change=99, **named)
        return model.fit(X.astype(dtype), y, sample_weight)


def ours(
    kind: str,
    solver: Solver,
    engine: Engine,
    *,
    hidden: tuple[int, ...] = (7,),
    activation: str = "relu",
    alpha: float = 1e-4,
    batch_size: int = 150,
    sample_weight: NDArray[Any] | None = None,
    dtype: type = np.float64,
) -> tuple[Network, State, NDArray[np.float64]]:
    _, T, output, loss = target(kind)
    network = Network((4, *hidden, T.shape[1]), activation, output, loss)
    random_state = np.random.RandomState(5)
    state = new_state(network, initial_parameters(network, random_state, dtype))
    orders = draw_orders(random_state, len(X), 6)
    batch = min(batch_size, len(X))
    losses = run_epochs(network, X, T, state, ROWS, orders, batch, alpha, solver, sample_weight, engine=engine)
    return network, state, losses[0]


def assert_the_same(theirs: Any, network: Network, state: State, losses: NDArray[Any], tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(losses, theirs.loss_curve_, rtol=tolerance, atol=tolerance)
    weights, biases = views(network, state.parameters[0])
    for mine, expected in zip([*weights, *biases], [*theirs.coefs_, *theirs.intercepts_], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "one output", "two outputs", "poisson"])
def test_adam_gives_scikit_learns_losses_and_weights(kind: str, activation: str, engine: Engine) -> None:
    theirs = scikit_learn(kind, hidden_layer_sizes=(7, 5), activation=activation, batch_size=32, alpha=0.3)
    found = ours(kind, Adam(), engine, hidden=(7, 5), activation=activation, batch_size=32, alpha=0.3)
    assert_the_same(theirs, *found)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
@pytest.mark.parametrize("kind", ["multiclass", "one output"])
def test_sgd_gives_scikit_learns_losses_and_weights(kind: str, momentum: float, nesterov: bool, engine: Engine) -> None:
    named: dict[str, Any] = {
        "solver": "sgd",
        "momentum": momentum,
        "nesterovs_momentum": nesterov,
        "learning_rate_init": 0.01,
    }
    theirs = scikit_learn(kind, hidden_layer_sizes=(7,), batch_size=40, **named)
    assert_the_same(theirs, *ours(kind, Sgd(0.01, momentum, nesterov), engine, batch_size=40))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("batch_size", [1, 149, 150, 400])
def test_the_last_batch_and_the_penalty_count_as_in_scikit_learn(alpha: float, batch_size: int, engine: Engine) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # 400 is more than there are
        theirs = scikit_learn("multiclass", hidden_layer_sizes=(7,), batch_size=batch_size, alpha=alpha)
    assert_the_same(theirs, *ours("multiclass", Adam(), engine, batch_size=batch_size, alpha=alpha))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "two outputs", "poisson"])
def test_sample_weights_count_as_in_scikit_learn(kind: str, engine: Engine) -> None:
    weights = np.random.RandomState(0).choice([0.0, 0.5, 1.0, 3.0], len(X))
    theirs = scikit_learn(kind, weights, hidden_layer_sizes=(7,), batch_size=32, alpha=0.1)
    found = ours(kind, Adam(), engine, batch_size=32, alpha=0.1, sample_weight=weights)
    assert_the_same(theirs, *found)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_without_hidden_layers_is_scikit_learns(engine: Engine) -> None:
    theirs = scikit_learn("multiclass", hidden_layer_sizes=(), batch_size=32)
    assert_the_same(theirs, *ours("multiclass", Adam(), engine, hidden=(), batch_size=32))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_single_precision_follows_scikit_learns_to_its_rounding(solver: str, engine: Engine) -> None:
    theirs = scikit_learn("multiclass", None, np.float32, hidden_layer_sizes=(7,), batch_size=32, solver=solver)
    network, state, losses = ours("multiclass", SOLVERS[solver](), engine, batch_size=32, dtype=np.float32)
    assert state.parameters.dtype == np.float32
    assert_the_same(theirs, network, state, losses, 2e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_epochs_one_by_one_are_the_same_as_all_at_once(engine: Engine) -> None:
    network, at_once, losses = ours("multiclass", Adam(), engine, batch_size=32)
    random_state = np.random.RandomState(5)
    state = new_state(network, initial_parameters(network, random_state))
    orders = draw_orders(random_state, len(X), 6)
    T = target("multiclass")[1]
    each = [
        run_epochs(network, X, T, state, ROWS, orders[epoch : epoch + 1], 32, 1e-4, Adam(), engine=engine)
        for epoch in range(6)
    ]
    np.testing.assert_array_equal(np.concatenate(each, 1)[0], losses)
    np.testing.assert_array_equal(state.parameters, at_once.parameters)
    assert state.steps.tolist() == at_once.steps.tolist() == [6 * 5]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("hidden", [(), (7,), (7, 5)])
def test_sparse_inputs_give_what_dense_ones_give(hidden: tuple[int, ...], engine: Engine) -> None:
    inputs = np.where(np.random.RandomState(0).uniform(size=X.shape) < 0.5, X, 0)
    T = target("multiclass")[1]
    network = Network((4, *hidden, 3), "relu", "softmax", "log_loss")
    start = initial_parameters(network, np.random.RandomState(0))
    found = []
    for given in (inputs, csr_matrix(inputs)):
        state = new_state(network, start)
        run_epochs(network, given, T, state, ROWS, in_turn(len(X)), 32, 0.1, Adam(), engine=engine)
        found.append(state.parameters)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_without_weight_takes_no_step(engine: Engine) -> None:
    T = target("multiclass")[1]
    network = Network((4, 3, 3), "relu", "softmax", "log_loss")
    start = initial_parameters(network, np.random.RandomState(0))
    weights = np.where(ROWS < 50, 0.0, 1.0)
    whole, rest = new_state(network, start), new_state(network, start)
    losses = run_epochs(
        network, X, T, whole, ROWS, in_turn(len(X)), 50, 0.1, Adam(), np.stack([weights]), engine=engine
    )
    expected = run_epochs(network, X, T, rest, ROWS[50:], in_turn(100), 50, 0.1, Adam(), engine=engine)
    np.testing.assert_array_equal(whole.parameters, rest.parameters)
    assert whole.steps.tolist() == [2]
    np.testing.assert_allclose(losses * 150, expected * 100)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_layers_learn_at_their_own_rates(solver: str, engine: Engine) -> None:
    network = Network((4, 3, 1), "tanh")
    start = initial_parameters(network, np.random.RandomState(0))
    T = target("one output")[1]
    moved = {}
    for rates in ((1.0, 1.0), (0.0, 1.0), (2.0, 1.0)):
        state = new_state(network, start)
        run_epochs(
            network, X, T, state, ROWS, in_turn(len(X)), 150, 0, SOLVERS[solver](), layer_rates=rates, engine=engine
        )
        moved[rates[0]] = state.parameters[0] - start
    first = network.sizes[0] * 3 + 3
    assert not moved[0.0][:first].any()
    np.testing.assert_allclose(moved[2.0][:first], 2 * moved[1.0][:first], rtol=1e-9)  # one step, from the same place
    np.testing.assert_array_equal(moved[2.0][first:], moved[1.0][first:])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_diverges_ends_in_numbers_that_are_not_finite(engine: Engine) -> None:
    network = Network((4, 3, 1), "relu")
    state = new_state(network, initial_parameters(network, np.random.RandomState(0)))
    T = target("one output")[1]
    with np.errstate(all="ignore"):
        run_epochs(network, X * 1e300, T * 1e300, state, ROWS, in_turn(len(X)), 50, 0.1, Sgd(), engine=engine)
    assert not np.isfinite(state.parameters).all()


def test_the_inputs_may_be_read_only_and_in_any_layout() -> None:
    network = Network((4, 3, 1), "relu")
    start = initial_parameters(network, np.random.RandomState(0))
    T = target("one output")[1]
    locked = X.copy()
    locked.flags.writeable = False
    found = []
    for given in (X, locked, np.asfortranarray(X), X.tolist()):
        for engine in ENGINES:
            state = new_state(network, start)
            inputs = np.asarray(given)
            run_epochs(network, inputs, T, state, ROWS, in_turn(len(X)), 50, 0.1, Adam(), engine=engine)
            found.append(state.parameters)
    for each in found:
        np.testing.assert_allclose(each, found[0], rtol=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": X[:, :3]}, "X has shape \\(3,\\); expected \\(4,\\)"),
        ({"T": np.zeros((150, 2))}, "T has shape"),
        ({"rows": ROWS + 1}, "rows go from 1 to 150; expected 0 to 149"),
        ({"orders": in_turn(150) - 1}, "orders go from -1"),
        ({"sample_weight": np.ones(3)}, "sample_weight has shape"),
        ({"layer_rates": (1.0,)}, "layer_rates has shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    network = Network((4, 3, 1), "relu")
    state = new_state(network, np.zeros(network.parameter_count))
    named = {"X": X, "T": np.zeros((150, 1)), "rows": ROWS, "orders": in_turn(150), **change}
    with pytest.raises(DataError, match=message):
        run_epochs(network, state=state, batch_size=10, alphas=0.0, solver=Adam(), **named)


def test_a_loss_without_meaning_for_the_output_is_refused() -> None:
    network = Network((4, 3, 1), "relu", "identity", "log_loss")
    state = new_state(network, np.zeros(network.parameter_count))
    with pytest.raises(OptionError, match="loss 'log_loss' with output 'identity'; expected an output of logistic"):
        run_epochs(network, X, np.zeros((150, 1)), state, ROWS, in_turn(150), 10, 0, Adam())


def test_the_kernel_refuses_what_it_does_not_do() -> None:
    network = Network((4, 3, 1), "elu")
    state = new_state(network, np.zeros(network.parameter_count))
    with pytest.raises(OptionError, match="use engine torch"):
        run_epochs(network, X, np.zeros((150, 1)), state, ROWS, in_turn(150), 10, 0, Adam(), engine="kernel")


@pytest.mark.parametrize(
    ("ready", "expected_epochs", "kernel"),
    [("loaded", 1, True), ("on disk", 1, False), ("on disk", 20_000, True), ("not compiled", 20_000, False),
     ("not compiled", 2_000_000, True)],
)  # fmt: skip
def test_work_goes_to_the_kernel_when_it_repays_making_it_ready(
    monkeypatch: pytest.MonkeyPatch, ready: str, expected_epochs: int, kernel: bool
) -> None:
    network = Network((4, 3, 1), "relu")
    state = new_state(network, np.zeros(network.parameter_count))
    chosen: list[str] = []
    monkeypatch.setattr(run, "_spent", 0.0)
    monkeypatch.setattr(run, "loaded", lambda dtype: ready == "loaded")
    monkeypatch.setattr(run, "on_disk", lambda dtype: ready == "on disk")
    monkeypatch.setattr("percept.training.stacked.compiled.train", lambda *given: chosen.append("kernel"))
    monkeypatch.setattr("percept.training.stacked.run._by_torch", lambda *given: chosen.append("torch"))
    named: dict[str, Any] = {"expected_epochs": expected_epochs}
    run_epochs(network, X, np.zeros((150, 1)), state, ROWS, in_turn(150), 150, 0, Adam(), **named)
    assert chosen == ["kernel" if kernel else "torch"]


def lost(network: Network, models: int, batch_size: int) -> float:
    """Return the seconds that torch is thought to lose in one epoch of 150 samples."""
    state = new_state(network, np.zeros((models, network.parameter_count)))
    inputs, targets = np.zeros((150, network.sizes[0])), np.zeros((150, network.sizes[-1]))
    work = prepare(
        network, inputs, targets, state, ROWS, in_turn(150), batch_size, 0.0, Adam(), None, None, None, None, None
    )
    return run.seconds_lost(work, 1)


def test_what_torch_loses_grows_with_the_layers_but_steps_of_a_stack_are_taken_at_once() -> None:
    small, large = Network((4, 3, 1), "relu"), Network((784, 300, 10), "relu")
    assert lost(large, 1, 50) > 10 * lost(small, 1, 50)  # 15 times and more, measured
    assert lost(small, 2000, 10) < 20 * lost(small, 1, 10)


def test_a_fit_that_may_stop_early_does_not_compile_for_all_the_epochs_that_it_may_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = Network((4, 3, 1), "relu")
    state = new_state(network, np.zeros(network.parameter_count))
    monkeypatch.setattr(run, "_spent", 0.0)
    monkeypatch.setattr(run, "loaded", lambda dtype: False)
    monkeypatch.setattr(run, "on_disk", lambda dtype: False)
    engines: list[str] = []
    monkeypatch.setattr("percept.training.stacked.run._by_torch", lambda *given: engines.append("torch"))
    monkeypatch.setattr("percept.training.stacked.compiled.train", lambda *given: engines.append("kernel"))
    enough = int(run.COMPILING / run.STEP)

    def chosen(epochs: int, expected: int) -> Any:
        orders = np.repeat(in_turn(150), epochs, axis=1)
        named: dict[str, Any] = {"expected_epochs": expected}
        run_epochs(network, X, np.zeros((150, 1)), state, ROWS, orders, 1, 0, Adam(), **named)
        return engines[-1]

    assert chosen(1, enough // 150) == "torch"
    assert chosen(1, 3 * enough // 150) == "kernel"
    assert chosen(enough // 150 + 1, enough // 150 + 1) == "kernel"


def test_short_fits_add_up_until_the_kernel_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network((4, 3, 1), "relu")
    state = new_state(network, np.zeros(network.parameter_count))
    chosen: list[str] = []
    monkeypatch.setattr(run, "_spent", 0.0)
    monkeypatch.setattr(run, "loaded", lambda dtype: False)
    monkeypatch.setattr(run, "on_disk", lambda dtype: False)
    monkeypatch.setattr("percept.training.stacked.compiled.train", lambda *given: chosen.append("kernel"))
    monkeypatch.setattr("percept.training.stacked.run._by_torch", lambda *given: chosen.append("torch"))
    orders = np.repeat(in_turn(150), 200, axis=1)
    for _ in range(20):  # 30,000 steps each: seconds
        run_epochs(network, X, np.zeros((150, 1)), state, ROWS, orders, 1, 0, Adam())
    assert chosen[0] == "torch" and chosen[-1] == "kernel"
    assert chosen == sorted(chosen, reverse=True)
