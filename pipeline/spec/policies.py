"""The policies of a step: for how long its results may be reused, and when it is tried again."""

from __future__ import annotations

from pipeline.shown import shown
from pipeline.spec.definition import CacheConfig, RetryPolicy
from pipeline.spec.durations import parse_duration
from pipeline.spec.json_object import JsonObject

_RETRIED = (
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
)
# Developer guide, "Retry policy for pipeline steps": the longest first pause in seconds, the most attempts, and the
# longest time of trying in minutes. Only the first is a limit of the local engine too.
_LONGEST_INTERVAL, _MOST_ATTEMPTS, _LONGEST_RETRYING = 43_200, 20, 14_400


def read_cache(entry: JsonObject) -> CacheConfig:
    """Developer guide, "Turn on step caching": with a timeout of years to minutes, which has to be given."""
    entry.allow("Enabled", "ExpireAfter")
    enabled, expire_after = entry.get("Enabled", bool, False), entry.get("ExpireAfter", str, "") or None
    if "Enabled" not in entry.value:
        entry.note("Enabled", "missing: must be true or false.", "service")
    if expire_after:
        try:
            parse_duration(expire_after)
        except ValueError as error:
            entry.note("ExpireAfter", str(error))
        if expire_after.upper().endswith("S"):
            entry.note("ExpireAfter", "must be a duration of years to minutes, without seconds.", "service")
    elif enabled or "ExpireAfter" in entry.value:
        entry.note("ExpireAfter", "missing: give a timeout such as P30D.", "service")
    return CacheConfig(enabled, expire_after)


def read_retry_policy(entry: JsonObject) -> RetryPolicy:
    """Developer guide, "Retry policy for pipeline steps": with neither limit there are 5 attempts, with 0 none."""
    entry.allow("ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin")
    types = entry.require("ExceptionType", list, [])
    for kind in types:
        if kind not in _RETRIED:
            entry.note("ExceptionType", f"must be one of {', '.join(_RETRIED)}, not {shown(kind)}.")
    if entry.value.get("ExceptionType") == []:
        entry.note("ExceptionType", "must have at least one type of exception.", "service")
    if "MaxAttempts" in entry.value and "ExpireAfterMin" in entry.value:
        entry.note("MaxAttempts", "give either MaxAttempts or ExpireAfterMin, not both.")
    interval = entry.number("IntervalSeconds", 0, most=_LONGEST_INTERVAL)
    backoff = entry.number("BackoffRate", 0)
    attempts, minutes = entry.whole_number("MaxAttempts", 0), entry.number("ExpireAfterMin", 0)
    for key, value, most in (
        ("IntervalSeconds", interval, _LONGEST_INTERVAL),
        ("MaxAttempts", attempts, _MOST_ATTEMPTS),
        ("ExpireAfterMin", minutes, _LONGEST_RETRYING),
    ):
        if value is not None and not (value <= most and isinstance(value, int)):
            entry.note(key, f"must be a whole number from 0 to {most}, not {shown(value)}.", "service")
    return RetryPolicy(
        exception_types=tuple(types),
        interval_seconds=1.0 if interval is None else interval,
        backoff_rate=2.0 if backoff is None else backoff,
        max_attempts=attempts,
        expire_after_minutes=minutes,
    )
