"""Learning curves: a metric by epoch, of every training, on the training and the validation split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipeline.analysis.case_study import Split
from pipeline.analysis.evaluation import Candidate, Metric, measured, names_of
from pipeline.formatting import plural
from pipeline.report.figures.palette import MUTED, series_of
from pipeline.report.figures.svg import draw, short

SIZE = (4.2, 3.1)
MOST_MARKERS = 25
STYLES: Mapping[Split, str] = {"validation": "-", "train": "--"}


def draw_learning_curves(metric: Metric, candidates: Sequence[Candidate]) -> Markup:
    """`metric` is "accuracy" or "loss"; `candidates` are those of evaluation.json, one line each a split."""
    names = names_of(candidates)

    def paint(axes: Axes) -> None:
        for each in candidates:
            color, marker = series_of(names, each["name"])
            epochs = [row["epoch"] for row in each["history"]]
            for split, style in STYLES.items():
                values = [measured(row, split, metric) for row in each["history"]]
                solid = split == "validation"
                # A single epoch has no line: then the training has a point, too, a hollow one.
                marked = len(epochs) <= MOST_MARKERS if solid else len(epochs) == 1
                axes.plot(
                    epochs,
                    values,
                    style,
                    color=color,
                    marker=marker if marked else "",
                    fillstyle="full" if solid else "none",
                    markersize=4.5,
                    linewidth=1.7 if solid else 1.1,
                )
        axes.set_xlabel("epoch")
        last = max((row["epoch"] for each in candidates for row in each["history"]), default=1)
        axes.set_xlim(1 - 0.04 * last, last * 1.04)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if metric == "accuracy":
            axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.4g} %"))
        axes.grid(axis="y")
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        axes.legend(handles=legend(names), loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)

    return draw(f"curves-{metric}", describe(metric, candidates), SIZE, paint)


def legend(names: Sequence[str]) -> list[Line2D]:
    """One entry a model, and one a kind of line."""
    handles = model_handles(names, linewidth=1.7)
    handles.append(Line2D([], [], color=MUTED, linewidth=1.7, label="validation"))
    handles.append(Line2D([], [], color=MUTED, linewidth=1.1, linestyle="--", label="training"))
    return handles


def model_handles(names: Sequence[str], linewidth: float = 0.0) -> list[Line2D]:
    """A legend's entries, one a model; without a line where figures draw points only."""
    handles = []
    for name in names:
        color, marker = series_of(list(names), name)
        style: Literal["-", "none"] = "-" if linewidth else "none"
        handles.append(
            Line2D(
                [],
                [],
                color=color,
                marker=marker,
                markersize=4.5,
                linewidth=linewidth,
                linestyle=style,
                label=short(name),
            )
        )
    return handles


def describe(metric: Metric, candidates: Sequence[Candidate]) -> str:
    """The figure in words: where each validation curve begins and ends."""
    parts = [
        f"{each['id']} from {measured(each['history'][0], 'validation', metric):.3f} "
        f"to {measured(each['history'][-1], 'validation', metric):.3f} in {plural(len(each['history']), 'epoch')}"
        for each in candidates
        if each["history"]
    ]
    return f"Line chart of {metric} by epoch. On validation: {'; '.join(parts)}."
