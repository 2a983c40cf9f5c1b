"""The trials of a Tuning step, as the local engine and SageMaker tell them: for the views and the report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.execution import StepRecord

TYPE = "Tuning"
# `<search>-007-<suffix>`, here and on SageMaker.
_NUMBER = re.compile(r"-([0-9]{3})-[0-9a-zA-Z]+$")


@dataclass(frozen=True)
class TrialResult:
    """One trial: its training job, what was tuned in it, and the value of the objective that it ended with, if any.

    `status` is the job's: Completed, Stopped (the search ended it early), Failed or InProgress.
    """

    job: str
    tuned: Mapping[str, str]
    status: str
    value: float | None
    created: str = ""

    @property
    def number(self) -> int:
        """Its number in the search, which its job's name has before its last part; 0 when it has none."""
        found = _NUMBER.search(self.job)
        return 0 if found is None else int(found[1])


@dataclass(frozen=True)
class SearchResult:
    """A search, by the name of its step: its trials, best first; its objective's name, and if more is better."""

    step: str
    metric: str
    maximize: bool
    trials: tuple[TrialResult, ...]

    @property
    def in_order(self) -> list[TrialResult]:
        """The trials in the order in which they were proposed."""
        return sorted(self.trials, key=lambda trial: (trial.number, trial.created, trial.job))

    @property
    def names(self) -> list[str]:
        """The hyperparameters that are tuned."""
        return sorted({name for trial in self.trials for name in trial.tuned})


def search_in(step: StepRecord) -> SearchResult | None:
    """What a Tuning step has found so far; None for other steps, and before its first trial has ended."""
    summaries = step.properties.get("TrainingJobSummaries")
    if step.type != TYPE or not summaries:
        return None
    config = step.properties.get("HyperParameterTuningJobConfig") or {}
    objective = config.get("HyperParameterTuningJobObjective") or {}
    metric = str(objective.get("MetricName") or _told(summaries, "MetricName") or "objective")
    maximize = (objective.get("Type") or _told(summaries, "Type")) != "Minimize"
    return SearchResult(step.name, metric, maximize, tuple(map(trial_in, summaries)))


def trial_in(summary: Mapping[str, Any]) -> TrialResult:
    """The trial of a HyperParameterTrainingJobSummary."""
    objective = summary.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    value = objective.get("Value")
    return TrialResult(
        job=str(summary.get("TrainingJobName") or ""),
        tuned=dict(summary.get("TunedHyperParameters") or {}),
        status=str(summary.get("TrainingJobStatus") or ""),
        value=None if value is None or math.isnan(value) else float(value),
        created=str(summary.get("CreationTime") or ""),
    )


def _told(summaries: list[Mapping[str, Any]], key: str) -> object:
    for summary in summaries:
        if found := (summary.get("FinalHyperParameterTuningJobObjectiveMetric") or {}).get(key):
            return found
    return None
