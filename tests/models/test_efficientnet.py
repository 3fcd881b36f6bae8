from math import ceil

import pytest
import torch

from percept.models import MODELS, build
from percept.models.efficientnet import FORMS, STAGES, compound_scaling
from percept.models.widths import round_channels
from percept.nn.blocks import MBConv


@pytest.mark.parametrize("name", FORMS)
def test_released_factors_follow_the_law_of_compound_scaling(name: str) -> None:
    form = FORMS[name]
    depth, width, resolution = compound_scaling(form.phi)
    # rounded by hand: to a tenth, upwards for the larger networks, whose pictures grew faster than the law
    assert depth - 0.06 <= form.depth <= 1.07 * depth
    assert width - 0.06 <= form.width <= 1.14 * width
    assert 224 * resolution - 1 <= form.resolution <= 1.18 * 224 * resolution


def test_a_step_of_phi_about_doubles_the_cost() -> None:
    depth, width, resolution = compound_scaling(1)
    assert depth * width**2 * resolution**2 == pytest.approx(2, abs=0.1)  # the paper's constraint


@pytest.mark.parametrize("name", ["efficientnet_b0", "efficientnet_b3"])
def test_stages_have_the_scaled_blocks_and_channels(name: str) -> None:
    form = FORMS[name]
    with torch.device("meta"):
        network = build(name).eval()
    for number, (_, kernel, base, blocks, _) in enumerate(STAGES, start=1):
        stage = network.get_submodule(f"stage{number}")
        assert len(list(stage.children())) == ceil(blocks * form.depth)
        first = stage.get_submodule("0")
        assert first.get_parameter("project.0.weight").shape[0] == round_channels(base * form.width)
        assert first.get_parameter("depthwise.0.weight").shape[2:] == (kernel, kernel)


def test_stochastic_depth_grows_from_nothing_to_near_its_share() -> None:
    with torch.device("meta"):
        network = build("efficientnet_b0", dropped=0.2)
    shares = [module.depth.dropout.p for module in network.modules() if isinstance(module, MBConv)]
    added = [share for share in shares if share]
    assert shares[0] == 0 and added == sorted(added)
    assert added[-1] == pytest.approx(0.2 * 14 / 16)  # of 16 blocks the 15th is the last to be added to its input


def test_pictures_are_taken_up_to_the_size_that_each_was_made_for() -> None:
    assert [MODELS[name].kept_sides[1] for name in FORMS] == [224, 240, 260, 300, 380, 456, 528, 600]
