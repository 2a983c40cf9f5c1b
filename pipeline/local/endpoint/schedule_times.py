"""When a ScheduleExpression of EventBridge's rules is due: rate(…) and cron(…), in UTC.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pipeline.local.endpoint.wire import VALIDATION, ServiceError

_RATE = re.compile(r"rate\(([1-9][0-9]{0,8}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.+)\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# Of cron's fields, in order: the least and the most, and what they may be called instead.
_FIELDS: tuple[tuple[int, int, Sequence[str]], ...] = (
    (0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (1, 7, _WEEKDAYS), (1970, 2199, ()),
)  # fmt: skip
# The 29th of February is at most so far away.
_FARTHEST = timedelta(days=8 * 366)
# By a moment and when the rule was made, both in seconds since the epoch: when it is due next; None: never.
Due = Callable[[float, float], float | None]


@lru_cache(maxsize=256)
def due_times(expression: str) -> Due:
    """What tells when the expression is due. Raises ServiceError when it is none, or has what is not read here."""
    if rate := _RATE.fullmatch(expression):
        count = int(rate[1])
        if (count == 1) != (rate[3] == ""):
            raise _not_valid()
        step = count * _SECONDS[rate[2]]
        return lambda after, made: made + ((after - made) // step + 1) * step
    cron = _CRON.fullmatch(expression)
    fields = cron[1].split() if cron else []
    # A day of the month or one of the week is left open.
    if len(fields) != len(_FIELDS) or (fields[2] == "?") == (fields[4] == "?"):
        raise _not_valid()
    if re.search(r"[#W]|[0-9]L", fields[2] + fields[4]) and not re.search(r"WED", fields[4]):
        raise ServiceError(
            VALIDATION,
            "The local SageMaker reads no W, # and 5L in schedules: name days, or L for a month's last.",
        )
    last_day = fields[2] == "L"
    minutes, hours, days, months, weekdays, years = (
        _values("*" if text in ("?", "L") and place in (2, 4) else text, *_FIELDS[place])
        for place, text in enumerate(fields)
    )

    def fits(day: datetime) -> bool:
        is_last = (day + timedelta(days=1)).day == 1
        return (
            day.year in years
            and day.month in months
            and day.day in days
            and day.isoweekday() % 7 + 1 in weekdays
            and (is_last or not last_day)
        )

    def next_time(after: float, made: float) -> float | None:
        begin = datetime.fromtimestamp(after, UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        day = begin.replace(hour=0, minute=0)
        while day <= begin + _FARTHEST:
            if fits(day):
                for hour in sorted(hours):
                    for minute in sorted(minutes):
                        if (at := day.replace(hour=hour, minute=minute)) >= begin:
                            return at.timestamp()
            day += timedelta(days=1)
        return None

    return next_time


def _values(text: str, low: int, high: int, names: Sequence[str]) -> frozenset[int]:
    """The numbers that one of cron's fields stands for."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, every = part.partition("/")
        first, dash, last = span.partition("-")
        begin = low if span == "*" else _number(first, low, high, names)
        end = _number(last, low, high, names) if dash else high if slash or span == "*" else begin
        found.update(range(begin, end + 1, _number(every, 1, high, ()) if slash else 1))
    if not found:
        raise _not_valid()
    return frozenset(found)


def _number(text: str, low: int, high: int, names: Sequence[str]) -> int:
    # Both kinds of names begin with 1.
    number = (
        names.index(text) + 1 if text in names else int(text) if re.fullmatch(r"[0-9]{1,4}", text) else -1
    )
    if not low <= number <= high:
        raise _not_valid()
    return number


def _not_valid() -> ServiceError:
    return ServiceError(VALIDATION, "Parameter ScheduleExpression is not valid.")
