from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.spec.diagnostics import Findings
from pipeline.spec.json_text import DEEPEST, note_odd_texts, odd_character, parse_document, parse_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_is_read_as_python_reads_it(value: object) -> None:
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it is not JSON: Expecting property name"),
        ('{"a": NaN}', "NaN, which JSON does not have"),
        ("[-Infinity]", "-Infinity, which JSON does not have"),
        ("[1e999]", "the number '1e999' is too large"),
        ("1" * 5000, "the number 11111111111111111111… has 5,000 digits, more than 100"),
        ('{"Name": 1, "Name": 1}', "the key 'Name' is in one object twice"),
        ("[" * 100_000, "it is nested more than 200 levels deep"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "it is nested more than 200 levels deep"),
    ],
)
def test_what_json_does_not_have_or_what_means_two_things_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 300 + "]" * 300, "{", "1" * 5000, b"\xff"])
def test_what_a_job_wrote_that_cannot_be_read_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|nested|Expecting|digits|decode"):
        parse_document(text)


def test_what_a_job_wrote_is_read_as_python_writes_it() -> None:
    assert parse_document(b'{"a": NaN, "a": [1, Infinity]}') == {"a": [1, math.inf]}


def test_the_deepest_nesting_is_read() -> None:
    assert json.dumps(parse_json("[" * DEEPEST + "]" * DEEPEST)) == "[" * DEEPEST + "]" * DEEPEST


def test_texts_that_nothing_can_hold_are_noted_with_their_place() -> None:
    findings = Findings()
    value = parse_json(r'{"a": ["fine \ud83d\ude00", "\u0000"], "\ud800": 1}')
    note_odd_texts(value, "$", findings)
    assert [*map(str, findings.entries)] == [
        r"$.a[1]: a NUL character (\u0000) fits into no argument, environment variable or file name. "
        r"It is in '\x00'.",
        r"$['\ud800']: half a surrogate pair (\ud800) is not a character. It is in '\ud800'.",
    ]
    assert odd_character("é\n") is None
