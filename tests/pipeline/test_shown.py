from __future__ import annotations

import pytest

from pipeline.near_match import did_you_mean
from pipeline.shown import cut, first_line, listed, listing, shown
from pipeline.spec.json_path import child, short_path


def test_a_value_is_written_as_python_writes_it() -> None:
    assert shown("a\0b") == r"'a\x00b'"
    assert shown({"Get": None}) == "{'Get': None}"


def test_a_long_value_loses_its_end_and_says_how_long_it_was() -> None:
    assert shown("x" * 5000) == "'" + "x" * 119 + "… (5,002 characters)"
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "abc… (4 characters)"


def test_a_line_that_announces_another_is_shown_with_it() -> None:
    assert first_line("one\ntwo") == "one"
    assert first_line("cannot execute:\n  $.Steps[0]: no\nmore") == "cannot execute: $.Steps[0]: no"
    assert (first_line("nothing follows:"), first_line("")) == ("nothing follows:", "")


def test_of_many_names_the_first_are_listed_and_the_others_counted() -> None:
    assert listed([]) == "none"
    assert listed(["a", 1]) == "a, 1"
    assert listed(range(2000), 3) == "0, 1, 2 and 1,997 more"


def test_of_many_problems_the_first_are_listed_and_the_others_counted() -> None:
    assert listing(["a", "b"]) == "  a\n  b"
    assert listing(range(1003), 2) == "  0\n  1\n  … and 1,001 more"


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (3, "$[3]"),
        ("Name", "$.Name"),
        ("an odd\nkey", r"$['an odd\nkey']"),
        ("k" * 100, "$['" + "k" * 59 + "… (102 characters)]"),
    ],
)
def test_a_path_names_any_key(key: str | int, path: str) -> None:
    assert child("$", key) == path


def test_a_long_path_loses_its_middle() -> None:
    path = "$.Steps[0]" + ".Arguments.IfSteps[0]" * 31 + ".Name"
    assert short_path("$.Steps[0]") == "$.Steps[0]"
    assert len(short_path(path)) < 180
    assert short_path(path).startswith("$.Steps[0].Arguments")
    assert short_path(path).endswith("IfSteps[0].Name")


def test_a_misspelt_name_is_compared_with_those_there_are() -> None:
    assert did_you_mean("trian", ["train", "test"]) == " Did you mean 'train'?"
    assert did_you_mean("TRAIN", ["strain", "train"]) == " Did you mean 'train'?"
    assert did_you_mean("x", ["train"]) == ""
    assert did_you_mean("train" * 100_000, ["train"]) == ""
