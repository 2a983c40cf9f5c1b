"""Tuning steps for tests: a definition's arguments, and trials whose objective follows from what is tuned."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipeline.errors import StepFailed
from pipeline.local.jobs.runner import JobCall, JobOutcome, StepStopped
from pipeline.spec.definition import CacheConfig, Json, PropertyFile, Step

CONTINUOUS = {"Name": "rate", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"}
CATEGORICAL = {"Name": "size", "Values": ["32", "64", "128"]}
RANGES: dict[str, Any] = {
    "ContinuousParameterRanges": [CONTINUOUS],
    "CategoricalParameterRanges": [CATEGORICAL],
}


def definition_of_trials(**more: Any) -> dict[str, Any]:
    """A TrainingJobDefinition."""
    return {
        "StaticHyperParameters": {"epochs": "9"},
        "AlgorithmSpecification": {
            "TrainingImage": "an-image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        },
        "RoleArn": "arn:aws:iam::123456789012:role/jobs",
        "OutputDataConfig": {"S3OutputPath": "s3://a-bucket/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **more,
    }


def arguments(
    strategy: str = "Random",
    trials: int | None = 4,
    at_once: int = 1,
    *,
    objective: str = "Maximize",
    ranges: Mapping[str, Any] = RANGES,
    definition: Mapping[str, Any] | None = None,
    **config: Any,
) -> dict[str, Any]:
    """A CreateHyperParameterTuningJob request without its name; `config` has more of its configuration."""
    limits = {"MaxParallelTrainingJobs": at_once}
    if trials is not None:
        limits["MaxNumberOfTrainingJobs"] = trials
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": objective, "MetricName": "accuracy"},
            "ResourceLimits": limits,
            "ParameterRanges": dict(ranges),
            "RandomSeed": 7,
            **config,
        },
        "TrainingJobDefinition": dict(definition_of_trials() if definition is None else definition),
    }


def tuning(request: Mapping[str, Any] | None = None, name: str = "Tune", **more: Any) -> Step:
    """A Tuning step."""
    cache = CacheConfig(enabled=True)
    return Step(name, "Tuning", dict(arguments() if request is None else request), cache=cache, **more)


Curve = Callable[[Mapping[str, str], int], Iterable[float]]


def by_rate(hyperparameters: Mapping[str, str], number: int) -> Iterable[float]:
    """One value: the rate itself."""
    yield float(hyperparameters["rate"])


class Trials:
    """A JobRunner whose trainings tell the objective as `curve` has it, value by value, and end.

    `proposed` are the hyperparameters by the name of the trial; `hold` are trials that wait to be stopped;
    `order`, where it is given, is the order in which trials end, whatever they would do.
    """

    def __init__(
        self, curve: Curve = by_rate, *, hold: Iterable[str] = (), order: Iterable[str] = ()
    ) -> None:
        self.curve = curve
        self.hold = set(hold)
        self.proposed: dict[str, dict[str, str]] = {}
        self.calls: dict[str, JobCall] = {}
        self.ran: list[str] = []
        self.most_running = 0
        self._running = 0
        self._order = list(order)
        self._changed = threading.Condition()

    def __call__(self, call: JobCall) -> JobOutcome:
        name = call.step.name
        if call.step.type != "Training":
            return JobOutcome({"Name": name})
        hyperparameters = call.arguments["HyperParameters"]
        with self._changed:
            self.ran.append(name)
            self.calls[name] = call
            self.proposed[name] = {
                key: hyperparameters[key] for key in ("rate", "size") if key in hyperparameters
            }
            self._running += 1
            self.most_running = max(self.most_running, self._running)
        try:
            return self._train(call, hyperparameters)
        finally:
            with self._changed:
                self._running -= 1
                if name in self._order:
                    self._order.remove(name)
                self._changed.notify_all()

    def _train(self, call: JobCall, hyperparameters: Mapping[str, str]) -> JobOutcome:
        name = call.step.name
        call.log(f"[local] training job {call.name} on 1 core")
        value = None
        for value in self.curve(hyperparameters, int(name[-3:])):
            if call.stop.is_set():
                raise StepStopped
            call.log(f"accuracy={value}")
        if name in self.hold:
            assert call.stop.wait(30), "nobody stopped this trial"
        if call.stop.is_set():
            raise StepStopped
        if self._order:
            with self._changed:
                assert self._changed.wait_for(lambda: self._order[0] == name, 30), self._order
        told = [] if value is None else [{"MetricName": "accuracy", "Value": value}]
        return JobOutcome(
            {
                **call.arguments,
                "TrainingJobName": call.name,
                "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{call.name}",
                "TrainingJobStatus": "Completed",
                "FinalMetricDataList": told,
                "CreationTime": "2026-01-01T00:00:00Z",
            }
        )

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        raise AssertionError("no expression reads one")

    def read_document(self, uri: str) -> Json:
        raise AssertionError("no expression reads one")


def failing(hyperparameters: Mapping[str, str], number: int) -> Iterable[float]:
    """No value: the training fails."""
    raise StepFailed("no such data")
