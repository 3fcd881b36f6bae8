"""Predictions are the network's own, whatever the batches, and leave it as it was."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from percept.data.preprocessing import ImagePreprocessing
from percept.evaluation.predict import outputs, probabilities, values

CPU = torch.device("cpu")
PREPROCESSING = ImagePreprocessing(height=6, width=5, channels=3, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.25))


class Rows:
    """The preprocessing of a table whose rows are stored ready."""

    def tensor(self, samples: NDArray[np.float32], device: torch.device) -> torch.Tensor:
        return torch.from_numpy(samples).to(device)


def pictures(count: int = 11) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 6, 5, 3), dtype=np.uint8)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    convolution, normalization = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
    return nn.Sequential(convolution, normalization, nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 4 * 3, 2))


def test_outputs_are_one_forward_pass_of_the_rows_in_their_order() -> None:
    net, rows = network(), np.array([7, 0, 3, 3])
    with torch.no_grad():
        scaled = torch.from_numpy(pictures()[rows]).permute(0, 3, 1, 2) / 255
        normal = (scaled - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / torch.tensor([0.2, 0.3, 0.25]).view(3, 1, 1)
        expected: NDArray[np.float32] = net.eval()(normal).numpy()
    found = outputs(net, pictures(), rows, PREPROCESSING, device=CPU)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_batches_do_not_change_the_outputs() -> None:
    net, rows = network(), np.arange(11)
    whole = outputs(net, pictures(), rows, PREPROCESSING, device=CPU)
    split = outputs(net, pictures(), rows, PREPROCESSING, device=CPU, batch_size=3)
    np.testing.assert_allclose(split, whole, rtol=1e-5, atol=1e-6)


def test_each_module_returns_to_its_own_mode_even_after_an_error() -> None:
    net = network().train()
    net[1].eval()  # a frozen batch norm inside a network in training
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    outputs(net, pictures(), np.arange(4), PREPROCESSING, device=CPU)
    with pytest.raises(RuntimeError):
        outputs(net, pictures()[:, :2, :2], np.arange(4), PREPROCESSING, device=CPU)  # smaller than the kernel
    assert [module.training for module in net] == [True, False, True, True, True]
    assert net.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_no_rows_give_no_outputs_of_the_right_width() -> None:
    found = outputs(network(), pictures(), np.array([], np.int64), PREPROCESSING, device=CPU)
    assert found.shape == (0, 2)


def test_rows_of_a_table_pass_through_the_tables_preprocessing() -> None:
    linear = nn.Linear(3, 1)
    table = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    expected = table @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()
    np.testing.assert_allclose(outputs(linear, table, np.arange(5), Rows(), device=CPU), expected, rtol=1e-5, atol=1e-6)


def test_bfloat16_outputs_are_float32_and_close() -> None:
    net, rows = network(), np.arange(11)
    exact = outputs(net, pictures(), rows, PREPROCESSING, device=CPU)
    rounded = outputs(net, pictures(), rows, PREPROCESSING, device=CPU, precision="bfloat16")
    assert rounded.dtype == np.float32
    assert not np.array_equal(rounded, exact)  # it did compute in bfloat16
    np.testing.assert_allclose(rounded, exact, atol=0.05)


def test_probabilities_are_torchs_softmax_even_for_huge_logits() -> None:
    logits = np.array([[1e4, -1e4, 0], [1, 2, 3], [-50, -50, -50]], np.float32)
    found = probabilities(logits)
    np.testing.assert_allclose(found, torch.softmax(torch.tensor(logits, dtype=torch.float64), 1).numpy(), rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-15)


def test_values_undo_the_standardization_of_the_target() -> None:
    target = np.array([3.0, 8.0, 1.5])
    mean, std = float(target.mean()), float(target.std())
    scaled = ((target - mean) / std).astype(np.float32)[:, None]
    np.testing.assert_allclose(values(scaled, (mean, std)), target, rtol=1e-6)
