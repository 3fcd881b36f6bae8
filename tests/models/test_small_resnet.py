import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

from percept.errors import OptionError
from percept.models.small_resnet import small_resnet, strides_for


def test_it_has_the_weights_that_its_table_gives() -> None:
    def block(inputs: int, outputs: int) -> int:
        return 9 * inputs * outputs + 9 * outputs * outputs + inputs * outputs + 3 * 2 * outputs

    stem = 9 * 3 * 16 + 2 * 16
    expected = stem + block(16, 32) + block(32, 64) + block(64, 128) + 128 * 10 + 10
    assert sum(weights.numel() for weights in small_resnet(classes=10).parameters()) == expected < 500_000


@settings(deadline=None, max_examples=20)
@given(height=st.integers(1, 40), width=st.integers(1, 40), strides=st.sampled_from([(1, 1, 2, 2), (2, 2, 2, 2)]))
def test_one_network_takes_pictures_of_any_size(height: int, width: int, strides: tuple[int, ...]) -> None:
    network = small_resnet(classes=3, channels=1, width=4, strides=strides)
    assert network(torch.zeros(2, 1, height, width)).shape == (2, 3)


@pytest.mark.parametrize("side", [8, 16, 20, 21, 28, 32, 40, 41, 64, 96])
def test_the_last_map_keeps_two_to_six_pixels_a_side(side: int) -> None:
    network = small_resnet(classes=3, channels=1, width=2, strides=strides_for(side, side + 5))
    maps = nn.Sequential(*list(network.children())[:4]).eval()(torch.zeros(1, 1, side, side + 5))
    assert 2 <= maps.shape[2] <= 6


def test_a_picture_is_judged_alone_in_evaluation() -> None:
    torch.manual_seed(0)
    network, pictures = small_resnet(classes=5, width=8).eval(), torch.randn(6, 3, 16, 16)
    alone = torch.cat([network(picture[None]) for picture in pictures])
    torch.testing.assert_close(network(pictures), alone)


def test_channels_last_memory_gives_the_same_scores() -> None:
    torch.manual_seed(0)
    network, pictures = small_resnet(classes=5, width=8).eval(), torch.randn(2, 3, 16, 16)
    expected = network(pictures)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    torch.testing.assert_close(network(pictures.to(memory_format=torch.channels_last)), expected)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"strides": (1, 2, 2)}, r"strides is \[1, 2, 2\]; expected four"),
        ({"strides": (0, 2, 2, 2)}, "expected whole numbers of at least 1"),
        ({"width": 0}, "width is 0"),
    ],
)
def test_an_argument_out_of_range_is_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        small_resnet(classes=3, **wrong)  # type: ignore[arg-type]


def train(network: nn.Module, pictures: torch.Tensor, labels: torch.Tensor, *, epochs: int, batch: int) -> None:
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        order = torch.randperm(len(labels))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            loss = functional.cross_entropy(network(pictures[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()


def test_it_learns_a_few_pictures_of_noise_by_heart() -> None:
    torch.manual_seed(0)
    pictures, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    network = small_resnet(classes=4, channels=1, width=8, strides=(1, 1, 2, 2))
    train(network, pictures, labels, epochs=60, batch=16)
    assert torch.equal(network(pictures).argmax(dim=1), labels)


@pytest.mark.slow
def test_it_reads_at_least_98_of_100_digits() -> None:
    images, labels = load_digits(return_X_y=True)
    X = ((images - images.mean()) / images.std()).reshape(-1, 1, 8, 8).astype(np.float32)
    parts = train_test_split(X, labels, test_size=0.2, stratify=labels, random_state=0)
    train_X, test_X, train_y, test_y = map(torch.tensor, parts)
    torch.manual_seed(0)
    network = small_resnet(classes=10, channels=1, strides=strides_for(8, 8))
    train(network, train_X, train_y, epochs=40, batch=64)
    with torch.inference_mode():
        correct = network.eval()(test_X).argmax(dim=1) == test_y
    assert correct.float().mean().item() >= 0.98
