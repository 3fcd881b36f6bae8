"""The command `percept`: one line from labelled data to a model that can be trusted."""

import signal
import sys
import warnings
from functools import partial
from typing import Annotated, Any, Never

import typer

from percept.cli import networks
from percept.cli.options import (
    AlphasOption,
    CvOption,
    DataOption,
    DeviceOption,
    HiddenOption,
    JsonOption,
    NestedOption,
    OutOption,
    RestartsOption,
    RunArgument,
    TargetOption,
    TaskName,
    ThreadsOption,
    ViewsOption,
    layers,
)
from percept.cli.predicting import predict
from percept.cli.preview import preview_augment
from percept.cli.selecting import select, train
from percept.cli.stopping import Stopped, ignore_signals, stop_on_signals
from percept.cli.training_options import asked, training_options
from percept.errors import PerceptError, PerceptWarning
from percept.version import __version__

app = typer.Typer(
    help="From labelled data to a neural network that can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"percept {__version__}")
        raise typer.Exit


@app.callback()
def percept(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """From labelled data to a neural network that can be trusted."""


@app.command()
@training_options
def fit(
    data: Annotated[
        str,
        typer.Argument(
            help="Folder of pictures (one folder a class, or images/ and masks/), IDX folder, .npz, table"
            " (.csv, .tsv, .parquet), or digits, iris, wine, breast_cancer, diabetes.",
            show_default=False,
        ),
    ],
    target: TargetOption = None,
    out: OutOption = None,
    cv: CvOption = None,
    alphas: AlphasOption = None,
    hidden: HiddenOption = None,
    restarts: RestartsOption = None,
    nested: NestedOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the unfinished run of the same command.")
    ] = False,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Train a network on labelled data: a run folder with model, figures and report."""
    shapes = [layers(shape) for shape in hidden] if hidden else None
    from percept.workflow.fit import fit as run_fit

    choice = partial(run_fit, cv=cv, alphas=alphas, hidden=shapes, restarts=restarts, nested=nested)
    train(partial(choice, data, target, out=out, resume=resume, **asked(options)), as_json, "networks")


app.command()(select)


@app.command()
def evaluate(
    run: RunArgument,
    data: DataOption = None,
    tta: ViewsOption = None,
    device: DeviceOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open the sealed test set: figures with 95 % intervals, each opening written to the ledger."""
    from percept.cli.screen import Screen, figures_table

    screen = Screen(as_json)
    from percept.workflow.evaluate import evaluate as run_evaluate

    result = run_evaluate(run, data=data, tta=tta, device=device, threads=threads)
    if result.opening > 1:
        screen.say(
            f"opening number {result.opening} of this test set: choices made since the first opening"
            " may have been tuned to it"
        )
    else:
        screen.say("opening number 1 of the sealed test set")
    screen.table(figures_table(f"Test, {result.samples} samples", result.figures))
    for sentence in (*result.said, result.verdict):
        screen.say(sentence)
    screen.say(f"ledger: {result.ledger}\nreport: {result.report}")
    screen.result(result.figures)


app.command()(predict)


@app.command()
def audit(
    data: Annotated[str, typer.Argument(help="Data as for percept fit.", show_default=False)],
    target: Annotated[str | None, typer.Option(help="Target column of a table; -1 is the last one.")] = None,
    test: Annotated[str | None, typer.Option(help="Your own test file or folder.")] = None,
    task: Annotated[TaskName | None, typer.Option(help="What the target is.", show_default="by the target")] = None,
    group: Annotated[str | None, typer.Option(help="Column whose equal values belong together.")] = None,
    header: Annotated[bool | None, typer.Option("--header/--no-header", show_default="noticed")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with the data, before an hour is spent on it."""
    from percept.cli.screen import Screen, decoding

    screen = Screen(as_json)
    from percept.workflow.audit import audit as run_audit

    with decoding(screen) as progress:
        result = run_audit(data, target, test=test, task=task, group=group, header=header, progress=progress)
    for note in result.notes:
        screen.say(f"- {note}")
    styles = {"error": "bold red", "warning": "yellow", "note": ""}
    for finding in result.findings:
        screen.say(f"{finding.severity}: {finding.text}", styles[finding.severity])
        for file in finding.files[:5]:
            screen.say(f"    {file}")
        if len(finding.files) > 5:
            screen.say(f"    and {len(finding.files) - 5} more (--json lists them all)")
    if not any(finding.severity != "note" for finding in result.findings):
        screen.say("nothing is wrong with the data")
    screen.result(result.to_json())


@app.command()
def report(run: RunArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Write the report of a run again."""
    from percept.cli.screen import Screen

    screen = Screen(as_json)
    from percept.workflow.report import report as run_report

    path = run_report(run, data=data)
    screen.say(f"report: {path}")
    screen.result({"report": str(path)})


app.command("preview-augment")(preview_augment)
app.command()(networks.models)
app.command()(networks.inspect)
app.command()(networks.densify)


def run() -> None:
    """Run the command: an error of the user's is one sentence and exit code 2, Ctrl-C exit code 130."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name no terminal can show is no reason to stop
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `percept ... | head` ends quietly
    stop_on_signals()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            app()
    except PerceptError as error:
        _fail(str(error), 2)
    except Stopped as stopped:
        _fail("stopped", stopped.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}; nothing that was there has been changed", 2)
    except MemoryError:
        _fail("the memory is full; take smaller pictures (--image-size), a smaller --batch-size, or fewer samples", 2)
    finally:
        ignore_signals()


def _fail(sentence: str, code: int) -> Never:
    typer.echo(f"percept: {sentence}", err=True)
    sys.exit(code)


def _show_warning(message: Any, category: type[Warning], *place: Any) -> None:
    if issubclass(category, PerceptWarning):  # what libraries warn of is of no use to someone at the command line
        typer.echo(f"percept: {message}", err=True)


def main(arguments: list[str]) -> Any:
    """Run the command in this process, for tests and documents.

    Args:
        arguments: what follows `percept` on the command line.
    """
    return app(arguments, standalone_mode=False, prog_name="percept")
