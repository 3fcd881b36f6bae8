"""The explanation shows the chain rule of the notes, factor by factor, and tells right gradients from wrong ones."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from percept.errors import OptionError
from percept.models import arguments_for, build
from percept.workflow.explain import explain


def small() -> nn.Sequential:
    """The notes' network: 2 inputs, 2 hidden tanh units, one linear output; weights by hand."""
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Tanh(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        network.get_parameter("0.weight").copy_(torch.tensor([[0.5, -0.25], [1.0, 0.75]]))
        network.get_parameter("2.weight").copy_(torch.tensor([[2.0, -1.0]]))
    return network


def test_the_factors_of_the_notes_multiply_to_the_gradient() -> None:
    x, t = np.array([0.4, -0.8]), 1.5
    explained = explain(small(), x[None], [[t]])
    first, tanh, last = explained.layers
    # by hand, as in the notes: dE/dw_ji = -2 (t - g) * g' * w_1j * h'_j * x_i
    a = np.array([[0.5, -0.25], [1.0, 0.75]]) @ x
    g = np.array([2.0, -1.0]) @ np.tanh(a)
    outer = -2 * (t - g)
    assert explained.loss == pytest.approx((t - g) ** 2, rel=1e-6)
    assert last.gradient.item() == pytest.approx(outer, rel=1e-6)
    assert last.local is not None and last.local.tolist() == [[2.0, -1.0]]
    assert tanh.gradient.numpy()[0] == pytest.approx(outer * np.array([2, -1]), rel=1e-6)
    assert tanh.local is not None and tanh.local.numpy()[0] == pytest.approx(1 - np.tanh(a) ** 2, rel=1e-6)
    delta = outer * np.array([2, -1]) * (1 - np.tanh(a) ** 2)
    assert first.gradient.numpy()[0] == pytest.approx(delta, rel=1e-6)
    assert first.parameters["weight"].numpy() == pytest.approx(np.outer(delta, x), rel=1e-6)
    assert explained.agrees


def test_each_gradient_is_the_next_one_through_its_local_derivative() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.ELU(), nn.Linear(4, 4), nn.Softmax(1), nn.Linear(4, 2), nn.Sigmoid())
    layers = explain(network, torch.randn(1, 3), torch.rand(1, 2)).layers
    for before, after in pairwise(layers):
        assert after.local is not None
        through = after.gradient * after.local if after.kind in ("ELU", "Sigmoid") else after.gradient @ after.local
        torch.testing.assert_close(before.gradient, through)


def test_a_convolutional_network_in_training_mode_agrees_with_finite_differences() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout(0.3), nn.Flatten()
    ).append(nn.Linear(27, 3))
    explained = explain(network, torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 1]))
    assert explained.agrees and all(layer.checks for layer in explained.layers)
    assert [layer.kind for layer in explained.layers][:3] == ["Conv2d", "BatchNorm2d", "ReLU"]
    assert network[2].inplace and network[0].weight.dtype == torch.float32


def test_the_table_has_a_line_for_each_layer_and_says_that_it_was_checked() -> None:
    lines = explain(small(), [[0.4, -0.8]], [[1.5]]).table().splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["0", "Linear"], ["1", "Tanh"], ["2", "Linear"]]
    assert "agree with the slope of the loss" in lines[-1]


def test_the_figure_is_drawn_as_svg_and_png(tmp_path: Path) -> None:
    figure = explain(small(), [[0.4, -0.8]], [[1.5]]).figure()
    for kind, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        figure.savefig(tmp_path / f"figure.{kind}")
        assert (tmp_path / f"figure.{kind}").read_bytes().startswith(start)
    assert len(figure.axes) == 3


def test_losses_may_be_named_a_module_or_any_function() -> None:
    network, inputs = nn.Linear(2, 3), torch.randn(4, 2)
    classes = torch.tensor([0, 1, 2, 2])
    weighted = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))
    named = explain(network, inputs, classes, loss="cross_entropy")
    assert named.loss == explain(network, inputs, classes).loss
    assert explain(network, inputs, classes, loss=weighted).agrees
    assert weighted.weight is not None and weighted.weight.dtype == torch.float32
    assert explain(network, inputs, torch.zeros(4, 3), loss=lambda y, t: (y - t).abs().mean()).agrees


def test_what_cannot_be_explained_is_said_in_one_sentence() -> None:
    network = nn.Linear(2, 1)
    with pytest.raises(OptionError, match="expected the same number of samples"):
        explain(network, torch.zeros(3, 2), torch.zeros(2, 1))
    with pytest.raises(OptionError, match="loss is 'hinge'; expected squared_error, cross_entropy or a function"):
        explain(network, torch.zeros(3, 2), torch.zeros(3, 1), loss="hinge")
    with pytest.raises(OptionError, match="take its mean"):
        explain(network, torch.zeros(3, 2), torch.zeros(3, 1), loss=lambda y, t: (y - t).square())


def test_networks_with_tokens_for_inputs_and_layers_that_run_twice_are_explained() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.mix, self.read = nn.Embedding(5, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            out: Tensor = self.read(self.mix(torch.tanh(self.mix(self.table(tokens)))).mean(1))
            return out

    explained = explain(Tokens(), torch.tensor([[0, 1], [2, 4]]), torch.tensor([0, 1]))
    assert [layer.name for layer in explained.layers] == ["table", "mix", "mix (2)", "read"]
    assert explained.layers[0].local is None and explained.agrees


def test_a_network_of_the_package_is_explained() -> None:
    network = build("lenet", **arguments_for("lenet", outputs=10, shape=(1, 28, 28)))
    assert explain(network, torch.randn(2, 1, 28, 28), torch.tensor([3, 7])).agrees


class Residual(nn.Module):
    """One block of a residual network, whose rectifier runs twice and in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(6, 6, 3, padding=1, bias=False) for _ in range(2))
        self.norm, self.relu, self.read = nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Linear(6, 4)

    def forward(self, pictures: Tensor) -> Tensor:
        values = self.second(self.relu(self.norm(self.first(pictures))))
        values += pictures
        out: Tensor = self.read(self.relu(values).mean((2, 3)))
        return out


class Recurrent(nn.Module):
    """An LSTM, whose output is a tensor among others."""

    def __init__(self) -> None:
        super().__init__()
        self.memory, self.read = nn.LSTM(4, 5, num_layers=2, batch_first=True), nn.Linear(5, 3)

    def forward(self, sequence: Tensor) -> Tensor:
        values, _ = self.memory(sequence)
        out: Tensor = self.read(values[:, -1])
        return out


class Attentive(nn.Module):
    """A layer of a transformer, whose values do not lie in memory in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.read = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.Linear(8, 3)

    def forward(self, sequence: Tensor) -> Tensor:
        out: Tensor = self.read(self.mix(sequence).mean(1))
        return out


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("kind", "shape"), [(Residual, (32, 6, 8, 8)), (Recurrent, (8, 5, 4)), (Attentive, (8, 5, 8))])
@pytest.mark.parametrize("seed", range(3))
def test_networks_of_every_build_agree(
    kind: type[nn.Module], shape: tuple[int, ...], training: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    explained = explain(kind().train(training), torch.randn(shape), torch.arange(shape[0]) % 3)
    assert explained.agrees, explained.table()


def test_half_precision_and_frozen_layers_are_explained() -> None:
    network = nn.Sequential(nn.Linear(5, 8), nn.GELU(), nn.Linear(8, 3)).bfloat16()
    network[0].requires_grad_(False)
    explained = explain(network, torch.randn(9, 5).bfloat16(), torch.arange(9) % 3)
    assert explained.agrees
    assert explained.layers[0].parameters == {} and set(explained.layers[2].parameters) == {"weight", "bias"}


def test_the_table_says_how_many_gradients_are_wrong() -> None:
    class Doubled(torch.autograd.Function):
        """The identity, with twice its derivative."""

        @staticmethod
        def forward(context: object, values: Tensor) -> Tensor:
            return values.clone()

        @staticmethod
        def backward(context: object, *gradients: Tensor) -> Tensor:
            return 2 * gradients[0]

    class Wrong(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            out: Tensor = Doubled.apply(values)  # type: ignore[no-untyped-call]
            return out

    torch.manual_seed(0)
    explained = explain(nn.Sequential(nn.Linear(1, 1), Wrong()), torch.ones(1, 1), torch.ones(1, 1))
    assert not explained.agrees
    assert "3 of 4 checked gradients DIFFER" in explained.table()  # weight, bias and value; not what comes behind
