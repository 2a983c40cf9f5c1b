"""The trials of searches: the objective by each hyperparameter, and the best so far from trial to trial."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    PercentFormatter,
)

from pipeline.formatting import percent, plural
from pipeline.report.figures.cost_plot import HEIGHT, LEGEND_COLUMNS, LEGEND_ROW, WIDTH, subdivisions
from pipeline.report.figures.palette import MUTED, series_of
from pipeline.report.figures.svg import draw, short
from pipeline.trials import SearchResult, TrialResult

# From this ratio of the largest to the smallest value on an axis is logarithmic.
_WIDE = 10.0
# So few whole numbers are each a tick.
_FEW = 4


def draw_by_parameter(searches: Sequence[SearchResult], name: str) -> Markup | None:
    """The objective of every trial by the hyperparameter `name`; None when no trial has both."""
    points = [
        (search, trial, _number(trial.tuned[name]), trial.value)
        for search in searches
        for trial in search.trials
        if name in trial.tuned and trial.value is not None
    ]
    if not points:
        return None
    words = sorted({trial.tuned[name] for _, trial, number, _ in points if number is None})
    names = [search.step for search in searches]

    def place(trial: TrialResult, number: float | None) -> float:
        return float(words.index(trial.tuned[name])) if number is None or words else number

    def paint(axes: Axes) -> None:
        for search, trial, number, value in points:
            color, marker = series_of(names, search.step)
            whole = trial.status == "Completed"
            axes.plot(
                [place(trial, number)], [value], marker, color=color, markersize=5.5 if whole else 4,
                alpha=0.9 if whole else 0.45, fillstyle="full" if whole else "none",
            )  # fmt: skip
        numbers = [number for _, _, number, _ in points if number is not None]
        if words:
            axes.set_xticks(range(len(words)), [short(word, 10) for word in words])
            axes.set_xlim(-0.5, len(words) - 0.5)
        elif min(numbers) > 0 and max(numbers) / min(numbers) >= _WIDE:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(
                LogLocator(10, subs=subdivisions(min(numbers), max(numbers)), numticks=8)
            )
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        elif len(set(numbers)) <= _FEW and all(number.is_integer() for number in numbers):
            axes.set_xticks(sorted(set(numbers)), [f"{number:g}" for number in sorted(set(numbers))])
        else:
            axes.xaxis.set_major_locator(MaxNLocator(4))
        _finish(axes, name, names)

    described = "; ".join(
        f"{search.step} {trial.tuned[name]} and {percent(value)}" for search, trial, _, value in points
    )
    text = f"Scatter chart of {points[0][0].metric} by {name}: {described}."
    return draw(f"trials-{name}", text, _size(names), paint)


def draw_best_so_far(searches: Sequence[SearchResult]) -> Markup | None:
    """The best objective after each trial, in the order of their numbers; None when no trial has any."""
    names = [search.step for search in searches]
    lines = {search.step: best_so_far(search) for search in searches}
    if not any(lines.values()):
        return None

    def paint(axes: Axes) -> None:
        for search in searches:
            color, marker = series_of(names, search.step)
            for number, trial in enumerate(search.in_order, start=1):
                if trial.value is not None:
                    axes.plot([number], [trial.value], marker, color=color, markersize=4, alpha=0.45)
            steps = lines[search.step]
            axes.step(
                [number for number, _ in steps], [value for _, value in steps], where="post", color=color
            )
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        _finish(axes, "trial", names)

    described = "; ".join(
        f"{step} ends at {percent(values[-1][1])} after {plural(values[-1][0], 'trial')}"
        for step, values in lines.items()
        if values
    )
    text = f"Line chart of the best {searches[0].metric} so far from trial to trial: {described}."
    return draw("trials-best", text, _size(names), paint)


def best_so_far(search: SearchResult) -> list[tuple[int, float]]:
    """The best objective after each trial that told one, with the trial's number."""
    found: list[tuple[int, float]] = []
    for number, trial in enumerate(search.in_order, start=1):
        if trial.value is None:
            continue
        better = max if search.maximize else min
        found.append((number, better(trial.value, found[-1][1]) if found else trial.value))
    return found


def _finish(axes: Axes, label: str, names: list[str]) -> None:
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axes.set_xlabel(label)
    axes.grid(axis="both")
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    handles = []
    for name in names:
        color, marker = series_of(names, name)
        handles.append(Line2D([], [], color=color, marker=marker, linestyle="", label=short(name)))
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=LEGEND_COLUMNS,
        labelcolor=MUTED,
    )  # fmt: skip


def _size(names: list[str]) -> tuple[float, float]:
    return WIDTH, HEIGHT + LEGEND_ROW * math.ceil(len(names) / LEGEND_COLUMNS)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
