"""The reliability diagram: accuracy over confidence, before and after the temperature; and the confidences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, PercentFormatter

from pipeline.analysis.results import Calibration, ReliabilityBin
from pipeline.formatting import count, percent
from pipeline.report.figures.palette import HIT, MISS, MUTED, SERIES
from pipeline.report.figures.svg import draw

SIZE = (4.2, 3.6)
FEW = 10  # images; a bin with fewer is drawn hollow


def draw_reliability_diagram(calibration: Calibration) -> Markup:
    """One training's bins; on the diagonal, probabilities are frequencies."""
    drawn: tuple[tuple[str, tuple[ReliabilityBin, ...], str, str, Literal["-", "--"]], ...] = (
        ("as served", calibration.plain.bins, SERIES[1], "s", "--"),
        (f"temperature {calibration.temperature:.3f}", calibration.calibrated.bins, SERIES[0], "o", "-"),
    )

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=":")
        for _, bins, color, marker, style in drawn:
            places = [
                (each.confidence, each.accuracy, each.images)
                for each in bins
                if each.confidence is not None and each.accuracy is not None
            ]
            axes.plot(
                [place[0] for place in places],
                [place[1] for place in places],
                style,
                color=color,
                linewidth=1.3,
            )
            for confidence, accuracy, images in places:
                fill = "none" if images < FEW else "full"
                axes.plot([confidence], [accuracy], marker, color=color, markersize=5.5, fillstyle=fill)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.set_xlabel("probability of the predicted class")
        axes.set_ylabel("share that is right")
        axes.grid(axis="both")
        axes.tick_params(length=0)
        handles = [
            Line2D([], [], color=color, marker=marker, linestyle=style, markersize=5, label=label)
            for label, _, color, marker, style in drawn
        ]
        handles.append(Line2D([], [], color=MUTED, linestyle=":", label="perfect"))
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3)

    return draw("reliability", describe(calibration), SIZE, paint)


def draw_confidence_histogram(calibration: Calibration) -> Markup:
    """How many test images lie in each of the diagram's bins, as served: right ones and wrong ones."""
    bins = calibration.plain.bins

    def paint(axes: Axes) -> None:
        for each in bins:
            right = round(each.images * (each.accuracy or 0.0))
            width = 0.86 * (each.high - each.low)
            left = each.low + 0.07 * (each.high - each.low)
            axes.bar(left, right, width, align="edge", color=HIT)
            axes.bar(left, each.images - right, width, bottom=right, align="edge", color=MISS)
        axes.set_xlim(0, 1.02)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
        axes.set_xlabel("probability of the predicted class")
        axes.set_ylabel("test images")
        axes.grid(axis="y")
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        handles = [Patch(color=HIT, label="right"), Patch(color=MISS, label="wrong")]
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)

    parts = [
        f"{count(each.images)} at {percent(each.low, 0)} to {percent(each.high, 0)}"
        for each in bins
        if each.images
    ]
    description = f"Histogram of how sure {calibration.id} is of its class on test: {'; '.join(parts)}."
    return draw("confidence", description, SIZE, paint)


def describe(calibration: Calibration) -> str:
    """The figure in words."""
    before, after = calibration.plain, calibration.calibrated
    return (
        f"Reliability diagram of {calibration.id}. Expected calibration error {percent(before.ece_equal_width)} as "
        f"served, {percent(after.ece_equal_width)} with temperature {calibration.temperature:.3f}. As served: "
        f"{spoken(before.bins)}."
    )


def spoken(bins: Sequence[ReliabilityBin]) -> str:
    """The bins that hold images, in words."""
    parts = [
        f"at {percent(each.confidence, 0)}, {percent(each.accuracy, 0)} of {each.images} right"
        for each in bins
        if each.images
    ]
    return "; ".join(parts) or "no images"
