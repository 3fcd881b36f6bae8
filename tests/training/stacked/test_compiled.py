"""The kernel on stacks: every model as if it were alone, whatever the threads."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from percept.training.stacked import compiled, kernel, threads
from percept.training.stacked.course import Courses, Rule, new_courses
from percept.training.stacked.design import Network
from percept.training.stacked.draw import draw_orders, initial_parameters
from percept.training.stacked.run import run_courses, run_epochs
from percept.training.stacked.solver import Adam, Sgd, Solver, State, new_state
from percept.training.stacked.work import Work, prepare

NETWORK = Network((5, 6, 4, 3), "relu", "softmax", "log_loss")
SAMPLES = 60
RANDOM = np.random.RandomState(0)
X = RANDOM.normal(size=(SAMPLES, 5))
T = np.eye(3)[RANDOM.randint(3, size=SAMPLES)]
MODELS = 6
STARTS = np.stack([initial_parameters(NETWORK, np.random.RandomState(seed)) for seed in range(MODELS)])
ROWS = np.stack([np.random.RandomState(seed).permutation(SAMPLES)[:41] for seed in range(MODELS)])
ORDERS = np.stack([draw_orders(np.random.RandomState(seed), 41, 3) for seed in range(MODELS)])
ALPHAS = np.array([0, 1e-4, 0.01, 0.1, 1, 3])
RANDOM_LABELS = RANDOM.randint(100, size=SAMPLES)
WEIGHTS = RANDOM.uniform(0.5, 2, (MODELS, SAMPLES))


def stacked(solver: Solver) -> tuple[State, NDArray[np.float64]]:
    state = new_state(NETWORK, STARTS)
    losses = run_epochs(NETWORK, X, T, state, ROWS, ORDERS, 8, ALPHAS, solver, WEIGHTS, engine="kernel")
    return state, losses


@pytest.mark.parametrize("solver", [Adam(), Sgd(0.05)])
def test_a_model_has_the_same_bits_alone_and_in_a_stack(solver: Solver) -> None:
    state, losses = stacked(solver)
    for model in range(MODELS):
        own = new_state(NETWORK, STARTS[model])
        rows, orders = ROWS[model], ORDERS[model]
        alone = run_epochs(NETWORK, X, T, own, rows, orders, 8, ALPHAS[model], solver, WEIGHTS[model], engine="kernel")
        np.testing.assert_array_equal(alone[0], losses[model])
        for name in ("parameters", "first", "second", "steps"):
            np.testing.assert_array_equal(getattr(own, name)[0], getattr(state, name)[model])


SHAPES = {
    "the third batch is partial": (Network((5, 6, 4, 3), "relu", "softmax", "log_loss"), 17),
    "one sample is left for the last": (Network((5, 33, 3), "tanh", "softmax", "log_loss"), 20),
    "all samples at once": (Network((5, 9), "relu", "identity", "squared_error"), 100),
    "one output": (Network((5, 12, 1), "logistic", "logistic", "log_loss"), 8),
    "many outputs": (Network((5, 4, 11), "relu", "exp", "poisson"), 33),
}


def ordered(network: Network, models: slice | int, batch: int, solver: Solver, dtype: str, epochs: int = 3) -> Work:
    """Return the order to train some of eleven networks, all with weights, samples and penalties of their own."""
    numbers = np.atleast_1d(np.arange(11)[models])
    targets = np.eye(network.sizes[-1])[RANDOM_LABELS % network.sizes[-1]]
    rows = np.stack([np.random.RandomState(seed).permutation(SAMPLES) for seed in range(11)])
    starts = np.stack([initial_parameters(network, np.random.RandomState(seed), dtype) for seed in range(11)])
    orders = np.stack([draw_orders(np.random.RandomState(seed), 41, epochs) for seed in range(11)])
    return prepare(
        network, X, targets, new_state(network, starts[numbers]), rows[numbers, :41], orders[numbers], batch,
        np.linspace(0, 1, 11)[numbers], solver, None, None, None, None, None, rows[numbers, 41:],
    )  # fmt: skip


def trained(work: Work, rule: Rule) -> tuple[Courses, list[NDArray[np.generic]]]:
    """Train by the kernel; return what is left of each network, one line each."""
    courses = new_courses(work.state, rule, work.epochs)
    run_courses(work, courses, rule, engine="kernel")
    state = work.state
    kept = [state.parameters, state.first, state.second, state.steps, courses.losses, courses.table]
    return courses, [*kept, courses.best, courses.scores]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("solver", [Adam(0.01), Sgd(0.05), Sgd(0.05, 0.9, nesterov=False)])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_model_has_the_same_bits_in_a_lane_of_a_vector(shape: str, solver: Solver, dtype: str) -> None:
    network, batch = SHAPES[shape]
    rule = Rule(learning_rate=solver.learning_rate)
    work = ordered(network, slice(None), batch, solver, dtype)
    assert compiled.lanes_of(work, rule) == kernel.LANE_BYTES // np.dtype(dtype).itemsize
    _, stack = trained(work, rule)
    for model in range(work.models):
        _, alone = trained(ordered(network, model, batch, solver, dtype), rule)
        for whole, own in zip(stack, alone, strict=True):
            np.testing.assert_array_equal(whole[model], own[0])


@pytest.mark.parametrize(
    "rule",
    [
        Rule("loss", tolerance=0.02, patience=2, learning_rate=0.03),
        Rule("score", "highest", tolerance=0.0, patience=3, learning_rate=0.03),
        Rule("score", "r2", patience=2, schedule="invscaling", learning_rate=0.03),
        Rule("loss", tolerance=0.05, patience=1, schedule="adaptive", learning_rate=0.03),
    ],
    ids=["loss", "highest", "r2 and invscaling", "adaptive"],
)
def test_a_model_stops_in_a_stack_where_it_stops_alone(rule: Rule) -> None:
    network = SHAPES["the third batch is partial"][0]
    courses, stack = trained(ordered(network, slice(None), 17, Adam(0.03), "float64", 60), rule)
    assert len(set(courses.epochs.tolist())) > 2
    for model in range(11):
        _, alone = trained(ordered(network, model, 17, Adam(0.03), "float64", 60), rule)
        for whole, own in zip(stack, alone, strict=True):
            np.testing.assert_array_equal(whole[model], own[0])


def test_lanes_are_for_small_networks_that_take_the_same_steps() -> None:
    small, rule = Network((5, 6, 3), "relu", "softmax", "log_loss"), Rule()
    work = ordered(small, slice(None), 8, Adam(), "float64")
    assert compiled.lanes_of(work, rule) == kernel.LANE_BYTES // 8
    assert compiled.lanes_of(work, Rule(schedule="adaptive")) == 1
    assert compiled.lanes_of(replace(work, weights=np.ones((1, SAMPLES))), rule) == 1
    assert compiled.lanes_of(replace(work, X=csr_matrix(X)), rule) == 1
    assert compiled.lanes_of(replace(work, batch_size=5000, rows=np.zeros((1, 5000), np.intp)), rule) == 1
    assert compiled.lanes_of(ordered(Network((5, 900, 3)), slice(None), 8, Adam(), "float64"), rule) == 1


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for count in (1, 2, 5):
        monkeypatch.setattr(compiled, "allowed_threads", lambda count=count: count)
        state, losses = stacked(Adam())
        found.append((state.parameters, losses))
    for parameters, losses in found[1:]:
        np.testing.assert_array_equal(parameters, found[0][0])
        np.testing.assert_array_equal(losses, found[0][1])


def test_calls_from_several_threads_at_once_do_not_disturb_each_other() -> None:
    expected, _ = stacked(Adam())
    with ThreadPoolExecutor(4) as pool:
        for state, _ in pool.map(stacked, [Adam()] * 8):
            np.testing.assert_array_equal(state.parameters, expected.parameters)


def test_asking_for_the_engine_loads_neither_numba_nor_torch() -> None:
    code = "import sys, percept.training.stacked.run; print(*{'numba', 'torch', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_torch_gives_the_same_stack_up_to_rounding() -> None:
    expected, expected_losses = stacked(Adam())
    state = new_state(NETWORK, STARTS)
    losses = run_epochs(NETWORK, X, T, state, ROWS, ORDERS, 8, ALPHAS, Adam(), WEIGHTS, engine="torch")
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-10)
    np.testing.assert_allclose(state.parameters, expected.parameters, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(state.steps, expected.steps)


@pytest.mark.parametrize("engine", ["kernel", "torch"])
def test_models_may_share_lines_and_lines_may_differ_in_length(engine: str) -> None:
    rows = np.zeros((2, 40), int)
    rows[0], rows[1, :33] = np.arange(40), np.arange(20, 53)
    orders = np.zeros((2, 3, 40), int)
    orders[0] = draw_orders(np.random.RandomState(0), 40, 3)
    orders[1, :, :33] = draw_orders(np.random.RandomState(1), 33, 3)
    lines, counts = np.array([0, 1, 1, 0, 1, 0]), np.array([40, 33])
    state = new_state(NETWORK, STARTS)
    losses = run_epochs(
        NETWORK, X, T, state, rows, orders, 8, ALPHAS, Adam(),
        rows_of=lines, orders_of=lines, counts=counts, engine=engine,  # type: ignore[arg-type]
    )  # fmt: skip
    for model, line in enumerate(lines):
        own, count = new_state(NETWORK, STARTS[model]), counts[line]
        alone = run_epochs(
            NETWORK, X, T, own, rows[line, :count], orders[line, :, :count], 8, ALPHAS[model], Adam(), engine="kernel"
        )
        np.testing.assert_allclose(alone[0], losses[model], rtol=1e-10)
        np.testing.assert_allclose(own.parameters[0], state.parameters[model], rtol=1e-8, atol=1e-10)


def test_the_kernel_is_compiled_once_for_every_kind_of_call() -> None:
    stacked(Adam())
    stacked(Sgd())
    run_epochs(
        Network((5, 1)), X, X[:, :1], new_state(Network((5, 1)), np.zeros(6)), ROWS[0], ORDERS[0], 8, 0, Adam(),
        engine="kernel",
    )  # fmt: skip
    compiled_for = kernel.train_models.signatures  # type: ignore[attr-defined]
    assert compiled_for.count(compiled._signatures(np.dtype(np.float64).str)["train_models"]) == 1
    assert len(compiled_for) <= 2  # float64, and float32 where another test used it


def test_once_compiled_it_is_ready() -> None:
    stacked(Adam())
    assert compiled.loaded(np.dtype(np.float64))
    assert not compiled.loaded(np.dtype(np.float16))


def test_a_compiled_kernel_is_found_on_disk() -> None:
    stacked(Adam())
    assert compiled.on_disk(np.dtype(np.float64))
    assert not compiled.on_disk(np.dtype(np.float16))


@settings(deadline=None)
@given(st.floats(-800, 800))
def test_the_exponential_is_numpys_to_rounding(x: float) -> None:
    with np.errstate(over="ignore", under="ignore"):
        expected = np.exp(np.clip(x, -708, 709))
    assert kernel.exponential(x) == pytest.approx(expected, rel=1e-14)


def test_the_exponential_passes_on_what_is_not_a_number() -> None:
    assert np.isnan(kernel.exponential(np.nan))


@settings(deadline=None)
@given(st.floats(1e-300, 1e300))
def test_the_logarithm_is_the_logarithm(x: float) -> None:
    assert kernel.logarithm(x) == pytest.approx(np.log(x), rel=1e-14, abs=1e-16)


def test_the_logarithm_of_nan_is_nan() -> None:
    assert np.isnan(kernel.logarithm(np.nan))


def test_blas_is_held_to_one_thread_and_given_back() -> None:
    libraries = threads._libraries()
    assert libraries
    before = [library.get_num_threads() for library in libraries]
    for library in libraries:
        library.set_num_threads(2)
    try:
        with threads.one_blas_thread():
            with threads.one_blas_thread():
                pass
            assert {library.get_num_threads() for library in libraries} == {1}
        assert {library.get_num_threads() for library in libraries} == {2}
    finally:
        for library, count in zip(libraries, before, strict=True):
            library.set_num_threads(count)
