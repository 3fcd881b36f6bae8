"""A network cut at a step computes what it did, in two parts."""

import pytest
import torch
from torch import fx, nn

from percept.models import build
from percept.models.split import split_at


@pytest.mark.parametrize("name", ["small_resnet", "lenet"])
def test_both_parts_together_are_the_network_wherever_it_can_be_cut(name: str) -> None:
    network = build(name, classes=3, channels=1).eval()
    inputs = torch.rand(4, 1, 28, 28)
    steps = fx.Tracer().trace(network).nodes
    cuts = [found for node in steps if node.op != "output" and (found := split_at(network, node))]
    layers = sum(node.op == "call_module" for node in steps)
    assert 5 < len(cuts) <= layers + 1
    for body, head in cuts:
        torch.testing.assert_close(head(body(inputs)), network(inputs))


def test_a_step_inside_a_branch_is_no_cut() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            added: torch.Tensor = self.one(features) + self.other(features)
            return added

    network = Branches()
    found = {node.name: split_at(network, node) is not None for node in fx.Tracer().trace(network).nodes}
    assert found["features"] and found["add"] and not found["one"] and not found["other"]


def test_parameters_that_are_used_on_both_sides_are_shared() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale, self.layer = nn.Parameter(torch.tensor(3.0)), nn.Linear(2, 2)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            scaled: torch.Tensor = self.layer(features * self.scale) * self.scale
            return scaled

    network, inputs = Scaled(), torch.rand(5, 2)
    steps = {node.name: node for node in fx.Tracer().trace(network).nodes}
    body, head = split_at(network, steps["layer"]) or (nn.Identity(), nn.Identity())
    torch.testing.assert_close(head(body(inputs)), network(inputs))
    assert head.get_parameter("scale") is network.scale
