from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.view.failure import print_failure

REASON = "Training cnn-3x3: the loss is nan in epoch 2/3. Try a lower learning rate."
TAIL = [f"line {number}" for number in range(1, 31)]


def failed_step(**changes: Any) -> StepRecord:
    step = StepRecord("Train-cnn-3x3-0", "Training", "Failed", 10.0, 22.0, attempts=1, failure_reason=REASON)
    return replace(step, **changes)


def record_of(*steps: StepRecord, **changes: Any) -> ExecutionRecord:
    record = ExecutionRecord("8f3a", "p", "local", "Failed", {}, 0.0, 30.0, "Step Train failed.", steps)
    return replace(record, **changes)


def printed(
    record: ExecutionRecord, tails: Mapping[str, Sequence[str]] | None = None, resumable: bool = False
) -> list[str]:
    stream = io.StringIO()
    print_failure(record, tails or {}, stream, resumable)
    return stream.getvalue().splitlines()


def test_a_failed_step_is_shown_with_its_reason_its_log_and_what_to_do_next() -> None:
    lines = printed(record_of(failed_step()), {"Train-cnn-3x3-0": TAIL}, resumable=True)
    assert "Execution   ✗ 8f3a failed after 30 s" in lines
    assert "Training    ✗ Train-cnn-3x3-0 failed after 12 s" in lines
    assert f"  │ {REASON}" in lines
    assert [line for line in lines if line.startswith("  │ line")] == [f"  │ line {n}" for n in range(21, 31)]
    assert lines[-2:] == [
        "Next        python -m pipeline logs 8f3a Train-cnn-3x3-0",
        "            python -m pipeline resume 8f3a",
    ]


def test_a_log_that_the_reason_already_quotes_is_not_repeated() -> None:
    step = failed_step(failure_reason="exit status 1. The log ends:\nline 29\nline 30")
    lines = printed(record_of(step), {"Train-cnn-3x3-0": ["line 29", "line 30"]})
    assert "The end of its log:" not in lines


def test_the_end_of_a_log_is_shown_though_a_long_reason_quotes_it() -> None:
    log = [
        "Traceback (most recent call last):",
        *(f"  File {n}" for n in range(12)),
        "ValueError: what counts",
    ]
    step = failed_step(failure_reason="\n".join(["exit status 1", "Last lines of its log:", *log]))
    lines = printed(record_of(step), {step.name: log})
    assert lines.count("  │ ValueError: what counts") == 1
    assert len(lines) < 40


def test_resume_is_offered_only_where_there_is_one() -> None:
    assert not any("resume" in line for line in printed(record_of(failed_step())))


def test_a_missed_gate_offers_neither_a_log_nor_resume(
    make_evaluation: Callable[..., Any], make_record: Any
) -> None:
    lines = printed(make_record(make_evaluation(passed=False)), resumable=True)
    assert any("The quality gate was missed" in line for line in lines)
    assert [line for line in lines if "python -m" in line] == [
        "Next        python -m pipeline show 8f3a2c9d41e7"
    ]


def test_the_reason_of_the_execution_is_not_printed_twice() -> None:
    lines = printed(record_of(failed_step(), failure_reason=REASON))
    assert sum(REASON in line for line in lines) == 1


def test_a_stopped_execution_names_the_steps_that_were_stopped() -> None:
    stopped = StepRecord("Train-baseline-0", "Training", "Stopped", 1.0, 2.0)
    lines = printed(record_of(stopped, status="Stopped", failure_reason=None), resumable=True)
    assert "Execution   ◼ 8f3a stopped after 30 s" in lines
    assert "Stopped     Train-baseline-0" in lines
    assert lines[-1] == "            python -m pipeline resume 8f3a"


def test_many_failures_stay_on_one_screen() -> None:
    steps = [failed_step(name=f"Train-{number}", failure_reason="why\n" * 50) for number in range(12)]
    lines = printed(record_of(*steps), {step.name: TAIL for step in steps})
    assert len(lines) < 80
    assert any(line.startswith("Also failed") and "Train-11" in line for line in lines)


@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_a_step_without_a_reason_says_that_there_is_none(reason: str | None) -> None:
    lines = printed(record_of(failed_step(failure_reason=reason)))
    assert "  │ No reason was given." in lines
    assert "  │ Step Train failed." in lines


def test_control_codes_of_a_log_are_dropped() -> None:
    lines = printed(record_of(failed_step()), {"Train-cnn-3x3-0": ["\x1b[31mboom\x1b[0m [/red]"]})
    assert "  │ boom [/red]" in lines


def test_on_sagemaker_commands_name_the_target_and_remarks_stand_with_their_step() -> None:
    stream = io.StringIO()
    remarks = {"Train-cnn-3x3-0": [("Likely", "quota: ask for more"), ("Console", "https://console/jobs/1")]}
    record = record_of(failed_step(), target="sagemaker")
    print_failure(record, {"Train-cnn-3x3-0": TAIL}, stream, resumable=True, remarks=remarks)
    lines = stream.getvalue().splitlines()
    assert lines.index("  │ line 30") < lines.index("Likely      quota: ask for more")
    assert "Console     https://console/jobs/1" in lines
    assert lines[-2:] == [
        "Next        python -m pipeline logs 8f3a Train-cnn-3x3-0 --target sagemaker",
        "            python -m pipeline resume 8f3a --target sagemaker",
    ]
