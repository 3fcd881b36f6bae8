"""A segmenter's scores before its first step against those of the classifier on each patch, by `convolutionalize`."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.dense import convolutionalize
from percept.errors import OptionError
from percept.models import arguments_for, build
from percept.models.fcn import FCN
from percept.models.fcn_start import begin_as

SIDE, CLASSES = 32, 4


def trained(name: str, side: int = SIDE) -> tuple[nn.Module, nn.Module]:
    """Return a classifier whose batch normalizations have seen pictures, and a network over its layers."""
    torch.manual_seed(0)
    arguments = arguments_for(name, outputs=CLASSES, shape=(3, side, side))
    classifier = build(name, **arguments)
    classifier(torch.randn(8, 3, side, side))
    own = {key: value for key, value in arguments.items() if key not in ("classes", "channels")}
    network = build("fcn8s", classes=CLASSES, channels=3, body=name, body_arguments=own)
    return classifier.eval(), network.eval()


def coarse_scores(network: nn.Module, pictures: Tensor) -> Tensor:
    assert isinstance(network, FCN)
    scores: Tensor = network.scores[-1](network.dense(network.body(pictures)[-1]))
    return scores


@pytest.mark.parametrize(
    ("name", "side"), [("small_resnet", 32), ("cifar_resnet20", 32), ("densenet_bc_100_12", 32), ("mobilenet_v2", 64)]
)
@torch.no_grad()
def test_the_local_mean_of_the_scores_is_the_heatmap_of_a_classifier_that_averages(name: str, side: int) -> None:
    classifier, network = trained(name, side)
    begin_as(network, classifier, (3, side, side), range(CLASSES))
    picture = torch.randn(1, 3, 128, 96)
    heatmaps = convolutionalize(classifier, side, "image")(picture)
    means = coarse_scores(network, picture)
    means = functional.avg_pool2d(means, coarse_scores(network, picture[:, :, :side, :side]).shape[2], 1)
    rows, columns = (min(one, other) for one, other in zip(means.shape[2:], heatmaps.shape[2:], strict=True))
    means, heatmaps = means[:, :, :rows, :columns], heatmaps[:, :, :rows, :columns]
    torch.testing.assert_close(means, heatmaps, atol=1e-4 * float(heatmaps.abs().max()), rtol=0)


@pytest.mark.parametrize(("name", "side"), [("lenet", 32), pytest.param("vgg11", 64, marks=pytest.mark.slow)])
@torch.no_grad()
def test_the_scores_are_the_heatmap_of_a_classifier_with_dense_layers(name: str, side: int) -> None:
    classifier, network = trained(name, side)
    begin_as(network, classifier, (3, side, side), range(CLASSES))
    picture = torch.randn(1, 3, 128, 96)
    heatmaps = convolutionalize(classifier, side, "image")(picture)
    first = (coarse_scores(network, picture[:, :, :side, :side]).shape[2] - 1) // 2  # half a filter lies outside
    rows, columns = heatmaps.shape[2:]
    scores = coarse_scores(network, picture)[:, :, first : first + rows, first : first + columns]
    torch.testing.assert_close(scores, heatmaps, atol=1e-4 * float(heatmaps.abs().max()), rtol=0)


@torch.no_grad()
def test_classes_take_their_scores_over_and_others_begin_at_zero() -> None:
    classifier, _ = trained("lenet")
    own = {"size": [SIDE, SIDE]}
    network = build("fcn8s", classes=3, channels=3, body="lenet", body_arguments=own).eval()
    begin_as(network, classifier, (3, SIDE, SIDE), [None, 2, 0])
    scores = coarse_scores(network, torch.randn(1, 3, 64, 64))
    assert (scores[:, 0] == 0).all() and scores[:, 1].std() > 0
    whole = build("fcn8s", classes=CLASSES, channels=3, body="lenet", body_arguments=own).eval()
    begin_as(whole, classifier, (3, SIDE, SIDE), range(CLASSES))
    picture = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(coarse_scores(network, picture)[:, 1:], coarse_scores(whole, picture)[:, [2, 0]])


def test_a_network_that_changes_its_scores_is_refused_by_the_layers_name() -> None:
    classifier, network = trained("nin")
    with pytest.raises(OptionError, match=r"layer stage3\.\S+ \(\w+\) changes the classifier's scores"):
        begin_as(network, classifier, (3, SIDE, SIDE), range(CLASSES))


def test_a_network_of_another_kind_is_refused() -> None:
    classifier, _ = trained("lenet")
    with pytest.raises(OptionError, match="UNet is not made of a classifier's layers alone"):
        begin_as(build("unet", classes=2, width=4, depth=1), classifier, (3, SIDE, SIDE), [0, 1])
