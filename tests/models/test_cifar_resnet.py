"""The residual networks for CIFAR-10: depth by the paper's rule, and the deepest in the memory of a laptop."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from percept.errors import OptionError
from percept.models import build
from percept.models.cifar_resnet import cifar_resnet


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_there_are_as_many_layers_with_weights_as_the_name_says(depth: int) -> None:
    with torch.device("meta"):
        network = build(f"cifar_resnet{depth}")
    assert sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in network.modules()) == depth


@pytest.mark.parametrize(("depth", "nearest"), [(18, 20), (21, 20), (2, 8), (1200, 1202)])
def test_a_depth_that_is_not_6_n_plus_2_is_refused_with_the_nearest(depth: int, nearest: int) -> None:
    with pytest.raises(OptionError, match=rf"depth is {depth}; expected 6 n \+ 2 layers: the nearest is {nearest}"):
        cifar_resnet(depth)


def test_checkpointing_changes_neither_outputs_nor_gradients() -> None:
    networks = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        networks.append(build("cifar_resnet32", checkpointing=checkpointing))
    pictures = torch.randn(4, 3, 16, 16)
    gradients = [torch.autograd.grad(each(pictures).square().sum(), list(each.parameters())) for each in networks]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


STEP = """
import resource
import torch
from torch.nn import functional
from percept.models import build

network = build("cifar_resnet1202", classes=10, channels=3, checkpointing=True).train()
optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
loss = functional.cross_entropy(network(torch.randn(128, 3, 32, 32)), torch.arange(128) % 10)
loss.backward()
optimizer.step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read in the unit of Linux")
def test_1202_layers_train_a_step_at_batch_128_in_under_6_gigabytes() -> None:
    done = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 6e9  # of the whole process, Python and torch included
