"""The commands on networks as such: the list of them, and one layer by layer."""

import gc
import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from percept.cli.selecting import train
from percept.cli.training_options import asked, training_options
from percept.errors import OptionError

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone on standard output.")]


@training_options
def densify(
    run: Annotated[Path, typer.Argument(help="Run folder of a classifier of pictures.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="New run folder.", show_default="runs/NAME-dense, with --masks runs/MASKS")
    ] = None,
    semantics: Annotated[
        str | None,
        typer.Option(help="What an answer means where the network pads: patch, image or plane.", metavar="NAME"),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures with masks, which it learns further from; the options below go with it."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="With --masks: go on with the unfinished run of the same command.")
    ] = False,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Make a classifier of pictures a segmenter: an answer at every pixel, exact, or learned further from masks."""
    if masks is not None:
        from percept.workflow.densify import fine_tune

        choice = partial(fine_tune, run, masks, semantics=semantics)  # type: ignore[arg-type]
        train(partial(choice, out=out, resume=resume, **asked(options)), as_json, "networks")
        return
    _refuse_training({**options, "resume": resume or None})
    from percept.cli.screen import Screen

    screen = Screen(as_json)
    from percept.workflow.densify import densify as run_densify

    made = run_densify(run, out=out, semantics=semantics, say=screen.say)  # type: ignore[arg-type]
    screen.say(f"run: {made.path}\nnext: percept predict {shlex.quote(str(made.path))} PICTURES --out FOLDER")
    screen.result({"run": str(made.path), "patch": made.patch, "stride": made.stride, "note": made.note})


def _refuse_training(options: Mapping[str, object]) -> None:
    """Refuse options of a training where there are no masks to learn from."""
    for name, value in options.items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            raise OptionError(f"{option} is for learning further from masks; name their folder with --masks")


def inspect(
    network: Annotated[
        str,
        typer.Argument(
            help="Name of percept models, module:function of your own, run folder or model file.", show_default=False
        ),
    ],
    image: Annotated[
        str | None,
        typer.Option(help="Input size, such as 224 or 224x320 (height x width) pixels.", show_default="by the network"),
    ] = None,
    channels: Annotated[int | None, typer.Option(help="Channels of the pictures.", show_default="3")] = None,
    classes: Annotated[int | None, typer.Option(help="Outputs of the network.", show_default="10")] = None,
    features: Annotated[int | None, typer.Option(help="Columns, for networks that take tables.")] = None,
    depth: Annotated[
        int | None, typer.Option(help="Take modules of this depth as one line, and those alike in a row.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a network layer by layer: output, weights, multiply-adds, receptive field, memory."""
    from percept.cli.screen import Screen
    from percept.cli.sizes import picture_size

    screen = Screen(as_json)
    size = None if image is None else picture_size("--image", image)
    from percept.workflow.inspect import inspect as inspect_one

    found = inspect_one(network, image=size, channels=channels, classes=classes, features=features)
    for line in found.table(depth).splitlines():
        screen.line(line)
    screen.result(found.to_json(depth))


def models(as_json: JsonOption = False) -> None:
    """List the networks: weights, multiply-adds, receptive field, paper."""
    from percept.cli.screen import Screen

    screen = Screen(as_json)
    from percept.nn.inspection_table import short
    from percept.workflow.models import model_rows

    gc.freeze()  # the collector need not look again and again through what is imported
    layout = "{:<20} {:>11} {:>13} {:>6}  {:<26} {}"
    screen.line(layout.format("network", "weights", "multiply-adds", "sees", "for", "from"), "bold")
    rows = []
    for row in model_rows():
        seen = f"{row.receptive_field}" if row.receptive_field else ""
        figures = (f"{row.weights:,}", short(row.multiply_adds), seen, row.weights_of)
        screen.line(layout.format(row.name, *figures, f"{row.paper} {row.year}"))
        rows.append(vars(row))
    screen.say(
        "sees: pixels along each side of the picture that the last convolution or pooling sees; percept inspect NETWORK"
        " shows each layer"
    )
    screen.result(rows)
