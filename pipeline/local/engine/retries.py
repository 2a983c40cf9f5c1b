"""When a step that failed is tried again: its retry policies, as SageMaker Pipelines documents them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipeline.local.jobs.faults import SERVICE_FAULT, THROTTLING
from pipeline.spec.definition import RetryPolicy

# The documented default of MaxAttempts, where a policy says neither that nor ExpireAfterMin.
DEFAULT_MAX_ATTEMPTS = 5
# No pause is longer than the first may be: a growing one would soon be longer than any clock can count.
LONGEST_DELAY_SECONDS = 43_200.0
# Pipelines retries these "automatically", a policy only overrides how: taken for a policy of all defaults.
AUTOMATIC = RetryPolicy(exception_types=(SERVICE_FAULT, THROTTLING))


class Retries:
    """Counts the retries of one step in one execution."""

    def __init__(self, policies: Sequence[RetryPolicy]) -> None:
        self._policies = policies
        self._used: Counter[RetryPolicy] = Counter()

    def delay_before_next(self, fault: str | None, elapsed: float) -> float | None:
        """Seconds to wait before the step runs again, None if it is not to; counts the retry.

        The first policy that names the exception type `fault` decides. `elapsed`: seconds since the step began,
        by a clock that nobody sets.
        """
        policy = next(
            (policy for policy in (*self._policies, AUTOMATIC) if fault in policy.exception_types), None
        )
        if policy is None:
            return None
        used = self._used[policy]
        if policy.expire_after_minutes is not None:
            if elapsed > 60 * policy.expire_after_minutes:
                return None
        elif used >= (DEFAULT_MAX_ATTEMPTS if policy.max_attempts is None else policy.max_attempts):
            return None
        self._used[policy] += 1
        try:
            return min(policy.interval_seconds * policy.backoff_rate**used, LONGEST_DELAY_SECONDS)
        except OverflowError:
            return LONGEST_DELAY_SECONDS
