"""The command `percept select`, and what it shows at its end as `percept fit` does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Never

import typer

from percept.cli.options import (
    CHOICE,
    DATA,
    TRAINING,
    DeviceOption,
    JsonOption,
    NestedOption,
    ResizeName,
    TaskName,
    ThreadsOption,
    WeightsName,
    grid_of,
)
from percept.cli.sizes import picture_size
from percept.cli.stopping import Stopped

if TYPE_CHECKING:
    from percept.cli.screen import Screen, TrainingView
    from percept.workflow.run import Run


def select(
    data: Annotated[str, typer.Argument(help="Data as for percept fit.", show_default=False)],
    grid: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting and its values, such as learning_rate=0.001,0.003; give it again for another setting.",
            show_default=False,
            rich_help_panel=CHOICE,
        ),
    ] = None,
    cv: Annotated[
        str,
        typer.Option(help="Parts to cross-validate in, or loo, bootstrap or subsampling.", rich_help_panel=CHOICE),
    ] = "5",
    nested: NestedOption = None,
    jobs: Annotated[int | None, typer.Option(help="Runs at a time.", show_default="1", rich_help_panel=CHOICE)] = None,
    target: Annotated[
        str | None, typer.Option(help="Target column of a table; -1 is the last one.", rich_help_panel=DATA)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; never overwritten.", show_default="runs/NAME")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Network, see percept models.", show_default="by the data", rich_help_panel=TRAINING),
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Your own test file or folder, or none.", rich_help_panel=DATA)
    ] = None,
    task: Annotated[TaskName | None, typer.Option(metavar="NAME", rich_help_panel=DATA)] = None,
    group: Annotated[
        str | None, typer.Option(help="Column whose equal values stay on one side.", rich_help_panel=DATA)
    ] = None,
    header: Annotated[bool | None, typer.Option("--header/--no-header", rich_help_panel=DATA)] = None,
    test_size: Annotated[
        float | None, typer.Option(help="Share of the samples to seal.", show_default="0.2", rich_help_panel=DATA)
    ] = None,
    validation_size: Annotated[
        float | None,
        typer.Option(help="Share that each run validates on.", show_default="0.15", rich_help_panel=DATA),
    ] = None,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Go on without broken pictures.", rich_help_panel=DATA)
    ] = False,
    image_size: Annotated[
        str | None, typer.Option(help="Input size, such as 64 or 64x96 pixels.", rich_help_panel=DATA)
    ] = None,
    resize: Annotated[ResizeName | None, typer.Option(metavar="NAME", rich_help_panel=DATA)] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of each run, at most.", rich_help_panel=TRAINING)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples a step.", rich_help_panel=TRAINING)] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw, adam or sgd.", rich_help_panel=TRAINING)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Step size.", rich_help_panel=TRAINING)] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Decay of the weights.", rich_help_panel=TRAINING)] = None,
    momentum: Annotated[float | None, typer.Option(help="Momentum of sgd.", rich_help_panel=TRAINING)] = None,
    schedule: Annotated[str | None, typer.Option(help="cosine, plateau or constant.", rich_help_panel=TRAINING)] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="What candidates and epochs are compared by.", show_default="loss", rich_help_panel=TRAINING),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better figure before the end.", rich_help_panel=TRAINING)
    ] = None,
    clip_norm: Annotated[
        float | None, typer.Option(help="Largest norm of a gradient.", rich_help_panel=TRAINING)
    ] = None,
    class_weights: Annotated[WeightsName | None, typer.Option(metavar="NAME", rich_help_panel=TRAINING)] = None,
    augment: Annotated[str | None, typer.Option(help="none or shift.", rich_help_panel=TRAINING)] = None,
    seed: Annotated[int | None, typer.Option(help="Every random choice derives from it.", show_default="0")] = None,
    device: DeviceOption = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.", show_default="auto")] = None,
    threads: ThreadsOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the unfinished selection of the same command.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Choose the settings of any network by cross-validation: a run for each candidate, the best trained again."""
    from percept.cli.screen import Screen, TrainingView, decoding

    screen, choices = Screen(as_json), grid_of(grid or [])
    view = TrainingView(screen, "runs")
    size = None if image_size is None else picture_size("--image-size", image_size)
    from percept.workflow.select import select as run_select

    try:
        with decoding(screen) as progress:
            run: Run = run_select(
                data,
                target,
                grid=choices,
                cv=cv,
                nested=nested,
                n_jobs=jobs,
                out=out,
                model=model,
                test=test,
                task=task,
                group=group,
                header=header,
                test_size=test_size,
                validation_size=validation_size,
                skip_unreadable=skip_unreadable or None,
                image_size=size,
                resize=resize,
                epochs=epochs,
                batch_size=batch_size,
                optimizer=optimizer,
                learning_rate=learning_rate,
                weight_decay=weight_decay,
                momentum=momentum,
                schedule=schedule,
                metric=metric,
                patience=patience,
                clip_norm=clip_norm,
                class_weights=class_weights,
                augment=augment,
                seed=seed,
                device=device,
                precision=precision,
                threads=threads,
                resume=resume,
                watch=view.show,
                progress=progress,
            )
    except (KeyboardInterrupt, Stopped) as stopped:
        view.stop()
        interrupted(view, getattr(stopped, "exit_code", 130))
    finally:
        view.stop()
    show_run(screen, run)


def interrupted(view: "TrainingView", code: int) -> Never:
    """Say what is saved of a training that was stopped, and end."""
    from percept.runs.folder import RunFolder

    folder = view.folder
    epoch = RunFolder(folder).epochs if folder else 0
    saved = f"epochs 1 to {epoch} are saved" if epoch > 1 else "epoch 1 is saved" if epoch else "no epoch had ended yet"
    if view.networks is not None:
        saved = f"what was finished of {view.networks.total:,} {view.what} is saved"
    where = f" in {folder}; the same command with --resume goes on" if folder else ""
    typer.echo(f"percept: stopped: {saved}{where}", err=True)
    raise typer.Exit(code)


def show_run(screen: "Screen", run: "Run") -> None:
    """Show a finished run: the candidates where it chose, its figures, and what to do next."""
    from percept.cli.screen import figures_table

    found = run.selection
    if found is not None:
        _show_selection(screen, found)
    way = run.out_of_fold
    screen.table(figures_table("Out of fold" if way else "Validation", run.validation))
    if way:
        screen.say(way)
    screen.say(run.verdict)
    screen.say(f"run: {run.path}\nreport: {run.report}")
    screen.say(
        f"next: percept evaluate {run.path}   (opens the sealed test set)"
        if run.recipe.data.test != "none"
        else "nothing is sealed: there is no test set to evaluate on"
    )
    values: dict[str, Any] = {"run": str(run.path), "validation": run.validation, "verdict": run.verdict}
    screen.result(values if found is None else {**values, "selection": found})


def _show_selection(screen: "Screen", found: dict[str, Any]) -> None:
    from rich.table import Table

    from percept.cli.screen import figures_table, written_number
    from percept.workflow.chosen import written

    metric = found["metric"].replace("_", " ")
    table = Table(
        title=f"Candidates, {len(found['candidates'])} on {found['splits']} splits",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    names = list(found["candidates"][0]["params"])
    for name in (*names, metric, "standard error"):
        table.add_column(name, justify="right")
    table.add_column("")
    for number, each in enumerate(found["candidates"]):
        mark = "best" if number == found["best"] else ""
        if number == found["simplest"] != found["best"]:
            mark = "simplest within one standard error"
        values = [written(each["params"][name]) for name in names]
        table.add_row(*values, written_number(each["mean"]), written_number(each["error"]), mark)
    screen.table(table)
    nested = found["nested"]
    if nested:
        screen.table(figures_table(f"Nested: the whole choice, on {nested['parts']} outer parts", nested["figures"]))
        inner = [value for value in nested["inner"] if value is not None]
        if inner and nested["value"] is not None:
            screen.say(
                f"{metric} inside the choice {written_number(sum(inner) / len(inner))}, outside it"
                f" {written_number(nested['value'])}: the second is what to expect of the whole procedure"
            )
