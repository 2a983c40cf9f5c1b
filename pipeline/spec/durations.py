"""ISO 8601 durations as step caching uses them: P30D, PT1H, and AWS's own examples without the P, 30d and T16m."""

from __future__ import annotations

import re

from pipeline.shown import shown

_DURATION = re.compile(
    r"P?(?=.*[0-9])(?:(?P<years>[0-9]{1,6})Y)?(?:(?P<months>[0-9]{1,6})M)?(?:(?P<weeks>[0-9]{1,6})W)?(?:(?P<days>[0-9]{1,6})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,6})H)?(?:(?P<minutes>[0-9]{1,6})M)?(?:(?P<seconds>[0-9]{1,6})S)?)?",
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
        raise ValueError(f"must be an ISO 8601 duration such as P30D, not {shown(text)}.")
    return sum(int(number) * _SECONDS[unit] for unit, number in match.groupdict().items() if number)
