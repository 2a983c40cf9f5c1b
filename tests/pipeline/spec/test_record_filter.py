"""The filters of a transform job's records, against the operators and examples of the developer guide."""

from typing import Any

import pytest

from pipeline.spec.record_filter import parse_filter

ROW = ["id", "1", "2", "3"]
RECORD = {"id": 7, "features": [1, 2, 3], "more": {"a": 1, "b": 2}, "SageMakerOutput": {"label": 1}}


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("$", ROW, ROW),
        ("", ROW, ROW),
        ("$[0]", ROW, "id"),
        ("$[1:]", ROW, ["1", "2", "3"]),
        ("$[:2]", ROW, ["id", "1"]),
        ("$[0:-1]", ROW, ["id", "1", "2"]),
        ("$[0,-1]", ROW, ["id", "3"]),
        ("$[*]", ROW, ROW),
        ("$.features", RECORD, [1, 2, 3]),
        ("$['features']", RECORD, [1, 2, 3]),
        ('$["features"][1:]', RECORD, [2, 3]),
        ("$['id','SageMakerOutput']", RECORD, {"id": 7, "SageMakerOutput": {"label": 1}}),
        ("$.['id', 'features']", RECORD, {"id": 7, "features": [1, 2, 3]}),
        ("$.more.*", RECORD, [1, 2]),
        ("$.SageMakerOutput.label", RECORD, 1),
    ],
)
def test_it_takes_its_part_of_a_record(text: str, value: Any, expected: Any) -> None:
    assert parse_filter(text).select(value) == expected


@pytest.mark.parametrize("text", ["id", "$.", "$[", "$[a]", "$[1:2:3]", "$.a[?(@.x)]", "$..a", "$ [0]"])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a JSONPath of"):
        parse_filter(text)


def test_a_long_filter_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 63 characters"):
        parse_filter("$." + "a" * 62)


@pytest.mark.parametrize(
    ("text", "value", "message"),
    [
        ("$[4]", ROW, "needs item 4, but there are only 4"),
        ("$[-5]", ROW, "needs item -5, but there are only 4"),
        ("$.x", RECORD, "needs 'x', which"),
        ("$['x','id']", RECORD, "needs 'x', which"),
        ("$.x", ROW, "needs an object with 'x', not"),
        ("$[0]", RECORD, "needs a list, not"),
        ("$.id.*", RECORD, "needs a list, not 7"),
    ],
)
def test_what_a_record_has_not_is_named(text: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_filter(text).select(value)
