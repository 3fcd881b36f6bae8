"""A matplotlib figure as an SVG that stands in a page beside others: own ids, real text, a title to be read aloud."""

import io
import re
import threading
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

from matplotlib import style
from matplotlib.figure import Figure

from percept.report.wording import printable

POINTS_PER_INCH = 72
COLUMN = 330.0
"""Width of a figure that fits a phone without shrinking its letters below reading size, points."""

# Okabe and Ito's colors, told apart by the color-blind; each curve has its own dash or marker, too.
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
INK, QUIET, FAINT = "#1d2733", "#5b6773", "#dfe4ea"

STYLE = {
    "axes.edgecolor": QUIET,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "figure.facecolor": "none",
    "font.size": 10.0,
    "grid.color": FAINT,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.0,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",  # letters stay letters: they can be searched, read aloud, and take the page's font
    "svg.hashsalt": "percept",  # ids do not change from one drawing to the next
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$5 note$"
    "xtick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.color": QUIET,
    "ytick.labelcolor": INK,
}
# Some of matplotlib's settings can only be given globally, so two drawings take turns.
DRAWING = threading.Lock()


def inline_svg(
    draw: Callable[[Figure], None],
    *,
    name: str,
    title: str,
    description: str,
    width: float = COLUMN,
    height: float = 230.0,
) -> str:
    """Draw a figure and return it as SVG for a page.

    Args:
        draw: draws on an empty figure.
        name: what its ids begin with; each figure of a page needs its own.
        title: what it shows.
        description: what a listener should know of it.
        width: width in points.
        height: height in points.

    Returns:
        An svg element, the same for the same drawing, whatever the user's own matplotlib settings.
    """
    target = io.StringIO()
    with DRAWING, style.context(["default", STYLE]), warnings.catch_warnings():
        # The browser has the letters that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH))
        draw(figure)
        figure.savefig(target, format="svg", dpi=200, metadata={"Date": None})
    root = ElementTree.fromstring(target.getvalue())
    strip_for_page(root)
    own_ids(root, name)
    for tag, text in (("desc", description), ("title", title)):
        element = ElementTree.Element(tag, {"id": f"{name}-{tag}"})
        element.text = printable(text)
        root.insert(0, element)
    root.attrib.update(
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc",
            "class": "wide" if width > 1.1 * COLUMN else "narrow",
            "style": "stroke-linejoin:round;stroke-linecap:butt",
            "width": f"{width * 96 / POINTS_PER_INCH:.0f}",
            "height": f"{height * 96 / POINTS_PER_INCH:.0f}",
        }
    )
    return ElementTree.tostring(root, encoding="unicode")


def strip_for_page(root: ElementTree.Element) -> None:
    """Take out the name spaces, the metadata, and the style sheet, which would reach out over the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update(attributes)


def own_ids(root: ElementTree.Element, name: str) -> None:
    """Begin every id that is referred to with `name`, and take out the others."""
    reference = re.compile(r"^#(\S+)$|url\(#([^)]+)\)")
    known = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    used: set[str] = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            found = {one or other for one, other in reference.findall(value)} & known
            for identifier in found:
                value = value.replace(f"#{identifier}", f"#{name}-{identifier}")
            element.attrib[key] = value
            used |= found
    for element in root.iter():
        identifier = element.attrib.pop("id", "")
        if identifier in used:
            element.set("id", f"{name}-{identifier}")
