"""The perceptron rule against the notes' run, a plain reference written here, and its compiled twin."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from percept.errors import DataError
from percept.training import perceptron, rules
from percept.training.perceptron import Outcome, Settings, Task, train

SIGNS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
BITS = (SIGNS + 1) / 2
OR = np.array([-1.0, 1.0, 1.0, 1.0])
XOR = np.array([-1.0, 1.0, 1.0, -1.0])


def learn(X: Any, targets: NDArray[np.float64], **settings: Any) -> Outcome:
    task = Task(X, targets, np.ones(len(targets)), np.zeros(len(targets), dtype=np.bool_))
    return train(task, np.zeros(X.shape[1]), 0.0, Settings(trace=True, **settings))


def reference(X: NDArray[np.float64], targets: NDArray[np.float64], eta: float, epochs: int) -> list[list[float]]:
    """Return w0, w1, ... after every update of the textbook's rule, written as plainly as can be."""
    weights, history = [0.0] * (X.shape[1] + 1), []
    for _ in range(epochs):
        for row, target in zip(X, targets, strict=True):
            inputs = [1.0, *row.tolist()]
            total = sum(weight * value for weight, value in zip(weights, inputs, strict=True))
            if np.sign(total) != target:
                weights = [w + eta * value * target for w, value in zip(weights, inputs, strict=True)]
                history.append(weights)
    return history


def test_the_notes_or_run_has_the_notes_weights_after_each_row() -> None:
    trace = learn(SIGNS, OR, eta=0.5, epochs=10, tolerance=None).trace
    assert trace is not None
    assert trace.weights.tolist() == [[-0.5, 0.5, 0.5], [0, 0, 1], [0.5, 0.5, 0.5]]
    assert trace.sample.tolist() == [0, 1, 2]
    assert trace.score.tolist() == [0, -0.5, -1]


def test_with_inputs_coded_0_and_1_the_run_goes_on_to_the_notes_last_weights() -> None:
    # With the notes' table of -1 and 1, (1/2, 1/2, 1/2) already answers every row; their (-1/2, 1, 1) is where the
    # same run ends on inputs 0 and 1, whose first epoch ends at (1/2, 1/2, 1/2) too.
    outcome = learn(BITS, OR, eta=0.5, epochs=100, tolerance=None)
    assert outcome.trace is not None
    assert outcome.trace.weights[2].tolist() == [0.5, 0.5, 0.5]
    assert (outcome.bias, *outcome.weights.tolist()) == (-0.5, 1, 1)
    assert outcome.wrong == 0


@pytest.mark.parametrize("seed", range(5))
def test_every_update_is_that_of_the_plain_rule(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, targets = rng.normal(size=(30, 3)), rng.choice([-1.0, 1.0], size=30)
    trace = learn(X, targets, eta=0.3, epochs=4, tolerance=None).trace
    assert trace is not None
    assert np.allclose(trace.weights, reference(X, targets, 0.3, 4), atol=1e-12)


def test_a_separable_set_is_learnt_within_novikoffs_bound() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(200, 2))
    X = X[np.abs(X[:, 0] - X[:, 1]) > 0.1]
    targets = np.where(X[:, 0] > X[:, 1], 1.0, -1.0)
    outcome = learn(X, targets, epochs=1000, tolerance=None)
    radius, margin = np.sqrt(1 + (X**2).sum(axis=1).max()), np.abs(X[:, 0] - X[:, 1]).min() / np.sqrt(2)
    assert outcome.wrong == 0
    assert sum(done.mistakes for done in outcome.passes) <= (radius / margin) ** 2


def test_after_an_epoch_without_mistakes_the_weights_rest() -> None:
    few, many = (learn(SIGNS, OR, epochs=epochs, tolerance=None) for epochs in (3, 500))
    assert np.array_equal(few.weights, many.weights)
    assert len(many.passes) == 500
    assert many.passes[-1].mistakes == 0


def test_a_step_neuron_takes_a_sum_of_zero_for_0() -> None:
    outcome = learn(BITS, OR, output="step", epochs=50, tolerance=None)
    assert outcome.trace is not None
    assert outcome.trace.sample[0] == 1  # the first row, target 0, is right with a sum of 0
    assert outcome.wrong == 0


@pytest.mark.parametrize("few", [0, 200_000])
@pytest.mark.parametrize("seed", range(5))
def test_the_pocket_is_never_worse_than_the_last_weights(few: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptron, "FEW", few)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 2))
    targets = np.where(X[:, 0] + 0.7 * rng.normal(size=60) > 0, 1.0, -1.0)
    outcome = learn(X, targets, epochs=20, tolerance=None, seed=seed)
    kept = int(((X @ outcome.pocket[1:] + outcome.pocket[0]) * targets <= 0).sum())
    assert kept <= outcome.wrong


def test_on_few_samples_the_pocket_is_the_best_of_all_weights_seen() -> None:
    outcome = learn(BITS, XOR, epochs=50, tolerance=None, seed=2)
    assert outcome.trace is not None
    sums = BITS @ outcome.trace.weights[:, 1:].T + outcome.trace.weights[:, 0]
    wrong = (sums * XOR[:, None] <= 0).sum(axis=0)
    assert ((BITS @ outcome.pocket[1:] + outcome.pocket[0]) * XOR <= 0).sum() == wrong.min()


@pytest.mark.parametrize("penalty", [None, "l2", "l1", "elasticnet"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_interpreted_and_compiled_give_the_same_bits(
    penalty: str | None, sparse: bool, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    dense = np.round(rng.normal(size=(40, 5)), 1).astype(dtype)
    X = csr_array(dense) if sparse else dense
    targets = np.where(dense[:, 0] > 0.1, 1, -1).astype(dtype)
    task = Task(X, targets, np.ones(40, dtype), np.zeros(40, dtype=np.bool_))
    settings = Settings(penalty=penalty, alpha=0.01, l1_ratio=0.3, seed=7, epochs=6, tolerance=None)

    def plain() -> tuple[Any, Any]:
        return rules.sweep, rules.shuffled

    compiled = rules.compiled
    compiled()
    fast = train(task, np.zeros(5, dtype), 0.0, settings)
    plain.cache_info = compiled.cache_info  # type: ignore[attr-defined]
    monkeypatch.setattr(rules, "compiled", plain)
    slow = train(task, np.zeros(5, dtype), 0.0, settings)
    assert fast.weights.dtype == dtype
    assert np.array_equal(fast.weights, slow.weights)
    assert fast.bias == slow.bias
    assert fast.passes == slow.passes


def test_samples_held_out_do_not_move_the_weights() -> None:
    X = np.vstack([SIGNS, [[50.0, 70.0]]])
    task = Task(X, np.append(OR, -1.0), np.ones(5), np.arange(5) == 4)
    outcome = train(task, np.zeros(2), 0.0, Settings(eta=0.5, epochs=10, tolerance=None))
    assert (outcome.bias, *outcome.weights.tolist()) == (0.5, 0.5, 0.5)


def test_weights_that_overflow_are_told() -> None:
    X = np.full((4, 1), 1e300)
    with pytest.raises(DataError, match="scale the features"):
        learn(X, XOR, eta=1e10, epochs=50, tolerance=None)


def test_the_trace_tells_each_update_in_a_line() -> None:
    trace = learn(SIGNS, OR, eta=0.5, epochs=10, tolerance=None).trace
    assert trace is not None
    lines = trace.table().splitlines()
    assert len(lines) == 1 + len(trace)
    assert lines[1].split() == ["0", "1", "0", "0", "-1", "-0.5", "0.5", "0.5"]
