from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.view.executions import print_execution, print_executions

Make = Callable[..., Any]


def test_each_execution_is_one_row_in_the_order_given(make_record: Make) -> None:
    record = make_record()
    running = replace(
        record, execution_id="0a1b", status="Executing", ended_at=None, steps=(*record.steps[:-1],)
    )
    stream = io.StringIO()
    print_executions([running, record], stream)
    first, second = (line.split() for line in stream.getvalue().splitlines()[1:])
    assert (first[0], first[2], first[-4:]) == ("0a1b", "running", ["6", "of", "6", "local"])
    assert (second[0], second[2]) == ("8f3a2c9d41e7", "succeeded")
    assert "2 min 54 s" in stream.getvalue()


def test_no_executions_yet_says_how_to_start_one() -> None:
    stream = io.StringIO()
    print_executions([], stream)
    assert stream.getvalue() == "No executions yet. Start one with: python -m pipeline run\n"


def test_an_execution_is_shown_with_parameters_steps_reasons_and_results(
    make_evaluation: Make, make_registration: Make, make_record: Make
) -> None:
    evaluation = make_evaluation(passed=False)
    record = make_record(evaluation)
    first, second, *others = record.steps
    record = replace(record, steps=(replace(first, cached=True), replace(second, attempts=2), *others))
    stream = io.StringIO()
    print_execution(record, evaluation, make_registration(False), Path("/r/report.html"), stream)
    text = stream.getvalue()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "Execution ✗ 8f3a2c9d41e7 failed after 2 min 54 s, 1 of 7 steps reused" in lines
    assert "Parameters BatchSize = 128" in lines
    assert "MinAccuracy = 0.95" in lines
    assert "NormalizeData Processing ↺ reused" in lines
    assert "Train-baseline-0 Training ✓ succeeded, 2 attempts 13 s" in lines
    assert "Failed GateMissed" in lines
    assert "★ cnn-3x3-0" in text
    assert "Report /r/report.html" in lines


def test_an_execution_that_got_to_no_results_is_shown_without(make_record: Make) -> None:
    stream = io.StringIO()
    print_execution(make_record(), None, None, None, stream)
    assert "Evaluate" in stream.getvalue()
    assert "Winner" not in stream.getvalue()


def test_an_execution_whose_process_died_says_so(make_record: Make) -> None:
    """No step failed: the reason is the execution's own."""
    reason = "The process that ran it ended before it was done."
    record = replace(make_record(), status="Failed", ended_at=None, failure_reason=reason)
    stream = io.StringIO()
    print_execution(record, None, None, None, stream)
    assert reason in stream.getvalue()


def test_a_reused_step_names_the_execution_that_ran_it(make_record: Make) -> None:
    record = make_record()
    first, *others = record.steps
    record = replace(record, steps=(replace(first, cached=True, reused_from="0a1b2c3d4e5f"), *others))
    stream = io.StringIO()
    print_execution(record, None, None, None, stream)
    assert "reused from 0a1b2c3d4e5f" in stream.getvalue()
