"""Differences between models over their seeds: a point a seed, the mean, and its 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipeline.analysis.results import SeedComparison
from pipeline.formatting import signed_points
from pipeline.report.differences import MEASURES, relevant, signed_range
from pipeline.report.figures.palette import BAND, INK, SERIES
from pipeline.report.figures.svg import draw, short

WIDTH, ROW_HEIGHT, REST = 4.4, 0.9, 0.65
LEAST = 0.001  # the axis reaches a tenth of a point to either side at least


def draw_difference_plot(name: str, comparisons: Sequence[SeedComparison]) -> Markup | None:
    """One row a comparison; what lies in the shaded band is too small to matter. None without comparisons."""
    if not comparisons:
        return None
    reach = 1.12 * max(LEAST, *(abs(value) for each in comparisons for value in values_of(each)))

    def paint(axes: Axes) -> None:
        for row, each in enumerate(comparisons):
            least = relevant(each)
            if least is not None:
                axes.add_patch(Rectangle((-least, row - 0.24), 2 * least, 0.66, color=BAND, linewidth=0))
            seeds = len(each.differences)
            for place, difference in enumerate(each.differences):
                offset = (place - (seeds - 1) / 2) * min(0.1, 0.36 / max(seeds, 1))
                axes.plot([difference], [row - 0.06 + offset], "o", color=INK, markersize=4, fillstyle="none")
            if each.bootstrap is not None:
                axes.plot(
                    [each.bootstrap.low, each.bootstrap.high], [row + 0.3] * 2, color=SERIES[1], linewidth=1.4
                )
            if each.t_interval is not None:
                axes.plot(
                    [each.t_interval.low, each.t_interval.high], [row + 0.2] * 2, color=SERIES[0], linewidth=3
                )
            axes.plot([each.mean], [row + 0.2], "D", color=SERIES[0], markersize=6)
            label = f"{short(each.first)} − {short(each.second)}, {MEASURES[each.measure]}"
            axes.text(-reach, row - 0.38, label, ha="left", va="center_baseline", color=INK, fontsize=8.5)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(len(comparisons) - 0.5, -0.5)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.set_xlabel("percentage points")
        axes.grid(axis="x")
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)

    size = (WIDTH, REST + ROW_HEIGHT * len(comparisons))
    return draw(f"differences-{name}", describe(comparisons), size, paint)


def tick(value: float) -> str:
    """A difference on the axis, in points: "+0.5", "0"."""
    return f"{value * 100:+.4g}".replace("-", "−") if abs(value) > 1e-9 else "0"


def values_of(comparison: SeedComparison) -> list[float]:
    """Everything of the comparison that the axis has to hold."""
    ends = [
        end
        for interval in (comparison.t_interval, comparison.bootstrap)
        if interval is not None
        for end in (interval.low, interval.high)
    ]
    return [*comparison.differences, comparison.mean, *ends, relevant(comparison) or 0.0]


def describe(comparisons: Sequence[SeedComparison]) -> str:
    """The figure in words."""
    parts = [
        f"{each.first} minus {each.second}, {MEASURES[each.measure]}: mean {signed_points(each.mean)} points over "
        f"{len(each.seeds)} seeds, 95 % over seeds {signed_range(each.t_interval)}, over seeds and images "
        f"{signed_range(each.bootstrap)}"
        for each in comparisons
    ]
    return f"Interval chart of differences. {'; '.join(parts)}."
