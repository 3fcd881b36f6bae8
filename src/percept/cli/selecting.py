"""The command `percept select`, and what it shows at its end as `percept fit` does."""

import shlex
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Never

import typer

from percept.cli.options import CHOICE, JsonOption, NestedOption, OutOption, TargetOption, grid_of
from percept.cli.stopping import Stopped
from percept.cli.training_options import asked, training_options

if TYPE_CHECKING:
    from percept.cli.screen import Screen, TrainingView
    from percept.workflow.run import Run


@training_options
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
    target: TargetOption = None,
    out: OutOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the unfinished selection of the same command.")
    ] = False,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Choose the settings of any network by cross-validation: a run for each candidate, the best trained again."""
    choices = grid_of(grid or [])
    from percept.workflow.select import select as run_select

    choice = partial(run_select, grid=choices, cv=cv, nested=nested, n_jobs=jobs)
    train(partial(choice, data, target, out=out, resume=resume, **asked(options)), as_json, "runs")


def train(command: Callable[..., "Run"], as_json: bool, what: str) -> None:
    """Run a training, showing each event, and show the finished run.

    Args:
        command: takes `watch` and `progress`.
        as_json: whether JSON alone is printed.
        what: what a selection counts, such as "runs".
    """
    from percept.cli.screen import Screen, TrainingView, decoding

    screen = Screen(as_json)
    view = TrainingView(screen, what)
    try:
        with decoding(screen) as progress:
            run = command(watch=view.show, progress=progress)
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
        f"next: percept evaluate {shlex.quote(str(run.path))}   (opens the sealed test set)"
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
