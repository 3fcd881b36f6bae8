"""The network's drawing and table in the report."""

from dataclasses import replace

import pytest
from torch import nn

from percept.nn.geometry.trace import undrawn
from percept.nn.inspection import Inspection, inspect_network
from percept.report.content import ReportContent
from percept.report.network import MOST_LINES, network_drawing, network_view
from percept.report.page import render


@pytest.fixture(scope="module")
def deep() -> Inspection:
    def block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU())

    with undrawn():
        stages = [nn.Sequential(block(8, 8, 2), *(block(8, 8) for _ in range(20))) for _ in range(2)]
        network = nn.Sequential(block(3, 8), *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    return inspect_network(network, (3, 64, 64), "deep")


def test_a_deep_network_is_told_by_its_modules(deep: Inspection) -> None:
    view = network_view(deep)
    assert len(deep.layers) > 3 * MOST_LINES and len(view.lines) <= MOST_LINES
    assert "1.0 to 1.20" in [line.name for line in view.lines]
    assert sum(line.parameters for line in view.lines) == deep.parameters


def test_the_drawing_tells_the_maps_and_what_they_see(deep: Inspection) -> None:
    drawing = network_drawing(deep, name="net")
    assert "picture, 64 pixels" in drawing and "sees the whole picture" in drawing
    assert f"see up to {deep.local_field} pixels of 64" in drawing
    assert len(drawing) < 100_000


def test_the_page_shows_the_network_with_its_formulas(picture_report: ReportContent, deep: Inspection) -> None:
    small = inspect_network(nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(96, 3)), (1, 8, 8))
    page = render(replace(picture_report, network=small))
    assert 'id="network"' in page and "5x5x1x6 + 6" in page and "whole picture" in page
    assert "Module by module" in render(replace(picture_report, network=deep))
    assert 'id="network"' not in render(picture_report)


def test_a_network_of_a_table_has_no_receptive_fields(table_report: ReportContent) -> None:
    layers = inspect_network(nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1)), (5,))
    page = render(replace(table_report, network=layers))
    assert "5x7 + 7" in page and "pixels seen" not in page and ">Sees<" not in page
