"""The network as a picture: its maps, what they see of the input, and where its weights are, through the depth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from percept.nn.inspection import InspectedLayer, Inspection
from percept.nn.inspection_table import bytes_in_words, short, sides
from percept.report.drawing import BLUE, COLUMN, FAINT, GREEN, INK, ORANGE, QUIET, inline_svg
from percept.report.wording import counted, short_label

MOST_LINES = 40
"""Lines of the table in the report: deeper networks are shown by their modules."""
WIDE = 1.7 * COLUMN
FEW_MARKERS = 40
"""Up to so many layers each has a marker."""


@dataclass(frozen=True)
class NetworkView:
    """The network as it is shown.

    Attributes:
        record: all of it.
        lines: its layers, or its modules where it has many.
        drawing: maps, receptive fields and weights through the depth.
        summary: sentences on what it takes.
    """

    record: Inspection
    lines: tuple[InspectedLayer, ...]
    drawing: str
    summary: tuple[str, ...]


def network_view(inspection: Inspection) -> NetworkView:
    """Return the network's table, drawing and totals."""
    lines = inspection.layers
    depth = max((layer.name.count(".") for layer in lines), default=0) + 1
    while len(lines) > MOST_LINES and depth > 0:
        lines = inspection.folded(depth)
        depth -= 1
    work = f"{counted(inspection.parameters, 'weight')}, {short(inspection.multiply_adds)} multiply-adds a sample."
    training = bytes_in_words(inspection.training_fixed), bytes_in_words(inspection.training_bytes)
    predicting = bytes_in_words(inspection.weight_bytes), bytes_in_words(inspection.inference_bytes)
    memory = (
        f"Training takes {training[0]} for weights, gradients and optimizer, and {training[1]} more for each sample of"
        f" a batch; predicting takes {predicting[0]}, and {predicting[1]} for each sample."
    )
    return NetworkView(inspection, lines, network_drawing(inspection, name="network"), (work, memory))


def network_drawing(inspection: Inspection, *, name: str) -> str:
    """Return the drawing of a network for a page."""
    steps = _steps(inspection)
    seen = [layer.field for layer in steps if layer.field is not None]
    said = f"{len(steps)} layers from {sides(inspection.shape)} to {sides(steps[-1].shape) if steps else 'nothing'}"
    if seen:
        local = inspection.local_field
        said += f"; convolutions and poolings see up to {local} pixels of {inspection.shape[-1]}"
    return inline_svg(
        lambda figure: draw_network(inspection, figure),
        name=name,
        title="The network through its depth",
        description=f"{said}.",
        width=WIDE,
        height=360 if seen else 230,
    )


def draw_network(inspection: Inspection, figure: Figure) -> None:
    """Draw a network: sides of its maps, receptive fields, and weights, a step to the right for each layer.

    Layers that change nothing of these, such as activations and normalizations, are left out.

    Args:
        inspection: the network.
        figure: an empty figure.
    """
    steps = _steps(inspection)
    pictures = any(layer.field is not None for layer in steps)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(
        3 if pictures else 2, 1, sharex=True, height_ratios=[1.5, 1.5, 1] if pictures else [1.5, 1]
    )
    _maps(panels[0], inspection, steps)
    if pictures:
        _fields(panels[1], inspection, steps)
    panels[-1].bar(range(1, len(steps) + 1), [layer.parameters for layer in steps], color=BLUE, width=0.8)
    panels[-1].set(xlabel="layer", ylabel="weights")
    panels[-1].yaxis.set_major_formatter(FuncFormatter(lambda count, _: short(int(count)).replace(".000", "")))
    panels[-1].yaxis.set_major_locator(MaxNLocator(3))
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    panels[-1].set_xlim(-0.6, len(steps) + 0.6)


def _steps(inspection: Inspection) -> list[InspectedLayer]:
    """Return the layers that change a map, what it sees, or multiply."""
    before: tuple[object, ...] = (inspection.shape, "1x1")
    steps = []
    for layer in inspection.layers:
        now = layer.shape, str(layer.field)
        if layer.multiply_adds or now != before:
            steps.append(layer)
        before = now
    last = max((place for place, layer in enumerate(steps) if layer.field and any(layer.field.local)), default=0)
    # without the insides of gates, whose maps are of one pixel
    return [layer for place, layer in enumerate(steps) if place > last or not layer.field or any(layer.field.local)]


def _maps(axes: Axes, inspection: Inspection, steps: Sequence[InspectedLayer]) -> None:
    """Draw the sides of the maps, or how many values there are of rows, each stage with its channels."""
    shapes = [inspection.shape, *(layer.shape for layer in steps)]
    heights = [shape[-1] if len(inspection.shape) == 1 else (shape[-1] if len(shape) > 1 else 1) for shape in shapes]
    axes.bar(range(len(shapes)), heights, width=1.0, color=BLUE, alpha=0.25, linewidth=0)
    axes.step(range(len(shapes)), heights, where="mid", color=BLUE, linewidth=1.2)
    axes.set_yscale("log", base=2)
    axes.set_ylim(0.7, 4 * max(heights))
    _plain_numbers(axes, heights)
    axes.set_ylabel("values" if len(inspection.shape) == 1 else "side of the map")
    if len(inspection.shape) == 1:
        return
    end = -1.0
    for height, group in groupby(range(len(shapes)), key=lambda place: heights[place]):
        places = list(group)
        middle, text = (places[0] + places[-1]) / 2, f"{max(shapes[place][0] for place in places)}"
        room = len(shapes) * 0.01 * (len(text) + 1)
        if middle - room >= end:
            axes.text(middle, 1.25 * height, text, ha="center", fontsize=7.5, color=INK)
            end = middle + room
    axes.set_title("above each stage its channels", loc="right", fontsize=8, color=QUIET)


def _fields(axes: Axes, inspection: Inspection, steps: Sequence[InspectedLayer]) -> None:
    """Draw what the layers see of the picture, its own side as a line."""
    side = inspection.shape[-1]
    places = [place for place, layer in enumerate(steps, start=1) if layer.field is not None]
    local = [layer.field.local[-1] if layer.field else 0 for layer in steps]
    drawn = [place for place in places if local[place - 1] > 0]
    few = len(steps) <= FEW_MARKERS
    axes.plot(
        [0, *drawn], [1, *(local[place - 1] for place in drawn)], color=ORANGE, marker="o" if few else "", markersize=3
    )
    whole = [place for place, layer in enumerate(steps, start=1) if layer.field is not None and layer.field.whole]
    axes.axhline(side, color=QUIET, linestyle="--", linewidth=1, label=f"picture, {side} pixels")
    if whole:
        label = "sees the whole picture by pooling or dense layers"
        axes.plot(whole, [side] * len(whole), color=GREEN, marker="s", markersize=3, linestyle="", label=label)
    axes.set_ylim(0, 1.1 * max(side, *local, 1))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_ylabel("pixels seen")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.98), ncols=2, fontsize=8, borderaxespad=0.2)


def _plain_numbers(axes: Axes, heights: Sequence[int]) -> None:
    kept: list[int] = []
    for height in sorted(set(heights)):
        if not kept or height >= 1.7 * kept[-1]:
            kept.append(height)
    axes.set_yticks(kept, [f"{height}" for height in kept])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, axis="y", color=FAINT)


def cells(layer: InspectedLayer) -> dict[str, str]:
    """Return what the report's table says of a layer."""
    field = layer.field
    return {
        "name": short_label(layer.name, 34),
        "kind": f"{layer.repeats} {layer.kind}" if layer.repeats > 1 else layer.kind,
        "shape": sides(layer.shape),
        "weights": f"{layer.parameters:,}" if layer.parameters else "",
        "formula": layer.formula,
        "work": short(layer.multiply_adds) if layer.multiply_adds else "",
        "seen": "" if field is None else str(field),
        "stride": "" if field is None or not any(field.stride) else sides(field.stride),
        "training": bytes_in_words(layer.training_bytes) if layer.training_bytes else "",
        "inference": bytes_in_words(layer.inference_bytes) if layer.inference_bytes else "",
    }
