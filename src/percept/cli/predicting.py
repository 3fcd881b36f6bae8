"""The command `percept predict`: a row for each new sample, or a picture of where things are."""

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from percept.cli.options import DeviceOption, JsonOption, ThreadsOption, ViewsOption


def predict(
    run: Annotated[Path, typer.Argument(help="Run folder or model file.", show_default=False)],
    samples: Annotated[
        list[Path], typer.Argument(help="Pictures, folders of pictures, or one table.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="CSV file to write, without it a table is printed; for masks and --activation a folder.",
        ),
    ] = None,
    with_probabilities: Annotated[bool, typer.Option("--probabilities", help="One column a class.")] = False,
    tta: ViewsOption = None,
    abstain: Annotated[
        float | None,
        typer.Option(
            help="Share of wrong answers to keep to, by answering only when sure.", show_default="the model's"
        ),
    ] = None,
    activation: Annotated[
        bool, typer.Option("--activation", help="Draw where the network looked: STEM_activation.png in --out.")
    ] = False,
    count: Annotated[
        str | None,
        typer.Option(help="Class to count, for masks: STEM_points.csv and STEM_points.png in --out.", metavar="CLASS"),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Probability that what is counted reaches.", show_default="0.5")
    ] = None,
    distance: Annotated[
        float | None,
        typer.Option(help="Pixels that two of what is counted are apart at least.", show_default="half the patch"),
    ] = None,
    skip_unreadable: Annotated[bool, typer.Option("--skip-unreadable", help="Go on without broken pictures.")] = False,
    memory: Annotated[
        str | None,
        typer.Option(help="What a picture with a mask may take; larger ones go part by part.", show_default="1GB"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where masks were being written.")] = False,
    device: DeviceOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict new samples: class and probability, or a figure, a row each; for masks a picture each."""
    from percept.cli.screen import Screen, predicting

    screen = Screen(as_json)
    from percept.cli.rows import print_rows
    from percept.workflow.predict import (
        PREDICTIONS,
        activation_folder,
        asked_of_run,
        predict_rows,
        write_predictions_csv,
    )
    from percept.workflow.predict_masks import write_masks
    from percept.workflow.predict_options import PredictOptions, gives_masks

    options = PredictOptions(
        probabilities=with_probabilities,
        tta=tta,
        abstain=abstain,
        activation=activation,
        count=count,
        threshold=threshold,
        distance=distance,
        skip_unreadable=skip_unreadable,
        memory=memory,
        resume=resume,
        device=device,
        threads=threads,
    )
    predictor = asked_of_run(run, options)
    if gives_masks(predictor.model):
        with predicting(screen) as progress:
            written = write_masks(predictor.model, samples, out, options, say=screen.say, progress=progress)
        for each in written if count is not None else ():
            screen.say(f"{each.sample}: {each.objects} x {count}")
        screen.say(f"{len(written)} masks written to {out}")
        screen.result({"out": str(out), "masks": [asdict(each) | {"mask": str(each.mask)} for each in written]})
        return
    folder = activation_folder(out) if activation else None
    say = screen.say if out is not None else partial(print, file=sys.stderr)  # a table is for itself
    rows = predict_rows(predictor, samples, options, folder, say=say)
    if out is None:
        print_rows(rows, screen)
        return
    file = out if folder is None else folder / PREDICTIONS
    lines = write_predictions_csv(rows, file)
    screen.say(f"{lines} predictions written to {file}" + (", with a picture of each beside it" if folder else ""))
    screen.result({"out": str(out), "predictions": lines})
