"""Rules for step caching: a cache can hit, expires, and never hands out what a later execution overwrote."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.shown import shown
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.validation.document import Step, child_path, entries, look_up, members
from pipeline.spec.validation.references import references

# Definition schema: the step types that have a CacheConfig.
CACHEABLE = frozenset(
    [
        "Processing",
        "Training",
        "Transform",
        "Tuning",
        "AutoML",
        "ClarifyCheck",
        "QualityCheck",
        "EMR",
        "Lambda",
        "Callback",
    ]
)

# Execution variables that differ from one execution to the next.
CHANGING = frozenset(
    [
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "StartDateTime",
        "CurrentDateTime",
        "TrainingJobName",
        "ProcessingJobName",
    ]
)

# ISO 8601; AWS documents years, months, weeks, days, hours and minutes, in either case, and leaves out the P.
DURATION = re.compile(
    r"P?(?=[\dT])(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?)?", re.IGNORECASE | re.ASCII
)


def caches(step: Step) -> bool:
    """Whether caching is turned on for the step."""
    return look_up(step.raw, "CacheConfig", "Enabled") is True


def cache_is_supported(step: Step) -> Iterator[tuple[str, str]]:
    """Only some step types can be cached, and CacheConfig has two keys.

    Developer guide, "Caching pipeline steps". Definition schema, CacheConfig.
    """
    if "CacheConfig" not in step.raw:
        return
    at, config = child_path(step.path, "CacheConfig"), step.raw["CacheConfig"]
    if step.type not in CACHEABLE:
        yield at, f"expected no CacheConfig on a {step.type} step. Received: {shown(config, 80)}"
    unknown = set(members(config)) - {"Enabled", "ExpireAfter"}
    if unknown or not isinstance(look_up(config, "Enabled"), bool):
        yield at, f"expected the keys Enabled (true or false) and ExpireAfter. Received: {shown(config, 80)}"


def cache_expires(step: Step) -> Iterator[tuple[str, str]]:
    """A cache has a timeout: an ISO 8601 duration of years, months, weeks, days, hours or minutes.

    Developer guide, "Turn on step caching": "When you turn on step caching, you must also define a timeout";
    examples "30d", "5y", "T16m", "30dT5h", "PT1H".
    """
    after = look_up(step.raw, "CacheConfig", "ExpireAfter")
    if after is None and not caches(step):
        return
    if not isinstance(after, str) or not DURATION.fullmatch(after):
        yield (
            child_path(step.path, "CacheConfig", "ExpireAfter"),
            f"expected a duration of years to minutes, such as P30D or PT12H. Received: {shown(after)}",
        )


def cache_key_has_no_execution_id(step: Step) -> Iterator[tuple[str, str]]:
    """What the cache compares does not name the execution, its time or its job: it would never hit.

    Developer guide, "Default cache key attributes by pipeline step type". References to other steps are fine: a
    step that was reused reports the outputs of the run that it reused.
    """
    if not caches(step):
        return
    known = STEP_TYPES.get(step.type)
    for key in (known.cache_attributes if known is not None else None) or ():
        value = look_up(step.raw, "Arguments", key)
        for path, reference in references(value, step.argument_path(key)):
            if reference.root == "Execution" and reference.name in CHANGING:
                yield (
                    path,
                    "expected nothing that changes with each execution, as it is part of the step's cache key. "
                    f"Received: Execution.{reference.name}",
                )


def cached_outputs_carry_the_execution_id(step: Step) -> Iterator[tuple[str, str]]:
    """Each execution of a cached Processing step writes to a place of its own.

    Developer guide, "Caching pipeline steps": a hit propagates the outputs of the earlier run, so no later run may
    write there. (A training job's outputs lie under the job's name anyway.)
    """
    if not caches(step) or step.type != "Processing":
        return
    config = look_up(step.raw, "Arguments", "ProcessingOutputConfig", "Outputs")
    for index, output in entries(config):
        path = step.argument_path("ProcessingOutputConfig", "Outputs", index, "S3Output", "S3Uri")
        uri = look_up(output, "S3Output", "S3Uri")
        if uri is not None and not any(
            reference.root == "Execution" and reference.name in CHANGING
            for _, reference in references(uri, path)
        ):
            yield (
                path,
                "expected Execution.PipelineExecutionId in the URI, so that a later execution does not overwrite "
                f"what a cache hit hands out. Received: {shown(uri, 80)}",
            )


RULES = (
    cache_is_supported,
    cache_expires,
    cache_key_has_no_execution_id,
    cached_outputs_carry_the_execution_id,
)
