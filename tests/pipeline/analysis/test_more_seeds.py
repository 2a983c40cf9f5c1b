"""One seed is an observation; what would settle the matter takes a time that the run itself has measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.analysis.more_seeds import one_seed, seconds_for_more
from pipeline.execution import ExecutionRecord, StepRecord

Make = Callable[..., Any]


def record_of(*steps: StepRecord, target: str = "local") -> ExecutionRecord:
    return ExecutionRecord("one", "fashion-mnist", target, "Succeeded", {}, 0.0, 200.0, steps=steps)


SHORT = StepRecord("Train-a-0", "Training", "Succeeded", 10.0, 30.0, attempts=1)
LONG = StepRecord("Train-b-0", "Training", "Succeeded", 12.0, 70.0, attempts=1)
EVALUATE = StepRecord("Evaluate", "Processing", "Succeeded", 70.0, 80.0, attempts=1)


def test_two_more_seeds_take_as_long_as_this_one_each_and_three_are_evaluated() -> None:
    assert seconds_for_more(record_of(SHORT, LONG, EVALUATE)) == 2 * 60 + 3 * 10


@pytest.mark.parametrize(
    "record",
    [
        record_of(SHORT, dataclasses.replace(LONG, cached=True), EVALUATE),
        record_of(SHORT, dataclasses.replace(LONG, attempts=2), EVALUATE),
        record_of(SHORT, dataclasses.replace(LONG, started_at=None), EVALUATE),
        record_of(SHORT, LONG),
        record_of(EVALUATE),
        record_of(SHORT, LONG, EVALUATE, target="sagemaker"),
    ],
    ids=["reused", "retried", "no-time", "no-evaluation", "no-training", "elsewhere"],
)
def test_steps_that_do_not_measure_it_tell_no_time(record: ExecutionRecord) -> None:
    assert seconds_for_more(record) is None


def test_it_is_said_of_a_comparison_under_one_seed_alone(make_evaluation: Make, make_record: Make) -> None:
    evaluation = make_evaluation()
    said = one_seed(evaluation, make_record(evaluation))
    assert said.startswith("One seed settles no architecture")
    assert "--seeds 3 trains each model under two more, which takes about " in said
    assert "takes about" not in one_seed(evaluation, record_of(EVALUATE))
    evaluation["candidates"] = evaluation["candidates"][:1]
    assert one_seed(evaluation, make_record(evaluation)) == ""


def test_several_seeds_leave_nothing_to_say(make_evaluation: Make, make_record: Make) -> None:
    evaluation = make_evaluation()
    evaluation["candidates"][0]["seed"] = 1
    assert one_seed(evaluation, make_record(evaluation)) == ""
