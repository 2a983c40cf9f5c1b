"""How the trials of a search are shown: in `show`, in the table of steps, and as lines."""

from __future__ import annotations

import io
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.trials import search_in
from pipeline.view.executions import print_execution
from pipeline.view.plain import PlainView
from pipeline.view.trials import best_so_far, short


def summary(number: int, rate: str, value: float | None, status: str = "Completed") -> dict[str, Any]:
    found: dict[str, Any] = {
        "TrainingJobName": f"job-{number}",
        "TunedHyperParameters": {"rate": rate, "size": "32"},
        "TrainingJobStatus": status,
    }
    if value is not None:
        metric = {"Type": "Maximize", "MetricName": "accuracy", "Value": value}
        found["FinalHyperParameterTuningJobObjectiveMetric"] = metric
    return found


def record(*summaries: dict[str, Any], status: Any = "Succeeded") -> ExecutionRecord:
    objective = {"Type": "Maximize", "MetricName": "accuracy"}
    tune = StepRecord(
        "Tune",
        "Tuning",
        status,
        properties={
            "HyperParameterTuningJobConfig": {"HyperParameterTuningJobObjective": objective},
            "TrainingJobSummaries": list(summaries),
        },
    )
    trials = [
        StepRecord(
            f"Tune-00{number}", "Training", part_of="Tune", properties={"TrainingJobName": f"job-{number}"}
        )
        for number in (1, 2, 3)
    ]
    return ExecutionRecord("a1b2", "p", "local", "Succeeded", {}, 0.0, 1.0, steps=(tune, *trials))


FOUND = record(summary(2, "0.0123456789", 0.9), summary(1, "0.5", 0.85), summary(3, "1e-05", None, "Failed"))


def test_show_lists_trials_best_first_with_what_was_tuned() -> None:
    stream = io.StringIO()
    print_execution(FOUND, None, None, None, stream)
    lines = [line.split() for line in stream.getvalue().splitlines()]
    start = lines.index(["trials", "of", "Tune", "rate", "size", "accuracy"])
    assert lines[start + 1 : start + 4] == [
        ["Tune-002", "0.01235", "32", "0.9"],
        ["Tune-001", "0.5", "32", "0.85"],
        ["Tune-003", "1e-05", "32", "–", "failed"],
    ]


def test_of_a_long_search_the_best_are_shown() -> None:
    stream = io.StringIO()
    many = [summary(number, "0.5", 1 - number / 100) for number in range(1, 31)]
    print_execution(record(*many), None, None, None, stream)
    assert "… and 10 more" in stream.getvalue()


def test_the_table_of_steps_says_what_is_best_so_far() -> None:
    running = record(summary(1, "0.5", 0.85), summary(2, "0.1", 0.9), summary(3, "1", None, "InProgress"))
    assert best_so_far(running.steps[0]) == "best 0.9 of 2"
    assert best_so_far(StepRecord("Tune", "Tuning", "Executing")) == ""
    assert best_so_far(FOUND.steps[1]) == ""


def test_what_a_search_proposes_is_a_line_and_other_steps_own_lines_are_not() -> None:
    stream = io.StringIO()
    view = PlainView(stream, clock=lambda: 0.0)
    view.execution_changed(FOUND)
    view.log_line("Tune", "[local] Tune-001: rate=0.5, size=32")
    view.log_line("Tune-001", "[local] training job job-1 on 1 core")
    assert "Tune: Tune-001: rate=0.5, size=32" in stream.getvalue()
    assert "training job" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"), [("0.0123456789", "0.01235"), ("128", "128"), ("relu", "relu"), ("1e-5", "1e-05")]
)
def test_numbers_are_written_short(text: str, expected: str) -> None:
    assert short(text) == expected


def test_a_value_that_is_no_number_is_none() -> None:
    search = search_in(record(summary(1, "1", float("nan"))).steps[0])
    assert search is not None
    assert search.trials[0].value is None
