"""What differs between two JSON values, place by place."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.local.engine.json_changes import differences, two_texts
from pipeline.spec.definition import MISSING


def found(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    return [(each.name, each.before, each.after) for each in differences(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", 1, 2)]),
        ({"a": 1}, {"b": None}, [("a", 1, MISSING), ("b", MISSING, None)]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, [("a[1]", 2, MISSING)]),
        ({"a": [1, 2]}, {"a": [0, 1, 2]}, [("a[0]", MISSING, 0)]),
        ({"a": ["x", 1]}, {"a": ["x", 2]}, [("a[1]", 1, 2)]),
        ({"a": [{"InputName": "x", "v": 1}]}, {"a": [{"InputName": "x", "v": 2}]}, [("a[x].v", 1, 2)]),
        (
            {"a": [{"Name": "x"}, {"Name": "y"}]},
            {"a": [{"Name": "y"}, {"Name": "x"}]},
            [("the order of a", ["x", "y"], ["y", "x"])],
        ),
        (
            {"a": [{"Name": "x"}]},
            {"a": [{"Name": "z"}]},
            [("a[x]", {"Name": "x"}, MISSING), ("a[z]", MISSING, {"Name": "z"})],
        ),
        ({"a": '{"lr": 1, "n": 2}'}, {"a": '{"lr": 3, "n": 2}'}, [("a.lr", 1, 3)]),
        ({"a": "{1"}, {"a": "{2"}, [("a", "{1", "{2")]),
        ({"a": []}, {"a": {}}, [("a", [], {})]),
    ],
)
def test_each_place_that_differs_is_named(
    before: Any, after: Any, expected: list[tuple[str, Any, Any]]
) -> None:
    assert found(before, after) == expected


def test_the_path_leads_to_the_place_in_the_later_value() -> None:
    before = {"In": [{"InputName": "a", "Uri": 1}]}
    after = {"In": [{"InputName": "b", "Uri": 0}, {"InputName": "a", "Uri": 2}]}
    paths = {each.name: each.path for each in differences(before, after)}
    assert paths == {"In[a].Uri": ("In", 1, "Uri"), "In[b]": ("In", 0)}


def test_long_texts_are_cut_to_where_they_differ() -> None:
    before, after = "x" * 500 + "1" + "y" * 500, "x" * 500 + "2" + "y" * 500
    texts = two_texts(before, after)
    assert [len(text) for text in texts] == [122, 122]
    assert [text.strip("…xy") for text in texts] == ["1", "2"]


def test_a_side_that_is_missing_reads_as_none() -> None:
    assert two_texts(MISSING, "ä") == ("none", '"ä"')
