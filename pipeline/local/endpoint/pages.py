"""Lists as the service gives them: filtered by time, sorted, in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError, seconds_of

Item = TypeVar("Item")
_LONGEST_PAGE = 100


def page(items: Sequence[Item], request: Request, longest: int = _LONGEST_PAGE) -> tuple[list[Item], Request]:
    """The page of `items` that the request asks for, and what the answer says of the next one.

    Raises:
        ServiceError: NextToken is none that this server gave.
    """
    begin = _place(request.get("NextToken"))
    end = begin + min(request.get("MaxResults") or longest, longest)
    more = {"NextToken": _token(end)} if end < len(items) else {}
    return list(items[begin:end]), more


def within(items: Iterable[Item], request: Request, times: Mapping[str, Callable[[Item], Any]]) -> list[Item]:
    """The items whose `times` are within what the request says of each: `<name>After` and `<name>Before`."""
    found = list(items)
    for name, time_of in times.items():
        for word, keeps in (("After", float.__gt__), ("Before", float.__lt__)):
            if (limit := request.get(f"{name}{word}")) is not None:
                edge = seconds_of(limit)
                found = [item for item in found if keeps(float(time_of(item) or 0), edge)]
    return found


def ordered(items: Iterable[Item], key: Callable[[Item], Any], request: Request) -> list[Item]:
    """The items sorted by `key`, in the request's SortOrder; equal ones in the order given, or against it."""
    found = sorted(items, key=key)
    return found if request.get("SortOrder") == "Ascending" else found[::-1]


def listed(
    items: Iterable[Mapping[str, Any]], request: Request, word: str
) -> tuple[list[Mapping[str, Any]], Request]:
    """The page of items (`<word>Name`, `<word>Status`, times) that a List request asks for, and the next one's."""
    name, status = f"{word}Name", f"{word}Status"
    part = (request.get("NameContains") or "").lower()
    found = [each for each in items if part in each[name].lower()]
    if (wanted := request.get("StatusEquals")) is not None:
        found = [each for each in found if each[status] == wanted]
    times = {name: itemgetter(name) for name in ("CreationTime", "LastModifiedTime")}
    found = within(found, request, times)
    by = {"Name": name, "Status": status}.get(request.get("SortBy", ""), "CreationTime")
    return page(ordered(found, lambda each: each[by], request), request)


def _token(place: int) -> str:
    return base64.urlsafe_b64encode(f"from {place}".encode()).decode()


def _place(token: str | None) -> int:
    if not token:
        return 0
    try:
        word, place = base64.b64decode(token.encode(), b"-_", validate=True).decode("ascii").split()
        if word == "from" and place.isdecimal():
            return int(place[:9])
    except (ValueError, binascii.Error):
        pass
    raise ServiceError(VALIDATION, "NextToken is not one that this server gave. Start the list again.")
