"""Rules for retry policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.shown import listed, shown
from pipeline.spec.validation.document import Json, Step, child_path, entries

RETRYABLE = frozenset(
    ["Processing", "Training", "Tuning", "AutoML", "Model", "RegisterModel", "Transform", "NotebookJob"]
)

EXCEPTION_TYPES = (
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
)

KEYS = frozenset({"ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin"})


def policies(step: Step) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The step's retry policies with their paths."""
    for index, policy in entries(step.raw.get("RetryPolicies")):
        yield child_path(step.path, "RetryPolicies", index), policy


def retries_are_supported(step: Step) -> Iterator[tuple[str, str]]:
    """RetryPolicies is a list, only on some step types; its policies have no other than the documented keys.

    Developer guide, "Retry policy for pipeline steps": "only supports the following …", and its JSON schema.
    """
    if "RetryPolicies" not in step.raw:
        return
    at, given = child_path(step.path, "RetryPolicies"), step.raw["RetryPolicies"]
    if step.type not in RETRYABLE:
        yield at, f"expected no retry policies on a {step.type} step. Received: {shown(given, 80)}"
    elif not isinstance(given, list) or len(entries(given)) != len(given):
        yield at, f"expected a list of policies. Received: {shown(given, 80)}"
    for path, policy in policies(step):
        if unknown := set(policy) - KEYS:
            yield (
                path,
                f"expected keys out of {', '.join(sorted(KEYS))}. Received: {listed(sorted(unknown))}",
            )


def retry_exception_types(step: Step) -> Iterator[tuple[str, str]]:
    """A policy names the exceptions it is for, in a list, out of the five that Pipelines retries.

    Developer guide, "Retry policy for pipeline steps". What its earlier editions call SageMaker.JOB_CAPACITY_ERROR
    is SageMaker.CAPACITY_ERROR now.
    """
    for path, policy in policies(step):
        types = policy.get("ExceptionType")
        if not isinstance(types, list) or not types or any(name not in EXCEPTION_TYPES for name in types):
            expected = f"a list of one or more of {', '.join(EXCEPTION_TYPES)}"
            yield child_path(path, "ExceptionType"), f"expected {expected}. Received: {shown(types)}"


def retry_has_one_limit(step: Step) -> Iterator[tuple[str, str]]:
    """A policy has MaxAttempts (1 to 20) or ExpireAfterMin (1 to 14,400), not both.

    Developer guide, "Retry policy for pipeline steps": both are a validation error. A 0, which the SDK drops
    silently, leaves the service's default of 5 attempts.
    """
    for path, policy in policies(step):
        limits = {key: policy[key] for key in ("MaxAttempts", "ExpireAfterMin") if key in policy}
        if len(limits) != 1:
            expected = "exactly one of MaxAttempts (from 1 up) and ExpireAfterMin"
            yield path, f"expected {expected}. Received: {listed(limits) if limits else 'neither'}"
        for key, high in (("MaxAttempts", 20), ("ExpireAfterMin", 14_400)):
            if key in limits and not whole_number(limits[key], 1, high):
                yield (
                    child_path(path, key),
                    f"expected a whole number from 1 to {high}. Received: {shown(limits[key])}",
                )


def retry_interval(step: Step) -> Iterator[tuple[str, str]]:
    """The first pause is 0 to 43,200 seconds; the rate by which pauses grow is not negative.

    Developer guide, "Retry policy for pipeline steps". SageMaker SDK, RetryPolicy.
    """
    for path, policy in policies(step):
        seconds, rate = policy.get("IntervalSeconds", 1), policy.get("BackoffRate", 2.0)
        if not whole_number(seconds, 0, 43_200):
            at = child_path(path, "IntervalSeconds")
            yield at, f"expected a whole number from 0 to 43200. Received: {shown(seconds)}"
        if isinstance(rate, bool) or not isinstance(rate, int | float) or rate < 0:
            yield child_path(path, "BackoffRate"), f"expected a number from 0 up. Received: {shown(rate)}"


def whole_number(value: Json, low: int, high: int) -> bool:
    """Whether `value` is an integer from `low` to `high`."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


RULES = (retries_are_supported, retry_exception_types, retry_has_one_limit, retry_interval)
