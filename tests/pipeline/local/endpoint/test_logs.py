"""FilterLogEvents: patterns, pages, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.local.endpoint.log_patterns import log_matcher
from pipeline.local.endpoint.log_search import MOST_BYTES, searched
from pipeline.local.endpoint.wire import ServiceError
from tests.pipeline.local.endpoint.conftest import User

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR", True),
        ("ERROR", "an error", False),
        ("one two", "two, one", True),
        ("one two", "one", False),
        ('"one two"', "two one", False),
        ('"one \\"two\\""', 'one "two"', True),
        ("?one ?two", "two", True),
        ("?one ?two", "three", False),
        ("one ?two", "one", True),
        ("one -two", "one", True),
        ("one -two", "one two", False),
        ('-"two three"', "one", True),
    ],
)
def test_a_pattern_of_words_and_phrases(pattern: str, message: str, matches: bool) -> None:
    assert log_matcher(pattern)(message) is matches


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{ $.a = 1 }", "no filter patterns of JSON"),
        ("[a, b]", "no filter patterns of columns"),
        ("%ERR.*%", "no filter patterns of regular expressions"),
        ('"open', 'put quotation marks around "open.'),
        ("a:b", "put quotation marks around a:b."),
        ("one a.b", "put quotation marks around a.b."),
    ],
)
def test_another_is_refused_by_name(pattern: str, said: str) -> None:
    with pytest.raises(ServiceError, match=re.escape(said)):
        log_matcher(pattern)


def test_events_of_streams_come_by_time_and_what_comes_between_pages_is_given_once() -> None:
    lines = [(time, stream, 0, f"{stream}{time}") for stream in "ab" for time in range(5)]
    first = searched(lines, {"limit": 3})
    assert [each["message"] for each in first["events"]] == ["a0", "b0", "a1"]
    more = [(0, "c", 0, "c0"), *lines, (9, "a", 5, "a9")]
    rest = searched(more, {"nextToken": first["nextToken"]})
    assert [each["message"] for each in rest["events"]] == ["b1", "a2", "b2", "a3", "b3", "a4", "b4", "a9"]
    assert "nextToken" not in rest
    last = searched(lines, {"limit": 2, "startFromHead": False})
    assert [each["message"] for each in last["events"]] == ["b4", "a4"]
    assert searched(lines, {"nextToken": last["nextToken"], "limit": 1})["events"][0]["message"] == "b3"


def test_a_page_has_a_megabyte_or_one_event() -> None:
    lines = [(time, "a", time, "x" * size) for time, size in enumerate((MOST_BYTES + 1, 10, MOST_BYTES))]
    sizes: list[list[int]] = []
    token: dict[str, str] = {}
    while True:
        page = searched(lines, token)
        sizes.append([len(each["message"]) for each in page["events"]])
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert sizes == [[MOST_BYTES + 1], [10], [MOST_BYTES]]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "One of logGroupName and logGroupIdentifier must be given"),
        ({"logGroupName": GROUP, "logGroupIdentifier": GROUP}, "One of logGroupName"),
        (
            {"logGroupName": GROUP, "logStreamNames": ["a"], "logStreamNamePrefix": "a"},
            "cannot be given both",
        ),
        ({"logGroupName": GROUP, "nextToken": "bm8="}, "nextToken is invalid"),
        ({"logGroupName": GROUP, "logStreamNames": ["a"]}, "log stream does not exist"),
        ({"logGroupName": "/nobody"}, "log group does not exist"),
        ({"logGroupName": GROUP, "filterPattern": "{$.a}"}, "no filter patterns of JSON"),
        ({"logGroupName": GROUP, "limit": 10_001}, "limit"),
    ],
)
def test_what_is_wrong_is_named(user: User, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        user.logs.filter_log_events(**asked)


def test_a_group_without_events_gives_none(user: User) -> None:
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"
    assert user.logs.filter_log_events(logGroupIdentifier=arn, logStreamNamePrefix="nobody")["events"] == []
