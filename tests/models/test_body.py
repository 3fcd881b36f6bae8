"""Networks for pixels over the bodies of classifiers."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.errors import DataError, OptionError
from percept.models import MODELS, arguments_for, build, names, require_task
from percept.models.body import body_of
from percept.models.fcn import convolutions
from percept.nn.geometry.trace import undrawn

BODIES = ("lenet", "small_resnet", "alexnet", "vgg11", "nin", "resnet18", "cifar_resnet20")
DEEP = ("mobilenet_v2", "wrn28_10", "googlenet", "densenet121", "efficientnet_b0", "resnet50", "mobilenet")
OVER = names("image", "segmentation")[1:]


def network_over(name: str, body: str, **arguments: object) -> nn.Module:
    return build(name, classes=3, body=body, **arguments)


@pytest.mark.parametrize("body", [*BODIES, *(pytest.param(each, marks=pytest.mark.slow) for each in DEEP)])
@pytest.mark.parametrize("name", ["fcn8s", "encoder_decoder"])
def test_the_output_has_the_pictures_own_size_at_any_size(name: str, body: str) -> None:
    smallest = MODELS[body].smallest_side
    with undrawn():
        network = network_over(name, body).eval()
        for more in (0, 1, 14, 31):
            assert network(torch.zeros(1, 3, smallest + more, smallest + 40)).shape == (
                *(1, 3, smallest + more, smallest + 40),
            )
        if smallest > 1:
            with pytest.raises(DataError, match=f"{name} takes heights of at least {smallest}"):
                network(torch.zeros(1, 3, smallest - 1, 300))


@pytest.mark.parametrize("body", ["vgg16", "alexnet", pytest.param("googlenet", marks=pytest.mark.slow)])
def test_fully_convolutional_networks_have_the_papers_millions_of_parameters(body: str) -> None:
    # Long et al., table 1: FCN-AlexNet 57M, FCN-VGG16 134M, FCN-GoogLeNet 6M, for 21 classes
    with undrawn():
        network = build("fcn32s", body=body)
    count = sum(weights.numel() for weights in network.parameters() if weights.requires_grad)
    assert round(count / 1e6) == {"vgg16": 134, "alexnet": 57, "googlenet": 6}[body]


def test_skips_of_vgg_are_the_papers_third_and_fourth_pooling() -> None:
    with undrawn():
        body = body_of(build("vgg16"), (3, 224, 224), pooled=True)
    found = [(level.stride, level.channels, level.positions[0]) for level in body.levels]
    assert found[-3:] == [(8, 256, 28), (16, 512, 14), (32, 512, 7)]


@pytest.mark.parametrize(
    "body", ["resnet18", pytest.param("efficientnet_b0", marks=pytest.mark.slow), "cifar_resnet20"]
)
def test_the_body_gives_the_classifiers_own_last_map_in_training_and_in_evaluation(body: str) -> None:
    torch.manual_seed(0)
    classifier = build(body, classes=3)
    layers = body_of(classifier, (3, 64, 64)).layers
    taken: list[Tensor] = []
    average = next(module for name, module in classifier.named_children() if name == "average")
    average.register_forward_pre_hook(lambda module, given: taken.append(given[0].detach().clone()))
    images = torch.randn(2, 3, 64, 64)
    for training in (True, False):
        classifier.train(training)
        layers.train(training)
        torch.manual_seed(1)  # stochastic depth
        classifier(images)
        torch.manual_seed(1)
        torch.testing.assert_close(layers(images)[-1], taken[-1])


def test_the_levels_of_a_body_are_maps_of_a_plain_forward_pass() -> None:
    torch.manual_seed(0)
    classifier = build("resnet18", classes=3).eval()
    images = torch.randn(1, 3, 70, 90)
    expected = [classifier.get_submodule("stem")(images)]
    expected.append(classifier.get_submodule("stage1")(classifier.get_submodule("pool")(expected[0])))
    for stage in (2, 3, 4):
        expected.append(classifier.get_submodule(f"stage{stage}")(expected[-1]))
    found = body_of(classifier, (3, 64, 64)).layers(images)
    assert len(found) == 5
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_hidden_dense_layers_become_convolutions_that_give_the_same_in_the_middle() -> None:
    torch.manual_seed(0)
    classifier = build("lenet", classes=2, channels=1, size=(28, 28)).eval()
    body = body_of(classifier, (1, 28, 28))
    images = torch.randn(1, 1, 28, 28)
    made = nn.Sequential(*convolutions(body)).eval()(body.layers(images)[-1])
    # the map is 16 x 5 x 5: filters of 5x5 see all of it in the middle
    scores = list(classifier.children())[-1](made[..., 2, 2])
    torch.testing.assert_close(scores, classifier(images))


@pytest.mark.parametrize("body", ["resnet18", "lenet", "cifar_resnet20", "nin"])
@pytest.mark.parametrize("name", ["fcn32s", "fcn16s", "fcn8s"])
def test_a_network_starts_by_interpolating_between_the_centers_of_its_scores(name: str, body: str) -> None:
    """Scores that are a plane over the picture give that plane back, up to the last score that has a neighbor."""
    torch.manual_seed(0)
    network = network_over(name, body).eval()
    height, width = 190, 230
    side = {"lenet": (28, 28), "alexnet": (224, 224)}.get(body, (64, 64))
    arguments = {"size": side} if body in ("lenet", "alexnet") else {}
    levels = body_of(build(body, classes=1, channels=3, **arguments), (3, *side), pooled=True).levels
    maps = network.get_submodule("body")(torch.zeros(1, 3, height, width))
    skips = len(network.get_submodule("up"))  # type: ignore[arg-type]
    coarse, features = levels[-1], maps[-1]
    # hidden dense layers of an even number of rows look further down by half a value
    move = coarse.stride / 2 if arguments and coarse.positions[0] % 2 == 0 else 0
    rows = float(coarse.first[0]) + move + coarse.stride * torch.arange(features.shape[2])
    columns = float(coarse.first[1]) + move + coarse.stride * torch.arange(features.shape[3])
    plane = (2 * rows[:, None] - columns[None, :]).expand(1, 3, -1, -1)
    for place in reversed(range(skips)):
        beside = maps[len(maps) - 1 - skips + place]
        plane = network.get_submodule(f"up.{place}")(plane, beside)
    found = network.get_submodule("last_up")(plane, torch.zeros(1, 3, height, width))[0, 0]
    expected = 2 * torch.arange(height)[:, None] - torch.arange(width)[None, :]
    inside = tuple(slice(int(each[0]) + coarse.stride, int(each[-1]) - coarse.stride) for each in (rows, columns))
    assert found[inside].numel() > 0
    assert float((found - expected)[inside].detach().abs().max()) <= 1e-3


def test_scores_start_at_zero_and_the_last_enlarging_is_not_learned() -> None:
    network = network_over("fcn8s", "cifar_resnet20")
    assert not network(torch.randn(1, 3, 40, 40)).any()
    assert [name for name, weights in network.named_parameters() if not weights.requires_grad] == [
        "last_up.enlarging.weight"
    ]


@pytest.mark.parametrize("name", OVER)
def test_every_weight_of_the_network_is_learned_from_the_loss(name: str) -> None:
    torch.manual_seed(0)
    network = network_over(name, "cifar_resnet20")
    for weights in network.parameters():
        if weights.requires_grad and not weights.any():
            nn.init.normal_(weights)  # scores start at zero and hide what lies before them
    scores = network(torch.randn(2, 3, 24, 24))
    functional.cross_entropy(scores, torch.randint(3, (2, 24, 24))).backward()  # type: ignore[no-untyped-call]
    still = [name for name, each in network.named_parameters() if each.requires_grad and each.grad is None]
    assert still == []


def test_a_body_is_built_as_its_arguments_say_and_a_model_file_needs_no_default() -> None:
    chosen = arguments_for("fcn8s", outputs=5, shape=(1, 300, 200), body="vgg11")
    assert chosen["body_arguments"] == {"size": [224, 224], "batch_norm": True, "dropout": 0.5}
    with undrawn():
        network = build("fcn8s", **chosen)
        assert any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
        assert network(torch.zeros(1, 1, 300, 200)).shape == (1, 5, 300, 200)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: build("fcn8s", body="mlp"), "body is 'mlp'; expected one of lenet, small_resnet"),
        (lambda: build("fcn8s", body="unet"), "body is 'unet'; expected one of"),
        (lambda: build("fcn8s", body="resnet18", body_arguments={"depth": 3}), "body resnet18 has no argument 'depth'"),
        (
            lambda: build("fcn8s", body="small_resnet", body_arguments={"strides": [1, 1, 1, 2]}),
            "fcn8s needs maps of 3 strides; small_resnet has 1, 2: choose another body",
        ),
        (
            lambda: arguments_for("unet", outputs=2, shape=(1, 64, 64), body="resnet18"),
            "body is 'resnet18', but unet has none; .* choose fcn32s or",
        ),
        (
            lambda: arguments_for("fcn8s", outputs=2, shape=(1, 64, 64), body="resnt18"),
            "body is 'resnt18'; expected .*; did you mean resnet18?",
        ),
        (lambda: require_task("resnet18", "segmentation"), "resnet18 gives one answer a picture, .* choose unet or"),
        (lambda: require_task("unet", "classification"), "unet gives a class for every pixel, not one answer"),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(call: object, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        call()  # type: ignore[operator]
