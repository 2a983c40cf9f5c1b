"""ISO 8601 durations as step caching uses them: P30D, PT1H, and AWS's own examples without the P, 30d and T16m."""

from __future__ import annotations

import re

_DURATION = re.compile(
    r"P?(?=.*\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.IGNORECASE,
)
_DAY = 86400
# A year and a month are not durations of one length. For how long a result is good, these are near enough.
_SECONDS = {
    "years": 365 * _DAY,
    "months": 30 * _DAY,
    "weeks": 7 * _DAY,
    "days": _DAY,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}


def parse_duration(text: str) -> int:
    """The duration in seconds; a year counts 365 days, a month 30.

    Raises:
        ValueError: `text` is no duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"expected an ISO 8601 duration such as P30D. Received: {text!r}")
    return sum(int(number) * _SECONDS[unit] for unit, number in match.groupdict().items() if number)
