"""Rules for Training steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pipeline.shown import shown
from pipeline.spec.definition import Json, Step
from pipeline.spec.json_values import entries, members, value_at

LONGEST_TRAINING_SECONDS = 28 * 24 * 3600


def channel_names_are_unique(step: Step) -> Iterator[tuple[str, str]]:
    """Each input channel has a name of its own. API reference, CreateTrainingJob, InputDataConfig."""
    channels = entries(step.arguments.get("InputDataConfig"))
    names = Counter(str(channel.get("ChannelName")) for _, channel in channels)
    for index, channel in channels:
        name = str(channel.get("ChannelName"))
        if names[name] > 1:
            path = step.argument_path("InputDataConfig", index, "ChannelName")
            yield path, f"the name {shown(name)} is used more than once."


def training_has_one_algorithm(step: Step) -> Iterator[tuple[str, str]]:
    """A training job has either an image or the name of an algorithm.

    API reference, AlgorithmSpecification, TrainingImage: "You must specify either the algorithm name to the
    AlgorithmName parameter or the image URI of the algorithm container to the TrainingImage parameter."
    """
    specification = members(step.arguments.get("AlgorithmSpecification"))
    given = [key for key in ("TrainingImage", "AlgorithmName") if specification.get(key)]
    if len(given) != 1:
        yield (
            step.argument_path("AlgorithmSpecification"),
            f"give either TrainingImage or AlgorithmName, not {'both' if given else 'neither'}.",
        )


def uses_spot(step: Step) -> bool:
    """Whether the job asks for managed spot training."""
    return step.arguments.get("EnableManagedSpotTraining") is True


def seconds(step: Step, key: str) -> int | None:
    """A limit of the job's StoppingCondition, in seconds."""
    value: Json = value_at(step.arguments, "StoppingCondition", key)
    return value if isinstance(value, int) else None


def spot_needs_max_wait(step: Step) -> Iterator[tuple[str, str]]:
    """Spot training has a MaxWaitTimeInSeconds, longer than its MaxRuntimeInSeconds.

    API reference, StoppingCondition: "the amount of time spent waiting for Spot capacity plus the amount of time
    the job can run. It must be equal to or greater than MaxRuntimeInSeconds." Equal leaves no time to wait for
    capacity, so this project asks for more.
    """
    wait, run = seconds(step, "MaxWaitTimeInSeconds"), seconds(step, "MaxRuntimeInSeconds")
    if uses_spot(step) and (wait is None or (run is not None and wait <= run)):
        path = step.argument_path("StoppingCondition", "MaxWaitTimeInSeconds")
        yield path, f"must be more than MaxRuntimeInSeconds ({run}) for spot training, not {wait}."


def max_wait_needs_spot(step: Step) -> Iterator[tuple[str, str]]:
    """MaxWaitTimeInSeconds goes with spot training only.

    API reference, StoppingCondition: "The maximum length of time … that a managed Spot training job has".
    """
    wait = seconds(step, "MaxWaitTimeInSeconds")
    if wait is not None and not uses_spot(step):
        path = step.argument_path("StoppingCondition", "MaxWaitTimeInSeconds")
        yield path, f"goes with EnableManagedSpotTraining only: leave it out (got {wait})."


def spot_needs_checkpoints(step: Step) -> Iterator[tuple[str, str]]:
    """Spot training keeps checkpoints in S3, so that an interruption does not start it from scratch.

    Developer guide, "Managed spot training": spot instances can be interrupted; SageMaker copies checkpoint data
    between the local path and the S3 location of CheckpointConfig.
    """
    if uses_spot(step) and not value_at(step.arguments, "CheckpointConfig", "S3Uri"):
        path = step.argument_path("CheckpointConfig")
        yield path, "spot training needs a CheckpointConfig with an S3Uri."


def spot_has_no_warm_pool(step: Step) -> Iterator[tuple[str, str]]:
    """Spot instances are not kept warm. Developer guide, "SageMaker managed warm pools", considerations."""
    keep = value_at(step.arguments, "ResourceConfig", "KeepAlivePeriodInSeconds")
    if uses_spot(step) and keep:
        path = step.argument_path("ResourceConfig", "KeepAlivePeriodInSeconds")
        yield path, f"spot instances are not kept warm: leave it out (got {keep})."


def training_ends_within_28_days(step: Step) -> Iterator[tuple[str, str]]:
    """A training job runs at most 28 days. API reference, StoppingCondition: "The maximum value is 28 days"."""
    run = seconds(step, "MaxRuntimeInSeconds")
    if run is not None and run > LONGEST_TRAINING_SECONDS:
        path = step.argument_path("StoppingCondition", "MaxRuntimeInSeconds")
        yield path, f"may be at most {LONGEST_TRAINING_SECONDS} seconds, not {run}."


def metrics_capture_a_value(step: Step) -> Iterator[tuple[str, str]]:
    """A metric's regular expression captures the value; each metric has a name of its own.

    API reference, MetricDefinition, Regex: "searches the output of a training job and gets the value".
    Developer guide, "Define metrics": the value is what the group in parentheses captures.
    """
    metrics = entries(value_at(step.arguments, "AlgorithmSpecification", "MetricDefinitions"))
    names = Counter(str(metric.get("Name")) for _, metric in metrics)
    for index, metric in metrics:
        name, regex = str(metric.get("Name")), metric.get("Regex")
        path = step.argument_path("AlgorithmSpecification", "MetricDefinitions", index)
        if names[name] > 1:
            yield f"{path}.Name", f"the name {shown(name)} is used more than once."
        try:
            groups = re.compile(regex).groups if isinstance(regex, str) else 1
        except re.error:
            groups = 0
        if groups < 1:
            yield (
                f"{path}.Regex",
                f"must be a regular expression with a group in parentheses, not {shown(regex)}.",
            )


RULES = (
    channel_names_are_unique,
    training_has_one_algorithm,
    spot_needs_max_wait,
    max_wait_needs_spot,
    spot_needs_checkpoints,
    spot_has_no_warm_pool,
    training_ends_within_28_days,
    metrics_capture_a_value,
)
