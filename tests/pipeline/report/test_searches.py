"""The report's section about searches: what was found, its figures, and its absence without a search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.report.figures.trial_plot import best_so_far, draw_best_so_far, draw_by_parameter
from pipeline.report.searches import SearchRow, searches_content
from pipeline.trials import SearchResult, search_in


def summary(
    step: str, number: int, value: float | None, status: str = "Completed", **tuned: str
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "TrainingJobName": f"abc-{step}-{number:03d}-0a1b2c3d",
        "TunedHyperParameters": tuned,
        "TrainingJobStatus": status,
    }
    if value is not None:
        metric = {"Type": "Maximize", "MetricName": "validation_accuracy", "Value": value}
        found["FinalHyperParameterTuningJobObjectiveMetric"] = metric
    return found


def step(name: str, *summaries: dict[str, Any]) -> StepRecord:
    objective = {"Type": "Maximize", "MetricName": "validation_accuracy"}
    config = {"HyperParameterTuningJobObjective": objective}
    return StepRecord(
        name,
        "Tuning",
        "Succeeded",
        properties={"HyperParameterTuningJobConfig": config, "TrainingJobSummaries": list(summaries)},
    )


FOUND = step(
    "Tune-a",
    summary("a", 3, 0.93, rate="0.01", size="128", kind="x"),
    summary("a", 1, 0.9, rate="0.0001", size="64", kind="y"),
    summary("a", 2, 0.85, "Stopped", rate="0.5", size="64", kind="x"),
    summary("a", 4, None, "Failed", rate="0.2", size="64", kind="x"),
)


def result(record: StepRecord = FOUND) -> SearchResult:
    found = search_in(record)
    assert found is not None
    return found


def record(*steps: StepRecord) -> ExecutionRecord:
    return ExecutionRecord("a1b2", "p", "local", "Succeeded", {}, 0.0, 1.0, steps=steps)


def test_the_best_so_far_goes_by_the_numbers_of_trials() -> None:
    assert best_so_far(result()) == [(1, 0.9), (2, 0.9), (3, 0.93)]
    least = replace(result(), maximize=False)
    assert best_so_far(least) == [(1, 0.9), (2, 0.85), (3, 0.85)]


def test_the_table_has_what_was_found() -> None:
    content = searches_content(record(FOUND, StepRecord("Evaluate", "Processing")))
    assert content["searches"] == [
        SearchRow("Tune-a", 4, 1, 1, "93.00 %", {"rate": "0.01", "size": "128", "kind": "x"})
    ]
    figures = content["search_figures"]
    assert isinstance(figures, list)
    assert [title for title, _ in figures] == ["Best so far", "By kind", "By rate", "By size"]


def test_an_execution_without_searches_has_no_section() -> None:
    content = searches_content(record(StepRecord("Evaluate", "Processing")))
    assert (content["searches"], content["search_figures"]) == ([], [])


@pytest.mark.parametrize(
    ("name", "ticks"), [("rate", ["0.0001", "0.01"]), ("size", ["64", "128"]), ("kind", ["x", "y"])]
)
def test_an_axis_fits_its_values(name: str, ticks: list[str]) -> None:
    figure = draw_by_parameter([result()], name)
    assert figure is not None
    for tick in ticks:
        assert f">{tick}</text>" in figure
    assert f"Scatter chart of validation_accuracy by {name}: Tune-a " in figure


def test_the_figures_say_what_they_show() -> None:
    figure = draw_best_so_far([result()])
    assert figure is not None
    assert "Tune-a ends at 93.00 % after 3 trials" in figure
    assert draw_best_so_far([result(step("Tune-b", summary("b", 1, None, "Failed")))]) is None
    assert draw_by_parameter([result()], "nothing") is None
