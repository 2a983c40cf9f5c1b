"""Turns a matplotlib figure into SVG that can stand inside an HTML page: themed, described, deterministic."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pipeline.report.figures.palette import GRID, INK, MUTED, VARIABLES

SETTINGS: Any = {
    # Ids would otherwise be random; text stays text, in the page's font; no name is read as a formula.
    "svg.hashsalt": "report",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}

_REFERENCE = re.compile(r'(?:xlink:href="|url\()#([^")]+)')
_COLOR = re.compile(r"#[0-9a-f]{6}")


def draw(name: str, description: str, size: tuple[float, float], paint: Callable[[Axes], None]) -> Markup:
    """The SVG of a figure with one pair of axes, `size` inches wide and high, that `paint` draws on.

    `name` is unique on the page and makes the ids so; `description` is what a screen reader says.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # whatever the user has in a matplotlibrc
        mpl.rcParams.update(SETTINGS)
        # The browser has its own fonts: what matplotlib's lacks is no news.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        figure = Figure(figsize=size)
        FigureCanvasSVG(figure)
        paint(figure.subplots())
        # Given layout="constrained" savefig draws it all twice, though the layout needs only the texts' sizes.
        ConstrainedLayoutEngine().execute(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return inline(buffer.getvalue(), name, description)


def short(text: str, most: int = 18) -> str:
    """`text` cut to `most` characters: a label must leave room for the drawing. The tables have it whole."""
    return text if len(text) <= most else text[: most - 1] + "…"


def inline(svg: str, name: str, description: str) -> Markup:
    """The svg element alone: described, with ids that are unique on the page and the colours of the page."""
    root = ElementTree.fromstring(svg)
    referred = set(_REFERENCE.findall(svg))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # inside HTML, SVG needs no namespaces
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        if attributes.get("id") not in referred:
            attributes.pop("id", None)  # most ids serve editors only
        element.attrib.clear()
        element.attrib.update({key: localize(key, value, name) for key, value in attributes.items()})
        if element.tag != "text":
            element.text = None
        element.tail = None
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "aria-label": description})
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def localize(key: str, value: str, name: str) -> str:
    """An attribute's value with ids prefixed by `name`, and stand-ins for colours replaced by variables."""
    match key:
        case "id":
            return f"{name}-{value}"
        case "href":
            return value.replace("#", f"#{name}-")
        case "clip-path":
            return value.replace("url(#", f"url(#{name}-")
        case "d":
            return " ".join(value.split())
        case "style":
            return _COLOR.sub(lambda color: VARIABLES.get(color[0], color[0]), value)
        case _:
            return value
