"""When each step of the execution ran: one bar a step, so that what ran at the same time is seen to."""

from __future__ import annotations

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.formatting import duration
from pipeline.report.figures.palette import INK, MARKERS, MUTED, SERIES
from pipeline.report.figures.svg import draw, short

WIDTH, ROW_HEIGHT, REST = 4.4, 0.4, 0.5
COLORS = {"Processing": SERIES[2], "Training": SERIES[0]}


def draw_timeline(record: ExecutionRecord) -> Markup | None:
    """None when no step ran."""
    ran = [step for step in record.steps if step.started_at is not None and step.ended_at is not None]
    if not ran:
        return None
    start = min(step.started_at for step in ran if step.started_at is not None)
    end = max(step.ended_at for step in ran if step.ended_at is not None)
    span = max(end - start, 0.001)

    def paint(axes: Axes) -> None:
        for row, step in enumerate(ran):
            begin = (step.started_at or start) - start
            seconds = step.seconds or 0.0
            color = COLORS.get(step.type, MUTED)
            if step.cached:
                axes.plot([begin], [row + 0.22], MARKERS[2], color=color, markersize=4)
            else:
                axes.barh(row + 0.22, max(seconds, span / 400), left=begin, height=0.26, color=color)
            late = begin > 0.6 * span
            axes.text(
                begin + seconds if late else begin,
                row - 0.14,
                f"{short(step.name, 32)} · {took(step)}",
                ha="right" if late else "left",
                va="center_baseline",
                fontsize=8.5,
                color=INK,
            )
        axes.set_xlim(-0.01 * span, 1.01 * span)
        axes.set_ylim(len(ran) - 0.45, -0.5)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 1.5, 3, 6, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: tick(seconds)))
        axes.grid(axis="x")
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)

    parts = [
        f"{step.name} {took(step)}, {duration((step.started_at or start) - start)} after the first"
        for step in ran
    ]
    return draw(
        "timeline",
        f"Bar chart of when the steps ran: {'; '.join(parts)}.",
        (WIDTH, REST + ROW_HEIGHT * len(ran)),
        paint,
    )


def tick(seconds: float) -> str:
    """A time on the axis; whole minutes need no seconds."""
    if seconds and seconds % 60 == 0 and seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return duration(seconds) if seconds else "0"


def took(step: StepRecord) -> str:
    """How long the step took."""
    return "reused" if step.cached else duration(step.seconds)
