"""Inspected layers against formulas of the notes, hand counts, and what torch really keeps."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from percept.errors import OptionError
from percept.nn.geometry.memory import memory
from percept.nn.geometry.trace import trace, undrawn
from percept.nn.inspection import Inspection, inspect_network, measure_network


class Small(nn.Module):
    """Layers of each kind that has weights, one of them used twice, and a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, (3, 1), stride=2, groups=8, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.ReLU(inplace=True)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.scores = nn.Linear(4, 5)

    def forward(self, features: Tensor) -> Tensor:
        features = self.act(self.norm(self.depthwise(self.first(features))))
        features = self.up(features) * self.scale
        scores: Tensor = self.scores(features.mean((2, 3)))
        return scores


def inspected() -> Inspection:
    return inspect_network(Small(), (3, 9, 9))


def test_weights_are_written_out_by_the_formula_of_the_notes() -> None:
    found = {layer.name: (layer.formula, layer.parameters) for layer in inspected().layers if layer.formula}
    assert found == {
        "first": ("3x3x3x8 + 8", 224),  # (rows x columns x channels) x filters + filters
        "depthwise": ("3x1x1x8", 24),
        "norm": ("8 + 8", 16),
        "up": ("2x2x8x4 + 4", 132),
        "mul": ("4x1x1", 4),
        "scores": ("4x5 + 5", 25),
    }
    assert inspected().parameters == sum(count for _, count in found.values())


def test_multiply_adds_are_those_that_torch_counts() -> None:
    network = Small().eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, 9, 9))
    assert inspected().multiply_adds == counter.get_total_flops() // 2
    # by hand: 9 x 9 outputs of 3x3x3x8, 4 x 5 of 3x8, 4 x 5 inputs of 2x2x8x4, one of 4x5
    assert inspected().multiply_adds == 81 * 216 + 20 * 24 + 20 * 128 + 20


def test_attention_is_counted_too() -> None:
    network = nn.MultiheadAttention(8, 2, batch_first=True)

    class Attend(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = network

        def forward(self, tokens: Tensor) -> Tensor:
            attended: Tensor = self.attention(tokens, tokens, tokens, need_weights=True)[0]
            return attended

    found = inspect_network(Attend(), (5, 8))
    with FlopCounterMode(display=False) as counter:
        network(*[torch.zeros(1, 5, 8)] * 3)
    assert found.multiply_adds == counter.get_total_flops() // 2
    assert "the receptive field is not known from attention (MultiheadAttention) on" in found.note


def test_a_layer_used_twice_has_its_weights_once() -> None:
    layer = nn.Linear(4, 4)
    found = inspect_network(nn.Sequential(layer, nn.ReLU(), layer), (4,))
    assert [each.parameters for each in found.layers] == [20, 0, 0] and found.parameters == 20
    assert found.multiply_adds == 32


def bytes_kept(network: nn.Module, batch: Tensor) -> int:
    """Return the bytes of all distinct tensors that autograd saves, weights and running averages apart."""
    weights = {each.untyped_storage().data_ptr() for each in (*network.parameters(), *network.buffers())}
    saved: dict[int, int] = {}
    alive: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        alive.append(tensor)
        if tensor.untyped_storage().data_ptr() not in weights:
            saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(batch)
    return sum(saved.values())


def test_what_training_keeps_is_what_autograd_saves() -> None:
    layers: list[nn.Module] = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(8, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 5 * 5, 10), nn.ReLU(), nn.Linear(10, 4)]
    network = nn.Sequential(*layers)
    scores = 4 * 4  # bytes: the output itself is held, though no step before the loss needs it
    expected = bytes_kept(network, torch.rand(2, 3, 16, 16)) // 2 + scores
    assert sum(memory(network, (3, 16, 16)).kept.values()) == expected


def test_inference_takes_input_and_output_of_its_largest_layer() -> None:
    found = inspect_network(nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 1, 1)), (1, 10, 10))
    # the picture (400 bytes) stays with the caller; 4 maps and the last layer's own
    assert found.inference_bytes == 400 + 1600 + 400
    assert found.weight_bytes == 4 * found.parameters


def test_training_holds_gradients_and_moments_of_what_is_trained() -> None:
    network = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 1))
    network[0].requires_grad_(False)
    found = inspect_network(network, (10,))
    assert (found.parameters, found.trainable) == (121, 11)
    assert found.training_fixed == 4 * (121 + 3 * 11)
    assert "110 of them frozen" in found.table()


def test_blocks_alike_are_folded_into_one_line() -> None:
    blocks = [nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()) for _ in range(5)]
    found = inspect_network(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Sequential(*blocks), nn.Flatten()), (1, 8, 8))
    assert [(each.name, each.repeats) for each in found.folded(2)] == [("0", 1), ("1.0 to 1.4", 5), ("2", 1)]
    assert [each.name for each in found.folded(1)] == ["0", "1", "2"]
    for depth in (1, 2, 3):
        folded = found.folded(depth)
        for part in ("parameters", "multiply_adds", "training_bytes"):
            assert sum(getattr(each, part) for each in folded) == sum(getattr(each, part) for each in found.layers)
    with pytest.raises(OptionError, match="depth is 0; expected 1 or more"):
        found.folded(0)


def test_the_table_has_a_line_for_each_layer() -> None:
    lines = inspected().table().splitlines()
    assert lines[0].split()[:4] == ["layer", "kind", "output", "weights"]
    assert lines[1].split()[:10] == ["first", "Conv2d", "8x9x9", "224", "3x3x3x8", "+", "8", "17,496", "3x3", "1"]
    assert lines[8].split()[:3] == ["scores", "Linear", "5"]


def test_the_short_measures_are_those_of_the_long_way() -> None:
    found, short = inspected(), measure_network(Small(), (3, 9, 9))
    assert (short.parameters, short.multiply_adds, short.local_field) == (
        found.parameters,
        found.multiply_adds,
        found.local_field,
    )


def test_a_network_may_be_without_weights_and_is_left_as_it_is() -> None:
    with undrawn():
        bare = Small()
    assert all(each.is_meta for each in bare.parameters())
    network: Any = Small()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    assert inspect_network(bare, (3, 9, 9)).to_json() == inspect_network(network, (3, 9, 9)).to_json()
    assert network.training and all(values.equal(before[name]) for name, values in network.state_dict().items())
    assert trace(network, (3, 9, 9)).network is network
