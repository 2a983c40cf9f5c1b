"""Guards a boto3 session against answers that are not AWS's: a proxy's, a stand-in's, or none at all.

botocore checks requests against its model of the service, and answers not at all. Clients of a guarded session do:
a member of the wrong type, a member that is missed when it is asked for, pages without an end and a service that
keeps silent are errors that name the operation.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.paginate import PageIterator
from botocore.parsers import ResponseParserError

from pipeline.errors import AwsError
from pipeline.printable import printable

# No list that this project reads has as many pages.
MOST_PAGES = 10_000
# So long after its first try a request is not tried again.
PATIENCE_SECONDS = 120.0
_LOOK = "Is it AWS that answers there? Look at proxies and AWS_ENDPOINT_URL."
_SHOWN = 200  # characters of what came from elsewhere
# botocore decodes these texts itself, after it has read the answer.
_DECODED = frozenset({"policyDocumentType", "TemplateBody"})
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "structure": ("an object", (dict,)),
    "map": ("an object", (dict,)),
    "list": ("a list", (list,)),
    "string": ("a text", (str,)),
    "character": ("a text", (str,)),
    "boolean": ("true or false", (bool,)),
    "integer": ("a number", (int,)),
    "long": ("a number", (int,)),
    "float": ("a number", (int, float)),
    "double": ("a number", (int, float)),
    "timestamp": ("a time", (datetime.datetime,)),
}


class OddAnswerError(AwsError, KeyError):
    """What answered is not AWS as it is documented. A KeyError, too: that is what a dict's user may expect."""

    __str__ = Exception.__str__

    def __init__(self, operation: str, fault: str) -> None:
        super().__init__(f"The answer to {operation} is not one of AWS's: {fault}. {_LOOK}")


class NoAnswerError(BotoCoreError):  # type: ignore[misc]
    """A request was tried again and again for so long that it is given up."""

    fmt = "there was no answer to {operation} within {seconds:.0f} s"


class Answer(dict[str, Any]):
    """A structure of an answer. Asking it for a member that it lacks raises OddAnswerError."""

    def __init__(self, members: Mapping[str, Any], operation: str, path: str) -> None:
        super().__init__(members)
        self._operation, self._path = operation, path

    def __missing__(self, key: str) -> Any:
        raise OddAnswerError(self._operation, f"it has no {self._path}{key}")


class Pages(PageIterator):  # type: ignore[misc]
    """The pages of a list, which must come to an end: no page's token may have been an earlier one's."""

    def __iter__(self) -> Iterator[Any]:
        """The pages, from the first one on."""
        self._tokens: set[str] = set()
        return super().__iter__()  # type: ignore[no-any-return]

    def _get_next_token(self, parsed: Any) -> dict[str, Any]:
        token: dict[str, Any] = super()._get_next_token(parsed)
        if any(each is not None for each in token.values()):
            names = self._method.__self__.meta.method_to_api_mapping
            text = ", ".join(map(str, token.values()))
            require_new(text, self._tokens, names[self._method.__name__])
        return token


def require_new(token: str, seen: set[str], operation: str) -> None:
    """Notes the token of a next page in `seen`. Raises OddAnswerError when it was there, or there are too many."""
    if token in seen:
        raise OddAnswerError(operation, f"the token of its next page is an earlier page's ({_short(token)})")
    if len(seen) >= MOST_PAGES:
        raise OddAnswerError(operation, f"it has more than {MOST_PAGES:,} pages")
    seen.add(token)


def guard(session: Any) -> Any:
    """Has the clients that the boto3 session makes from now on check what they are answered; returns it."""
    session.events.register("creating-client-class", _add_checks)
    session.events.register("request-created", _be_patient)
    return session


def the_only(found: list[Any], operation: str, member: str) -> Any:
    """The one element of a list that has one. Raises OddAnswerError when it has none, or several."""
    if len(found) != 1:
        raise OddAnswerError(operation, f"{member} has {len(found)} elements, and one was asked for")
    return found[0]


def checked(value: Any, shape: Any, operation: str, path: str = "") -> Any:
    """`value`, an Answer for each structure in it. Raises OddAnswerError where it is not of botocore's `shape`."""
    if shape.type_name not in _TYPES or getattr(shape, "is_document_type", False):
        return value  # a body, or anything at all
    if shape.name in _DECODED and isinstance(value, dict):
        return value
    expected, types = _TYPES[shape.type_name]
    fits: bool = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    if not fits:
        found = _short(repr(value))
        raise OddAnswerError(operation, f"{path or 'it'} should be {expected}, and is {found}")
    if shape.type_name == "list":
        return [checked(each, shape.member, operation, f"{path}[{at}]") for at, each in enumerate(value)]
    if shape.type_name == "map":
        return {key: checked(each, shape.value, operation, f"{path}.{key}") for key, each in value.items()}
    if shape.type_name == "structure":
        before = f"{path}." if path else ""
        members = {
            key: checked(each, shape.members[key], operation, before + key) if key in shape.members else each
            for key, each in value.items()
        }
        return Answer(members, operation, before)
    return value


class _Checks:
    """What is added to the classes of clients."""

    def _make_api_call(self, operation_name: str, api_params: Any) -> Any:
        call: Callable[[str, Any], Any] = super()._make_api_call  # type: ignore[misc]
        try:
            answer = call(operation_name, api_params)
        except (ClientError, BotoCoreError, ResponseParserError, AwsError):
            raise
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            # botocore's parsers trip over what they do not foresee.
            raise OddAnswerError(operation_name, f"{type(error).__name__}: {_short(str(error))}") from error
        shape = self.meta.service_model.operation_model(operation_name).output_shape  # type: ignore[attr-defined]
        return answer if shape is None else checked(answer, shape, operation_name)

    def get_paginator(self, operation_name: str) -> Any:
        """botocore's, with pages that end."""
        paginator = super().get_paginator(operation_name)  # type: ignore[misc]
        paginator.PAGE_ITERATOR_CLS = Pages
        return paginator


def _add_checks(base_classes: list[type], **_: Any) -> None:
    base_classes.insert(0, _Checks)


def _be_patient(request: Any, operation_name: str, **_: Any) -> None:
    """Called before each try of a request. Raises NoAnswerError when the first one was long ago."""
    now = time.monotonic()
    waited = now - request.context.setdefault("first_tried", now)
    if waited > PATIENCE_SECONDS:
        raise NoAnswerError(operation=operation_name, seconds=waited)


def _short(text: str) -> str:
    return printable(text)[:_SHOWN]
