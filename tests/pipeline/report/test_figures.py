from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pipeline.report.differences import declared
from pipeline.report.figures.confusion_matrix import draw_small_confusion
from pipeline.report.figures.cost_plot import MEASURES, draw_cost_plot, short_number, subdivisions
from pipeline.report.figures.difference_plot import draw_difference_plot, tick
from pipeline.report.figures.reliability_diagram import draw_confidence_histogram, draw_reliability_diagram
from pipeline.report.figures.svg import draw
from tests.pipeline.report.conftest import Run

Make = Callable[..., Any]


def label(svg: Any) -> str:
    found = re.search(r'aria-label="([^"]*)"', str(svg))
    assert found is not None
    return found[1]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.key)
def test_accuracy_is_drawn_against_every_cost(measure: Any, run: Run) -> None:
    figure = draw_cost_plot(measure, run.evaluation["candidates"], run.analysis)
    assert figure is not None
    assert label(figure).startswith("Scatter chart of test accuracy over ")
    assert "cnn-5x5-2 " in label(figure)


def test_a_cost_that_no_training_recorded_has_no_figure(make_evaluation: Make, run: Run) -> None:
    assert draw_cost_plot(MEASURES[0], make_evaluation()["candidates"], run.analysis) is None


@pytest.mark.parametrize("value", [0, None, "much"])
def test_a_cost_that_cannot_stand_on_the_axis_is_left_out(value: Any, run: Run) -> None:
    candidates: Any = [
        {**each, "params": value if each["name"] == "baseline" else 7}
        for each in run.evaluation["candidates"]
    ]
    assert "baseline" not in label(draw_cost_plot(MEASURES[2], candidates, run.analysis))


def test_an_axis_over_several_powers_of_ten_has_fewer_ticks() -> None:
    assert subdivisions(200_000, 13_000_000) == (1.0,)
    assert subdivisions(100_000, 215_000) == (1.0, 2.0, 5.0)


def test_differences_are_drawn_with_both_intervals_and_said_in_words(run: Run) -> None:
    figure = draw_difference_plot("kernel", declared(run.analysis, baseline=False))
    words = label(figure)
    assert "cnn-3x3 minus cnn-5x5, test accuracy: mean " in words
    assert "points over 3 seeds, 95 % over seeds " in words


def test_a_difference_without_intervals_is_drawn_too(run: Run) -> None:
    (first, *_) = declared(run.analysis, baseline=False)
    bare = replace(first, differences=(0.0,), mean=0.0, t_interval=None, bootstrap=None)
    assert "over seeds –" in label(draw_difference_plot("kernel", [bare]))
    assert draw_difference_plot("kernel", []) is None


def test_many_seeds_stay_within_their_row(run: Run) -> None:
    (first, *_) = declared(run.analysis, baseline=False)
    assert draw_difference_plot("kernel", [replace(first, differences=tuple(i / 1e4 for i in range(50)))])


def test_reliability_is_said_in_words(run: Run) -> None:
    calibration = run.analysis.calibration("cnn-3x3-0")
    assert calibration is not None
    words = label(draw_reliability_diagram(calibration))
    assert words.startswith("Reliability diagram of cnn-3x3-0. Expected calibration error ")
    assert "right" in words
    assert "Histogram of how sure cnn-3x3-0 is" in label(draw_confidence_histogram(calibration))


def test_a_small_confusion_matrix_has_no_words_but_its_description() -> None:
    figure = draw_small_confusion([[5, 1], [0, 6]], 0, "Confusion matrix of a-0")
    assert "<text" not in figure
    assert label(figure) == "Confusion matrix of a-0: 11 of 12 images on the diagonal, that is, right."


def test_a_figure_is_drawn_once() -> None:
    drawn = []

    class Counted(Line2D):
        def draw(self, renderer: Any) -> None:
            drawn.append(self)
            super().draw(renderer)

    def paint(axes: Axes) -> None:
        axes.add_line(Counted([0, 1], [0, 1]))

    assert "<path" in draw("counted", "A line.", (2, 2), paint)
    assert len(drawn) == 1


def test_numbers_on_axes_are_short() -> None:
    assert [short_number(value) for value in (5, 200_000, 7e6, 2e9)] == ["5", "200 k", "7 M", "2 G"]
    assert [tick(value) for value in (-0.005, 0.0, 0.01)] == ["−0.5", "0", "+1"]
