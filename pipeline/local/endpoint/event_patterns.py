"""Event patterns: moto's matcher, behind a check of what it would pass over.

moto 5.2.5 matches as the service does (prefix, suffix, anything-but, numeric, exists, wildcard, $or and so on), but
takes an operator that it does not know, such as a misspelt one, for one that matches everything, and wildcards that
the service refuses.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.local.endpoint.wire import ServiceError, read_json
from pipeline.printable import printable

Event = Mapping[str, Any]
_COMPARISONS = ("<", "<=", "=", ">=", ">")
# A word of the pattern's, or several.
_WORDS = ("suffix", "equals-ignore-case", "wildcard", "prefix")
# As the service's own parser reads it (github.com/aws/event-ruler, WildcardParser.java): no two * in a row, and a
# backslash stands before * or another backslash only.
_WILDCARD = re.compile(r"(?:\*(?!\*)|\\[*\\]|[^*\\])*", re.DOTALL)


def matcher(pattern: str) -> Callable[[Event], bool]:
    """Whether an event matches the pattern.

    Raises:
        ServiceError: it is no pattern.
    """
    try:
        parsed = read_json(pattern)
    except ValueError:
        raise _invalid("it is not JSON") from None
    for problem in _problems(parsed):
        raise _invalid(problem)
    # Half a second, and only those who have rules need it.
    from moto.events.models import EventPattern

    matches: Callable[[Event], bool] = EventPattern(pattern, parsed).matches_event
    return matches


def _invalid(problem: str) -> ServiceError:
    return ServiceError(
        "InvalidEventPatternException", f"Event pattern is not valid. Reason: {printable(problem)}."
    )


def _problems(node: Any, place: str = "the pattern") -> Iterator[str]:
    if not isinstance(node, dict) or not node:
        yield f"{place} must be an object with members, or an array"
        return
    for name, value in node.items():
        if name == "$or":
            if not isinstance(value, list) or len(value) < 2:
                yield "$or must be an array of at least two objects"
            else:
                for each in value:
                    yield from _problems(each, "what $or lists")
        elif isinstance(value, dict):
            yield from _problems(value, f"{name!r}")
        elif not isinstance(value, list) or not value:
            yield f"{name!r} must be an object, or an array that is not empty"
        else:
            for each in value:
                yield from _filter_problems(each, name)


def _filter_problems(value: Any, name: str) -> Iterator[str]:
    """What is wrong with one of the values of an array."""
    if isinstance(value, list):
        yield f"{name!r} has an array in its array"
    elif isinstance(value, dict):
        if len(value) != 1:
            yield f"a match of {name!r} must have exactly one operator"
            return
        ((operator, argument),) = value.items()
        if not _fits(operator, argument):
            yield f"{name!r} has no such match: {json.dumps(value)}"


def _fits(operator: str, argument: Any) -> bool:
    match operator:
        case "exists":
            return isinstance(argument, bool)
        case "numeric":
            return _is_comparison(argument)
        case "cidr":
            return _is_network(argument)
        case "anything-but" if isinstance(argument, dict):
            ((inner, words),) = argument.items() if len(argument) == 1 else (("", None),)
            return inner in _WORDS and _are_words(words, inner)
        case "anything-but":
            return _is_scalar(argument) or (
                isinstance(argument, list) and bool(argument) and all(map(_is_scalar, argument))
            )
        case "prefix" | "suffix" if isinstance(argument, dict):
            return list(argument) == ["equals-ignore-case"] and isinstance(
                argument["equals-ignore-case"], str
            )
    return operator in _WORDS and _is_word(argument, operator)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _are_words(value: Any, operator: str) -> bool:
    return _is_word(value, operator) or (
        isinstance(value, list) and bool(value) and all(_is_word(each, operator) for each in value)
    )


def _is_word(value: Any, operator: str) -> bool:
    return isinstance(value, str) and (operator != "wildcard" or _WILDCARD.fullmatch(value) is not None)


def _is_comparison(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (2, 4)
        and all(each in _COMPARISONS for each in value[::2])
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value[1::2])
    )


def _is_network(value: Any) -> bool:
    try:
        ipaddress.ip_network(value)
    except (TypeError, ValueError):
        return False
    return isinstance(value, str)
