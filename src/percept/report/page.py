"""The report as one HTML page that needs nothing beside it: no file, no network, no script."""

from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from percept.files import write_text
from percept.report.content import ReportContent
from percept.report.heatmap import ramp
from percept.report.network import cells, network_view
from percept.report.pictures import OVERLAY_SIDE, data_uri, is_small
from percept.report.selection import selection_view
from percept.report.views import count_rows, evaluation_view, lead_sentence, training_view
from percept.report.wording import (
    counted,
    metric_name,
    number,
    percent,
    printable,
    score_interval,
    score_value,
)


def render(content: ReportContent) -> str:
    """Return the whole report as HTML.

    Args:
        content: what it says; names of classes and files may hold any characters, they are escaped.

    Returns:
        A page with its style, pictures and drawings inside; the same for the same content.
    """
    validation = evaluation_view(content.validation, content) if content.validation else None
    test = evaluation_view(content.test, content) if content.test else None
    page = environment().get_template("report.html.j2")
    return page.render(
        content=content,
        data=content.data,
        rows=count_rows(content.data, content.classes),
        selection=selection_view(content.selection) if content.selection else None,
        network=network_view(content.network) if content.network else None,
        training=training_view(content.training) if content.training else None,
        validation=validation,
        test=test,
        lead=test or validation,
        sealed=sum(content.data.counts.get("test", ())) if content.data.sealed is None else content.data.sealed,
    )


def write_report(path: Path, content: ReportContent) -> Path:
    """Write the report, whole or not at all.

    Args:
        path: the file, such as runs/flowers/report.html; one that is there is replaced.
        content: what it says.

    Returns:
        The path.

    Raises:
        WriteError: the file cannot be written; one that was there is as it was.
    """
    write_text(path, render(content))
    return path


def environment() -> Environment:
    """Return the templates with the report's way of writing numbers; everything they are given is escaped."""
    made = Environment(
        loader=PackageLoader("percept", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=on_page,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        cells=cells,
        counted=counted,
        data_uri=data_uri,
        large_uri=partial(data_uri, longest_side=OVERLAY_SIDE),
        interval=score_interval,
        lead=lead_sentence,
        metric=metric_name,
        number=number,
        percent=percent,
        score=score_value,
        svg=Markup,  # drawings of ours, escaped by their writer
    )
    made.tests["small"] = is_small
    made.globals["ramp"] = ramp()
    return made


def on_page(value: object) -> object:
    """Return what the template is about to write, without the characters that no page may hold."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
