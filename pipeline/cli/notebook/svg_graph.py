"""Draws the graph of a compiled definition as SVG, each step with its state and the latest words on it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from pipeline.cli.notebook.progress import WAITING
from pipeline.formatting import plural
from pipeline.printable import printable
from pipeline.spec.definition import Definition, Trigger
from pipeline.spec.dependencies import dependencies
from pipeline.view.states import State

CHARACTER, HEIGHT, MARGIN, BETWEEN_ROWS, BETWEEN_COLUMNS = 7.6, 42, 8, 12, 60  # pixels
NARROWEST = 180  # pixels: room for "✓ succeeded after 1 min 21 s"
MOST_WORDS = 29  # characters
# Colours of Okabe and Ito, readable on a light and on a dark page; symbol and word say the same.
COLORS = {
    "running": "#0072b2",
    "starting": "#0072b2",
    "succeeded": "#009e73",
    "reused": "#009e73",
    "failed": "#d55e00",
    "stopped": "#e69f00",
    "stopping": "#e69f00",
}
# What stands on the edge to a step that runs on this end of the step before.
TRIGGERS: Mapping[Trigger, str] = {
    "Completed": "",
    "Failed": "failed",
    "Stopped": "stopped",
    "Any": "any end",
}


@dataclass(frozen=True)
class Box:
    """A step's place: `x`, `y` are its upper left corner, in pixels."""

    name: str
    type: str
    x: float
    y: float
    width: float

    @property
    def entry(self) -> tuple[float, float]:
        """Where edges come in: the middle of its left side."""
        return self.x, self.y + HEIGHT / 2

    @property
    def exit(self) -> tuple[float, float]:
        """Where edges go out: the middle of its right side."""
        return self.x + self.width, self.y + HEIGHT / 2


@dataclass(frozen=True)
class Graph:
    """Boxes by step; `edges` are (step, step that waits for it, label), without those that others imply."""

    boxes: Mapping[str, Box]
    edges: tuple[tuple[str, str, str], ...]
    width: float
    height: float


def lay_out(definition: Definition) -> Graph:
    """One column for each number of steps that must have ended before; edges run from left to right.

    Raises:
        CycleError: steps wait for each other, which parse_definition refuses.
    """
    waits_for = dependencies(definition)
    columns: dict[str, int] = {}
    for name in TopologicalSorter(waits_for).static_order():
        columns[name] = max((columns[other] + 1 for other in waits_for[name]), default=0)
    steps = [
        [step for step in definition.steps if columns[step.name] == column]
        for column in range(max(columns.values(), default=-1) + 1)
    ]
    tallest = max((len(column) for column in steps), default=0)
    boxes: dict[str, Box] = {}
    x = float(MARGIN)
    for column in steps:
        width = max(NARROWEST, max(len(step.name) for step in column) * CHARACTER + 20)
        y = MARGIN + (tallest - len(column)) * (HEIGHT + BETWEEN_ROWS) / 2
        for step in column:
            boxes[step.name] = Box(step.name, step.type, x, y, width)
            y += HEIGHT + BETWEEN_ROWS
        x += width + BETWEEN_COLUMNS
    labels = {
        (dependency.step, step.name): TRIGGERS[dependency.trigger]
        for step in definition.steps
        for dependency in step.depends_on
    } | {
        (branch.condition_step, step.name): "met" if branch.taken else "missed"
        for step in definition.steps
        for branch in step.branch
    }
    edges = [
        (before, after, labels.get((before, after), ""))
        for after, direct in _needed(waits_for).items()
        for before in sorted(direct, key=list(boxes).index)
    ]
    height = 2 * MARGIN + tallest * (HEIGHT + BETWEEN_ROWS) - BETWEEN_ROWS
    return Graph(boxes, tuple(edges), x - BETWEEN_COLUMNS + MARGIN, height)


def _needed(waits_for: Mapping[str, frozenset[str]]) -> dict[str, set[str]]:
    """`waits_for` without the steps that another of them waits for anyway."""
    earlier: dict[str, set[str]] = {}
    for name in TopologicalSorter(waits_for).static_order():
        earlier[name] = set().union(*(earlier[other] | {other} for other in waits_for[name]))
    return {
        name: {each for each in direct if not any(each in earlier[other] for other in direct)}
        for name, direct in waits_for.items()
    }


def draw(
    graph: Graph, states: Mapping[str, State] | None = None, words: Mapping[str, str] | None = None
) -> str:
    """The SVG element; `states` and `words` say what is known of the steps, nothing before a run."""
    arrows = "".join(_draw_edge(graph, *edge) for edge in graph.edges)
    boxes = "".join(
        _draw_box(box, None if states is None else states.get(name, WAITING), (words or {}).get(name, ""))
        for name, box in graph.boxes.items()
    )
    summary = f"Graph of {plural(len(graph.boxes), 'step')}: {', '.join(graph.boxes)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {graph.width:g} {graph.height:g}" '
        f'style="width: 100%; max-width: {graph.width:g}px; height: auto; font: 12px system-ui, sans-serif" '
        f'role="img" aria-label="{html.escape(printable(summary))}">{arrows}{boxes}</svg>'
    )


def _draw_edge(graph: Graph, before: str, after: str, label: str) -> str:
    (x1, y1), (x2, y2) = graph.boxes[before].exit, graph.boxes[after].entry
    middle = (x1 + x2) / 2
    line = (
        f'<path d="M{x1:g} {y1:g} C{middle:g} {y1:g} {middle:g} {y2:g} {x2 - 5:g} {y2:g}" fill="none" '
        'stroke="currentColor" stroke-opacity="0.45"/>'
        f'<path d="M{x2 - 7:g} {y2 - 4:g} L{x2:g} {y2:g} L{x2 - 7:g} {y2 + 4:g} Z" fill="currentColor" '
        'fill-opacity="0.6"/>'
    )
    if not label:
        return line
    return (
        f'{line}<text x="{middle:g}" y="{min(y1, y2) - 6:g}" text-anchor="middle" font-size="10" '
        f'fill="currentColor">{label}</text>'
    )


def _draw_box(box: Box, state: State | None, words: str) -> str:
    color = "currentColor" if state is None else COLORS.get(state.word, "currentColor")
    below = box.type if state is None else f"{state.symbol} {shorten(words or state.word)}"
    dashes = ' stroke-dasharray="4 3"' if box.type in ("Fail", "Condition") else ""
    return (
        f"<g><title>{html.escape(printable(f'{box.name} ({box.type}) {words}'))}</title>"
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{HEIGHT}" rx="6" fill="{color}" '
        f'fill-opacity="{0.08 if color == "currentColor" else 0.2}" stroke="{color}"{dashes}/>'
        f'<text x="{box.x + 10:g}" y="{box.y + 17:g}" font-weight="600" fill="currentColor">'
        f"{html.escape(printable(box.name))}</text>"
        f'<text x="{box.x + 10:g}" y="{box.y + 33:g}" font-size="10.5" fill="currentColor">'
        f"{html.escape(printable(below))}</text></g>"
    )


def shorten(words: str) -> str:
    """`words` as they fit into a box: an epoch's line without its figures, which the list below the graph has."""
    first = words.partition(",")[0].partition(":")[0]
    return first if len(first) <= MOST_WORDS else first[: MOST_WORDS - 1] + "…"
