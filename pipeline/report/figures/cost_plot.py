"""Accuracy against cost: one point a training, with the interval of its accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator, PercentFormatter

from pipeline.analysis.evaluation import Candidate, names_of
from pipeline.analysis.results import Analysis
from pipeline.formatting import percent
from pipeline.report.figures.learning_curves import model_handles
from pipeline.report.figures.palette import series_of
from pipeline.report.figures.svg import draw

WIDTH, HEIGHT, LEGEND_ROW = 3.4, 2.35, 0.17  # inches
LEGEND_COLUMNS = 2  # a third would not fit for the longer names


@dataclass(frozen=True)
class Measure:
    """What a training costs: the key in evaluation.json, and how the axis calls it."""

    key: str
    title: str
    unit: str


MEASURES = (
    Measure("forward_flops", "FLOPs of one forward pass", "FLOPs, one image"),
    Measure("train_seconds", "Training time", "seconds"),
    Measure("params", "Parameters", "parameters"),
)


def draw_cost_plot(measure: Measure, candidates: Sequence[Candidate], analysis: Analysis) -> Markup | None:
    """Test accuracy over the cost, on a logarithmic axis; None when no training has that cost."""
    names = names_of(candidates)
    known = [each for each in candidates if cost_of(each, measure) is not None]
    if not known:
        return None

    def paint(axes: Axes) -> None:
        costs = [cost_of(each, measure) or 1.0 for each in known]
        for each, cost in zip(known, costs, strict=True):
            color, marker = series_of(names, each["name"])
            found = analysis.accuracy(each["id"], "test")
            value = each["test_accuracy"]
            if found is not None:
                axes.plot([cost, cost], [found.interval.low, found.interval.high], color=color, linewidth=1.1)
            axes.plot([cost], [value], marker, color=color, markersize=6, alpha=0.9)
        axes.set_xscale("log")
        axes.set_xlim(min(costs) / 1.6, max(costs) * 1.6)
        axes.xaxis.set_major_locator(LogLocator(10, subs=subdivisions(min(costs), max(costs)), numticks=8))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.set_xlabel(measure.unit)
        axes.grid(axis="both")
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        axes.legend(
            handles=model_handles(names), loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=LEGEND_COLUMNS
        )

    size = (WIDTH, HEIGHT + LEGEND_ROW * math.ceil(len(names) / LEGEND_COLUMNS))
    return draw(f"cost-{measure.key}", describe(measure, known), size, paint)


def cost_of(candidate: Candidate, measure: Measure) -> float | None:
    """The cost, if it is known and can stand on a logarithmic axis."""
    value = candidate.get(measure.key)
    return float(value) if isinstance(value, (int, float)) and value > 0 else None


def subdivisions(low: float, high: float) -> tuple[float, ...]:
    """Where an axis from `low` to `high` has its ticks within each power of ten: fewer, the further it reaches."""
    return (1.0,) if high / low > 30 else (1.0, 2.0, 5.0)


def short_number(value: float) -> str:
    """A number on an axis: "200 k", "7 M"."""
    for least, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= least:
            return f"{value / least:g}{unit}"
    return f"{value:g}"


def describe(measure: Measure, candidates: Sequence[Candidate]) -> str:
    """The figure in words."""
    parts = [
        f"{each['id']} {short_number(float(f'{cost_of(each, measure):.3g}'))} and {percent(each['test_accuracy'])}"
        for each in candidates
    ]
    return f"Scatter chart of test accuracy over {measure.title[0].lower()}{measure.title[1:]}: {'; '.join(parts)}."
