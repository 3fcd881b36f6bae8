import pytest
import torch
from torch.nn import functional

from percept.models import build
from percept.nn.losses import WithAuxiliary, cross_entropy
from percept.nn.passes import pass_through


def test_training_gives_the_scores_of_two_heads_at_weight_three_tenths() -> None:
    with torch.device("meta"):
        outputs = build("googlenet", classes=7)(torch.zeros(2, 3, 64, 64))
    assert isinstance(outputs, WithAuxiliary)
    assert [tuple(each.shape) for each in (outputs.main, *outputs.auxiliary)] == [(2, 7)] * 3
    assert outputs.weight == 0.3


def test_evaluation_makes_no_use_of_the_heads() -> None:
    torch.manual_seed(0)
    network, pictures = build("googlenet", classes=7).eval(), torch.randn(2, 3, 40, 40)
    before = network(pictures)
    for name, values in network.named_parameters():
        if name.startswith("auxiliary"):
            values.data.fill_(float("nan"))
    assert before.shape == (2, 7) and torch.equal(network(pictures), before)


def test_the_loss_teaches_the_heads_and_the_network() -> None:
    torch.manual_seed(0)
    network = build("googlenet", classes=3, dropout=0.0)
    pictures, targets = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0])
    done = pass_through(network, pictures, targets, cross_entropy())
    assert set(done.gradients) == {name for name, _ in network.named_parameters()}
    scores = done.network.get_parameter("auxiliary2.scores.weight")
    # what the head's last layer gets is 0.3 of what its own loss would give it
    (seen,) = (each for each in done.layers if each.name == "auxiliary2.scores")
    assert seen.inputs is not None
    own = functional.cross_entropy(seen.inputs.detach() @ scores.T + seen.layer.get_parameter("bias"), targets)
    (expected,) = torch.autograd.grad(own, [scores])
    torch.testing.assert_close(done.gradients["auxiliary2.scores.weight"], 0.3 * expected)


@pytest.mark.parametrize("largest", [3, 5])
def test_the_maps_are_those_of_the_papers_table(largest: int) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    with torch.device("meta"):
        network = build("googlenet", largest=largest).eval()
        for name, layer in network.named_children():
            layer.register_forward_hook(lambda _, __, maps, name=name: shapes.update({name: tuple(maps.shape[1:])}))
        network(torch.zeros(1, 3, 224, 224))
    assert shapes["stem"] == (192, 28, 28) and shapes["stage3"] == (480, 14, 14)
    assert shapes["stage4a"] == (512, 14, 14) and shapes["stage4bcd"] == (528, 14, 14)
    assert shapes["stage4e"] == (832, 7, 7) and shapes["stage5"] == (1024, 7, 7)
