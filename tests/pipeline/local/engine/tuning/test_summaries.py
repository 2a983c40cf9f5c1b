"""What a Tuning step leaves behind has the form of the service's responses."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.local.engine.tuning.summaries import (
    MOST_SUMMARIES,
    best,
    name_tuning_job,
    properties_of,
    ranked,
)
from pipeline.local.engine.tuning.trial import ObjectiveLog, Trial, TrialEnd
from pipeline.spec.service_model import service_model, shape
from pipeline.spec.shapes import mismatches
from pipeline.spec.tuning import read_search
from tests.pipeline.local.engine.tuning.searches import arguments

MOMENT = "2026-01-01T00:00:00Z"


def trial(number: int, end: TrialEnd | None, value: float | None = None, reason: str | None = None) -> Trial:
    made = Trial(number, f"T-{number:03d}", 0, number - 1, {"rate": "1"}, ObjectiveLog(""), threading.Event())
    made.end, made.value, made.failure_reason = end, value, reason
    made.properties = {
        "TrainingJobName": f"job-{number}",
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/job-{number}",
        "CreationTime": MOMENT,
        "TrainingEndTime": MOMENT,
    }
    return made


TRIALS = [
    trial(1, "Completed", 0.5),
    trial(2, "Stopped", 0.99),
    trial(3, "Failed", None, "x" * 3000),
    trial(4, "Completed", 0.9),
    trial(5, "Completed", float("nan")),
    trial(6, "Completed", None),
    trial(7, "Completed", 0.9),
]


def left(of: list[Trial], **more: Any) -> dict[str, Any]:
    return properties_of(
        read_search(arguments(**more)),
        of,
        arguments=arguments(**more),
        job_name="abcdefghijkl-Tune-0123456789",
        arn="arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/a",
        status="Completed",
        created=MOMENT,
        ended=MOMENT,
    )


def with_times(value: Any) -> Any:
    """The texts of moments as botocore has moments."""
    if isinstance(value, dict):
        return {key: with_times(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_times(each) for each in value]
    return datetime(2026, 1, 1, tzinfo=UTC) if value == MOMENT else value


def test_the_properties_are_those_of_the_services_two_responses() -> None:
    properties = with_times(left(TRIALS))
    summaries = {"TrainingJobSummaries": properties.pop("TrainingJobSummaries")}
    for operation, value in (
        ("DescribeHyperParameterTuningJob", properties),
        ("ListTrainingJobsForHyperParameterTuningJob", summaries),
    ):
        response = service_model().operation_model(operation).output_shape
        assert list(mismatches(value, response, "$")) == []


def test_the_best_is_the_first_of_equals_that_completed() -> None:
    search = read_search(arguments())
    found = best(search, TRIALS)
    assert found is TRIALS[3]
    assert [each.number for each in ranked(search, TRIALS)] == [4, 7, 1, 2, 3, 5, 6]
    assert best(search, [TRIALS[1], TRIALS[2], TRIALS[5]]) is None
    assert "BestTrainingJob" not in left([TRIALS[1]])


def test_a_summary_tells_how_its_training_ended() -> None:
    summaries = {each["TrainingJobName"]: each for each in left(TRIALS)["TrainingJobSummaries"]}
    metric = {"Type": "Maximize", "MetricName": "accuracy", "Value": 0.99}
    assert summaries["job-2"]["FinalHyperParameterTuningJobObjectiveMetric"] == metric
    assert summaries["job-2"]["TrainingJobStatus"] == "Stopped"
    assert summaries["job-2"]["ObjectiveStatus"] == "Succeeded"
    assert summaries["job-3"]["FailureReason"] == "x" * 1024
    assert summaries["job-5"]["ObjectiveStatus"] == summaries["job-6"]["ObjectiveStatus"] == "Failed"
    counters = left(TRIALS)["ObjectiveStatusCounters"]
    assert counters == {"Succeeded": 4, "Pending": 0, "Failed": 3}


def test_the_fifty_best_are_kept() -> None:
    many = [trial(number, "Completed", float(number)) for number in range(1, 61)]
    summaries = left(many, trials=60)["TrainingJobSummaries"]
    assert len(summaries) == MOST_SUMMARIES
    assert [summaries[0]["TrainingJobName"], summaries[-1]["TrainingJobName"]] == ["job-60", "job-11"]


@pytest.mark.parametrize("step", ["T", "Tune-cnn-3x3", "a_very_long_name_of_a_step-" * 2])
def test_the_jobs_name_is_one_that_the_service_takes(step: str) -> None:
    name = name_tuning_job("abcdefghijkl", step, 1)
    assert list(mismatches(name, shape("HyperParameterTuningJobName"), "$")) == []
    assert name != name_tuning_job("abcdefghijkl", step, 2)


def test_a_trial_that_runs_is_counted_and_not_listed() -> None:
    properties = left([*TRIALS, trial(8, None)])
    assert len(properties["TrainingJobSummaries"]) == len(TRIALS)
    assert properties["TrainingJobStatusCounters"]["InProgress"] == 1
    assert properties["ObjectiveStatusCounters"]["Pending"] == 1
