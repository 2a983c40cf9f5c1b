"""What a Tuning step leaves behind: the properties that DescribeHyperParameterTuningJob and
ListTrainingJobsForHyperParameterTuningJob would tell, as Pipelines keeps them."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.local.engine.tuning.trial import Trial
from pipeline.spec.definition import Json
from pipeline.spec.tuning import Search

# SDK 3.27.0, TuningStep.get_top_model_s3_uri: a tuning step stores up to 50 of the best trainings.
MOST_SUMMARIES: Final = 50
# Of a job's Describe response, what a summary has, too.
_COPIED = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
_LONGEST_REASON = 1024


def name_tuning_job(execution_id: str, step: str, attempt: int) -> str:
    """`<execution>-<step>-<suffix>`, as the service names tuning jobs, at most 32 characters."""
    suffix = hashlib.sha256(f"{execution_id}/{step}/{attempt}".encode()).hexdigest()[:10]
    middle = re.sub(r"[^A-Za-z0-9]+", "-", step).strip("-")[: 32 - len(execution_id) - len(suffix) - 2]
    return f"{execution_id}-{middle.strip('-')}-{suffix}"


def ranked(search: Search, trials: Sequence[Trial]) -> list[Trial]:
    """The trials, best first: those that completed by their objective, those that were stopped, then the rest."""

    def place(trial: Trial) -> tuple[int, float, int]:
        value = trial.value
        if value is None or math.isnan(value) or trial.end not in ("Completed", "Stopped"):
            return 2, 0.0, trial.number
        return int(trial.end == "Stopped"), -value if search.maximize else value, trial.number

    return sorted(trials, key=place)


def best(search: Search, trials: Sequence[Trial]) -> Trial | None:
    """The trial that completed with the best objective, the first of equals; None when none did."""
    first = next(iter(ranked(search, trials)), None)
    if first is None or first.end != "Completed" or first.value is None or math.isnan(first.value):
        return None
    return first


def summary(search: Search, trial: Trial, tuning_job: str) -> dict[str, Json]:
    """A HyperParameterTrainingJobSummary of a trial that has ended."""
    name = search.families[trial.place].name
    told = trial.value is not None and not math.isnan(trial.value)
    found: dict[str, Json] = {
        **({"TrainingJobDefinitionName": name} if name else {}),
        **{key: trial.properties[key] for key in _COPIED if key in trial.properties},
        "TuningJobName": tuning_job,
        "TrainingJobStatus": trial.end,
        "TunedHyperParameters": dict(trial.tuned),
        "ObjectiveStatus": "Succeeded" if told else "Failed",
    }
    if told:
        found["FinalHyperParameterTuningJobObjectiveMetric"] = {
            "Type": "Maximize" if search.maximize else "Minimize",
            "MetricName": search.metric,
            "Value": trial.value,
        }
    if trial.failure_reason:
        found["FailureReason"] = trial.failure_reason[:_LONGEST_REASON]
    return found


def properties_of(
    search: Search,
    trials: Sequence[Trial],
    *,
    arguments: Mapping[str, Json],
    job_name: str,
    arn: str,
    status: str,
    created: str,
    ended: str | None,
) -> dict[str, Json]:
    """The properties of a Tuning step; `trials` in order of their numbers."""
    # One that runs has nothing to tell yet, not even the name of the job that will end it.
    ended_trials = [trial for trial in trials if trial.end is not None]
    summaries = [summary(search, trial, job_name) for trial in ranked(search, ended_trials)]
    ends = [trial.end for trial in trials]
    objectives = [summary["ObjectiveStatus"] for summary in summaries]
    found: dict[str, Json] = {
        **arguments,
        "HyperParameterTuningJobName": job_name,
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": status,
        "CreationTime": created,
        **({} if ended is None else {"HyperParameterTuningEndTime": ended, "LastModifiedTime": ended}),
        "TrainingJobStatusCounters": {
            "Completed": ends.count("Completed"),
            "InProgress": ends.count(None),
            "RetryableError": 0,
            "NonRetryableError": ends.count("Failed"),
            "Stopped": ends.count("Stopped"),
        },
        "ObjectiveStatusCounters": {
            "Succeeded": objectives.count("Succeeded"),
            "Pending": ends.count(None),
            "Failed": objectives.count("Failed"),
        },
        "TrainingJobSummaries": summaries[:MOST_SUMMARIES],
    }
    if best(search, trials) is not None:
        found["BestTrainingJob"] = summaries[0]
    return found
