"""The candidates' accuracies on one split, as points over the case study's bands."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from pipeline.analysis.case_study import SPLIT_NAMES, SPLITS, Split, reference_for
from pipeline.analysis.evaluation import Candidate, measured, names_of
from pipeline.analysis.results import Analysis
from pipeline.formatting import percent
from pipeline.report.figures.palette import BAND, INK, series_of
from pipeline.report.figures.svg import draw, short

WIDTH, ROW_HEIGHT, REST = 3.4, 0.5, 0.55


def draw_band_plot(split: Split, candidates: Sequence[Candidate], analysis: Analysis) -> Markup:
    """One row a model, one point a seed with its interval; the axis is the same for every split."""
    names = names_of(candidates)
    low, high = limits(candidates, analysis)

    def paint(axes: Axes) -> None:
        for row, name in enumerate(names):
            reference = reference_for(name)
            if reference is not None:
                band = reference.band(split)
                axes.add_patch(
                    Rectangle((band.low, row - 0.36), band.high - band.low, 0.72, color=BAND, linewidth=0)
                )
            color, marker = series_of(names, name)
            trainings = [each for each in candidates if each["name"] == name]
            values = [measured(each, split) for each in trainings]
            for place, (each, value) in enumerate(zip(trainings, values, strict=True)):
                height = row + (place - (len(values) - 1) / 2) * min(0.16, 0.6 / len(values))
                found = analysis.accuracy(each["id"], split)
                if found is not None:
                    ends = [found.interval.low, found.interval.high]
                    axes.plot(ends, [height] * 2, color=color, linewidth=1.2)
                axes.plot([value], [height], marker, color=color, markersize=5.5, alpha=0.9)
            if len(values) == 1:
                right = values[0] > low + 0.75 * (high - low)
                axes.annotate(
                    percent(values[0]),
                    (values[0], row),
                    xytext=(-3 if right else 3, 9),
                    textcoords="offset points",
                    ha="right" if right else "left",
                    va="center_baseline",
                    color=INK,
                    fontsize=8.5,
                )
        axes.set_xlim(low, high)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks(range(len(names)), [short(name) for name in names])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], min_n_ticks=3))
        axes.grid(axis="x")
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)

    size = (WIDTH, REST + ROW_HEIGHT * len(names))
    return draw(f"bands-{split}", describe(split, candidates), size, paint)


def limits(candidates: Sequence[Candidate], analysis: Analysis) -> tuple[float, float]:
    """An axis that holds every accuracy, its interval and every band that applies, with some room."""
    values = [measured(each, split) for each in candidates for split in SPLITS]
    values += [end for each in analysis.accuracies for end in (each.interval.low, each.interval.high)]
    for each in candidates:
        reference = reference_for(each["name"])
        if reference is not None:
            values += [
                end for split in SPLITS for end in (reference.band(split).low, reference.band(split).high)
            ]
    room = max(0.08 * (max(values) - min(values)), 0.005)
    return min(values) - room, max(values) + room


def describe(split: Split, candidates: Sequence[Candidate]) -> str:
    """The figure in words."""
    parts = []
    for each in candidates:
        reference = reference_for(each["name"])
        study = "" if reference is None else f" (case study {reference.band(split)})"
        parts.append(f"{each['id']} {percent(measured(each, split))}{study}")
    return f"Point chart of {SPLIT_NAMES[split]} accuracy: {'; '.join(parts)}."
