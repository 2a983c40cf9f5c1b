"""Filters and joins: the developer guide's examples, and what cannot be joined."""

from typing import Any

import pytest

from pipeline.local.jobs.transform.processing import Processing
from pipeline.local.jobs.transform.records import Record, RecordError

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


def processing(kind: str, split: str = "Line", accept: str | None = None, **wanted: str) -> Processing:
    return Processing.of(
        {
            "TransformInput": {"ContentType": kind, "SplitType": split},
            "TransformOutput": {"Accept": kind if accept is None else accept},
            "DataProcessing": wanted,
        }
    )


def records(*contents: bytes) -> list[Record]:
    return [Record(content, ("line", number), b"") for number, content in enumerate(contents, 1)]


def result(
    done: Processing, contents: list[bytes], answer: bytes, kind: str = "", *, assembled: bool = True
) -> bytes:
    return done.result(records(*contents), answer, kind, assembled=assembled)


@pytest.mark.parametrize(
    ("kind", "wanted", "contents", "payload"),
    [
        (CSV, "$[1:]", b"id,1,2\n", b"1,2\n"),
        (CSV, "$[1:]", b'id,"a,b",2\n', b'"a,b",2\n'),
        (CSV, "$[0]", b"id,1,2", b"id\n"),
        (CSV, "$", b"id, 1\r\n", b"id, 1\r\n"),
        (LINES, "$.features", b'{"id":1,"features":[1, 2.50]}\n', b"[1,2.5]\n"),
        ("text/csv; charset=utf-8", "$[1:]", b"\xef\xbb\xbfid,1\n", b"1\n"),
        ("application/x-own", "$", b"anything", b"anything"),
    ],
)
def test_what_is_sent_of_a_record(kind: str, wanted: str, contents: bytes, payload: bytes) -> None:
    assert processing(kind, InputFilter=wanted).payload(records(contents)[0]) == payload


@pytest.mark.parametrize(
    ("kind", "wanted", "contents", "answer", "expected"),
    [
        (CSV, {}, [b"1,2,3\n"], b"1\n", b"1,2,3,1\n"),
        (CSV, {"InputFilter": "$[1:]"}, [b"id,1\n", b"other,2\n"], b"0.5\n0.7\n", b"id,1,0.5\nother,2,0.7\n"),
        (CSV, {"OutputFilter": "$[0,-1]"}, [b'"a,b",1\n'], b"0.5", b'"a,b",0.5\n'),
        (LINES, {}, [b'{"key":1}\n'], b'{"label":1}', b'{"key":1,"SageMakerOutput":{"label":1}}\n'),
        (LINES, {}, [b"[1,2]\n"], b"3\n", b'{"SageMakerInput":[1,2],"SageMakerOutput":3}\n'),
        (
            LINES,
            {"InputFilter": "$.features", "OutputFilter": "$['id','SageMakerOutput']"},
            [b'{"id":1,"features":[1]}\n', b'{"id":2,"features":[2]}\n'],
            b'{"label":0}\n{"label":1}\n',
            b'{"id":1,"SageMakerOutput":{"label":0}}\n{"id":2,"SageMakerOutput":{"label":1}}\n',
        ),
        (JSON, {}, [b'{"key": 1}'], b'{\n "label": 1\n}\n', b'{"key":1,"SageMakerOutput":{"label":1}}\n'),
    ],
)
def test_answers_are_joined_to_their_records(
    kind: str, wanted: dict[str, str], contents: list[bytes], answer: bytes, expected: bytes
) -> None:
    assert result(processing(kind, JoinSource="Input", **wanted), contents, answer) == expected


def test_without_filters_answers_are_kept_as_they_are_and_end_a_line_once() -> None:
    done = processing("application/x-own")
    assert [result(done, [b"x"], answer) for answer in (b"a", b"a\n", b"")] == [b"a\n", b"a\n", b"\n"]
    assert result(done, [b"x"], b"a", assembled=False) == b"a"


def test_answers_alone_are_filtered_in_their_own_form() -> None:
    done = processing(CSV, accept=JSON, OutputFilter="$.class")
    assert result(done, [b"1,2\n"], b'{"class": "cat", "score": 1}') == b'"cat"\n'
    # The form that the model says, where none is asked for.
    assert result(processing(CSV, accept="", OutputFilter="$.a"), [b"1\n"], b'{"a": 1}', JSON) == b"1\n"
    assert result(processing(CSV, accept="", OutputFilter="$[0]"), [b"1\n"], b"a,b\n", "text/html") == b"a\n"


@pytest.mark.parametrize(
    ("done", "contents", "answer", "message", "where"),
    [
        (
            processing(CSV, JoinSource="Input"),
            [b"1\n", b"2\n"],
            b"0.5\n",
            "answered 1 records to 2",
            "lines 1 to 2",
        ),
        (
            processing(CSV, JoinSource="Input"),
            [b"1\n"],
            b'a "b\n"c',
            "the model's answer is not CSV",
            "line 1",
        ),
        (
            processing(LINES, JoinSource="Input"),
            [b"{}\n"],
            b"<html>",
            "the model's answer is not JSON",
            "line 1",
        ),
        (
            processing(LINES, JoinSource="Input"),
            [b"{}\n", b"{\n"],
            b"1\n2\n",
            "it is not JSON: Expecting property name enclosed in double quotes at character 2 ",
            "line 2",
        ),
        (processing(CSV, JoinSource="Input", OutputFilter="$[5]"), [b"1\n"], b"2\n", "item 5", "line 1"),
        (
            processing(CSV, accept="x/y", JoinSource="Input"),
            [b"1\n"],
            b"2\n",
            "answers of x/y are not",
            "line 1",
        ),
        (
            processing(CSV, accept="", JoinSource="Input"),
            [b"1\n"],
            b"{}",
            "not filtered and joined",
            "line 1",
        ),
    ],
)
def test_what_cannot_be_joined_is_named(
    done: Processing, contents: list[bytes], answer: bytes, message: str, where: str
) -> None:
    with pytest.raises(RecordError, match=message) as refused:
        result(done, contents, answer, JSON)
    assert refused.value.where == where


@pytest.mark.parametrize(
    ("kind", "wanted", "content", "message"),
    [
        (CSV, "$[3]", b"1,2\n", "item 3"),
        (CSV, "$.x", b"1,2\n", "needs an object"),
        (CSV, "$[0]", b'"open\n', "unexpected end"),
        (
            LINES,
            "$.x",
            b"not json\n",
            r"^it is not JSON: Expecting value at character 1 \(it begins with 'not json'\)$",
        ),
        ("text/plain", "$[0]", b"1\n", "records of text/plain are not filtered"),
        ("", "$[0]", b"1\n", "records of no ContentType are not filtered"),
        (CSV, "$[0]", b"\xff\n", "^it is not CSV: byte 1 is not UTF-8"),
    ],
)
def test_what_cannot_be_filtered_is_named(kind: str, wanted: str, content: bytes, message: str) -> None:
    with pytest.raises(RecordError, match=message) as refused:
        processing(kind, InputFilter=wanted).payload(records(content)[0])
    assert refused.value.where == "line 1"


def test_a_request_that_says_nothing_changes_nothing() -> None:
    done: Any = Processing.of({"TransformInput": {}, "TransformOutput": {"S3OutputPath": "s3://b/o"}})
    assert done.before.whole
    assert done.after.whole
    assert not done.joined
