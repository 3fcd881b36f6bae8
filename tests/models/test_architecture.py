import inspect
import json
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import fx

from percept.errors import DataError, OptionError
from percept.models import MODELS, arguments_for, build, choose_size, names
from percept.models.architecture import InputKind
from percept.nn.geometry.trace import undrawn

sizes = st.tuples(st.integers(1, 30_000), st.integers(1, 30_000))
PICTURES = names("image")
CLASSIFIERS = tuple(name for name, known in MODELS.items() if known.task == "classification")
SLOW = pytest.mark.slow
# Of each family that differs in how its size is chosen; the others are held to the least and the largest size.
SOON_BUILT = ("linear", "mlp", "lenet", "small_resnet", "alexnet", "vgg11", "nin", "resnet18", "cifar_resnet20")
DEEP = ("cifar_resnet1202", "cifar_resnet110", "resnet152", "densenet201", "efficientnet_b6", "efficientnet_b7")


@pytest.mark.parametrize("name", names("table"))
@pytest.mark.parametrize("outputs", [1, 3])
def test_every_network_for_tables_fits_rows(name: str, outputs: int) -> None:
    network = build(name, **arguments_for(name, outputs=outputs, shape=(7,)))
    assert network(torch.zeros(2, 7)).shape == (2, outputs)


@pytest.mark.parametrize("name", SOON_BUILT)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(8, 8), (28, 28), (41, 30), (375, 500), (1, 1), (30_000, 100)])
def test_networks_fit_pictures_of_every_size_at_their_chosen_size(
    name: str, channels: int, size: tuple[int, int]
) -> None:
    shape = (channels, *choose_size(name, size))
    with undrawn():
        network = build(name, **arguments_for(name, outputs=2, shape=shape)).eval()
        assert network(torch.zeros(1, *shape)).shape == (1, 2)


@pytest.mark.parametrize("name", [name if name not in DEEP else pytest.param(name, marks=SLOW) for name in PICTURES])
def test_every_network_for_pictures_is_traced_and_takes_its_smallest_and_a_larger_size(name: str) -> None:
    low, high = MODELS[name].kept_sides
    for sides in (low, high + 1):
        shape = (2, *choose_size(name, (sides, sides + 9)))
        with undrawn():
            network = build(name, **arguments_for(name, outputs=3, shape=shape)).eval()
            pictures = torch.zeros(2, *shape)
            if sides == low:
                assert network(pictures).shape == (2, 3)
            else:
                traced = network if name in ("linear", "mlp") else fx.symbolic_trace(network)
                assert traced(pictures).shape == (2, 3)


@pytest.mark.parametrize("name", [name for name in PICTURES if MODELS[name].smallest_side > 1])
def test_a_smaller_picture_than_the_smallest_is_refused_where_the_layers_cannot_take_it(name: str) -> None:
    side = MODELS[name].smallest_side
    arguments = arguments_for(name, outputs=3, shape=(3, side, side))
    with undrawn():
        network = build(name, **arguments).eval()
        assert network(torch.zeros(1, 3, side, side)).shape == (1, 3)
        with pytest.raises(DataError, match=f"the nearest size that works is {side}x{side}"):
            network(torch.zeros(1, 3, side - 1, side))
        network._forward_pre_hooks.clear()  # the layers alone
        with pytest.raises(RuntimeError):
            network(torch.zeros(1, 3, side - 1, side))


@pytest.mark.parametrize("name", PICTURES)
@given(size=sizes)
def test_the_chosen_size_lies_in_the_stated_range_and_is_its_own_choice(name: str, size: tuple[int, int]) -> None:
    low, high = MODELS[name].kept_sides
    chosen = choose_size(name, size)
    assert MODELS[name].smallest_side <= low <= min(chosen) <= high
    assert max(chosen) <= 2 * high
    assert choose_size(name, chosen) == chosen
    assert choose_size(name, size[::-1]) == chosen[::-1]


@given(shorter=st.integers(8, 2000), longer=st.integers(8, 2000))
def test_proportions_are_kept_to_a_pixel_up_to_two_to_one(shorter: int, longer: int) -> None:
    shorter, longer = min(shorter, longer), min(max(shorter, longer), 2 * min(shorter, longer))
    height, width = choose_size("small_resnet", (shorter, longer))
    assert abs(width - height * longer / shorter) <= 0.5


@pytest.mark.parametrize(
    ("name", "size", "chosen"),
    [
        ("lenet", (8, 8), (28, 28)),
        ("lenet", (28, 28), (28, 28)),
        ("small_resnet", (8, 8), (8, 8)),
        ("small_resnet", (32, 32), (32, 32)),
        ("small_resnet", (500, 375), (128, 96)),
        ("linear", (28, 28), (28, 28)),
        ("mlp", (500, 500), (32, 32)),
        ("resnet50", (28, 28), (64, 64)),
        ("resnet50", (500, 375), (299, 224)),
        ("efficientnet_b7", (1200, 1200), (600, 600)),
        ("wrn28_10", (28, 28), (32, 32)),
    ],
)
def test_known_data_gets_its_known_size(name: str, size: tuple[int, int], chosen: tuple[int, int]) -> None:
    assert choose_size(name, size) == chosen


@settings(deadline=None)
@given(seed=st.integers(0, 100))
def test_the_same_seed_builds_the_same_network(seed: int) -> None:
    networks = []
    for _ in range(2):
        torch.manual_seed(seed)
        networks.append(build("mlp", classes=2, inputs=3).state_dict())
    assert all(torch.equal(networks[0][key], networks[1][key]) for key in networks[0])


def test_names_are_told_by_kind() -> None:
    assert {name: names(name) for name in get_args(InputKind)} == {
        "image": CLASSIFIERS,
        "table": ("linear", "mlp"),
        "any": CLASSIFIERS,
    }
    assert CLASSIFIERS + names("image", "segmentation") == tuple(MODELS)
    assert names("table", "segmentation") == ()


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("lennet", {}, "model is 'lennet'; expected one of linear, mlp, lenet, small_resnet, .*; did you mean lenet?"),
        ("mlp", {"layers": 3}, "mlp has no argument 'layers'; expected classes, inputs, hidden, activation, dropout"),
        ("mlp", {"hiden": 3}, r"did you mean hidden\?"),
        ("mlp", {}, "mlp needs classes and inputs; pass classes=..., inputs=..."),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(name: str, arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        build(name, **arguments)


def test_a_network_for_pictures_refuses_a_table() -> None:
    with pytest.raises(OptionError, match=r"lenet takes pictures, not samples of shape \(7,\); choose linear or mlp"):
        arguments_for("lenet", outputs=2, shape=(7,))


def test_the_size_rule_is_stated_in_words() -> None:
    assert MODELS["mlp"].size_rule == "own size up to 32 pixels on the shorter side, reduced to 32 above"
    assert "enlarged to 28 below" in MODELS["lenet"].size_rule


def test_names_are_those_of_the_notes_and_the_papers() -> None:
    assert {"alexnet", "vgg16", "nin", "googlenet", "resnet152", "cifar_resnet1202", "mobilenet"} < set(names())
    assert len(names()) == 39


def test_deep_networks_are_fitted_with_what_they_need_to_learn() -> None:
    assert arguments_for("vgg16", outputs=2, shape=(3, 64, 64))["batch_norm"] is True
    assert arguments_for("nin", outputs=2, shape=(3, 32, 32))["batch_norm"] is True
    assert arguments_for("cifar_resnet1202", outputs=2, shape=(3, 32, 32))["checkpointing"] is True


@pytest.mark.parametrize("name", MODELS)
def test_every_argument_of_the_builder_is_chosen_so_that_a_model_file_needs_no_default(name: str) -> None:
    shape = (7,) if name in names("table") else (3, 64, 64)
    chosen = arguments_for(name, outputs=3, shape=shape)
    assert set(chosen) == set(inspect.signature(MODELS[name].build).parameters)
    assert json.loads(json.dumps(chosen)) == chosen
