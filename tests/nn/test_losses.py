import pytest
import torch
from torch import Tensor
from torch.nn import functional

from percept.nn.losses import Loss, WithAuxiliary, cross_entropy, squared_error


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 3.0, 0.5])])
def test_the_losses_of_auxiliary_heads_are_added_at_their_weight(weights: Tensor | None) -> None:
    torch.manual_seed(0)
    main, first, second = torch.randn(3, 5, 3)
    targets = torch.tensor([0, 2, 1, 1, 0])
    losses = [functional.cross_entropy(each, targets, weight=weights) for each in (main, first, second)]
    found = cross_entropy(weights)(WithAuxiliary(main, (first, second), 0.3), targets)  # type: ignore[arg-type]
    torch.testing.assert_close(found, losses[0] + 0.3 * (losses[1] + losses[2]))


@pytest.mark.parametrize(
    ("loss", "targets"), [(cross_entropy(), torch.tensor([0, 0])), (squared_error(), torch.ones(2))]
)
def test_without_heads_the_loss_is_the_networks_own(loss: Loss, targets: Tensor) -> None:
    outputs = torch.randn(2, 1)
    assert torch.equal(loss(WithAuxiliary(outputs, (), 0.3), targets), loss(outputs, targets))  # type: ignore[arg-type]
