"""What FilterLogEvents gives of the events that it found: sorted, in pages."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable

from pipeline.local.endpoint.wire import Request, ServiceError

# What is given at once, at most: as documented.
MOST_EVENTS, MOST_BYTES = 10_000, 1 << 20
# When, in milliseconds; the stream's name; the line's number there: what events are sorted by.
Place = tuple[int, str, int]


def searched(found: Iterable[tuple[int, str, int, str]], request: Request) -> Request:
    """The answer to a request that found these lines, each with its place before it.

    Raises:
        ServiceError: NextToken is none that this server gave.
    """
    forwards, after = _read_token(request)
    earliest, latest = request.get("startTime", 0), request.get("endTime")
    lines = [each for each in found if earliest <= each[0] and (latest is None or each[0] <= latest)]
    lines.sort(reverse=not forwards)
    if after is not None:
        lines = [each for each in lines if (each[:3] > after if forwards else each[:3] < after)]
    events: list[Request] = []
    size, most = 0, min(request.get("limit", MOST_EVENTS), MOST_EVENTS)
    for at, name, number, text in lines:
        size += len(text)
        # One line is given however long it is: a reader must get past it.
        if len(events) == most or (events and size > MOST_BYTES):
            break
        # The service's ids have 56 digits, too.
        event_id = f"{at:020d}{zlib.crc32(name.encode()):010d}{number:026d}"
        place = {"logStreamName": name, "timestamp": at, "eventId": event_id}
        events.append({**place, "message": text, "ingestionTime": at})
    answer: Request = {"events": events, "searchedLogStreams": []}
    if len(events) < len(lines):
        answer["nextToken"] = _token(forwards, *lines[len(events) - 1][:3])
    return answer


def wrong(message: str) -> ServiceError:
    """What the service calls a request that it cannot take."""
    return ServiceError("InvalidParameterException", message)


def _token(forwards: bool, *place: int | str) -> str:
    return base64.urlsafe_b64encode(json.dumps([forwards, *place]).encode()).decode()


def _read_token(request: Request) -> tuple[bool, Place | None]:
    """Whether the earliest come first, and the place that the last page ended with."""
    if (token := request.get("nextToken")) is None:
        return request.get("startFromHead", True), None
    try:
        forwards, at, name, number = json.loads(base64.b64decode(token.encode(), b"-_", validate=True))
        if [type(each) for each in (forwards, at, name, number)] == [bool, int, str, int]:
            return forwards, (at, name, number)
    except (ValueError, TypeError):
        pass
    raise wrong("The specified nextToken is invalid.")
