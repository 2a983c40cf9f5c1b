from __future__ import annotations

import json
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.printable import json_text, printable, without_userinfo


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain, 3×3 ✓", "plain, 3×3 ✓"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("tab\there\nnext\rline", "tab here next line"),
        ("bell\x07 null\x00 c1\x9b", "bell� null� c1�"),
        ("right-to-left\u202egpj.exe", "right-to-left�gpj.exe"),
    ],
)
def test_control_characters_do_not_reach_the_terminal(text: str, printed: str) -> None:
    assert printable(text) == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("http://me:secret@host/x", "http://…@host/x"),
        ("to http://me:sec@ret@host: refused", "to http://…@host: refused"),
        ("https://token@host and s3://bucket/a@b", "https://…@host and s3://bucket/a@b"),
        ("'postgresql+psycopg://u:p@db/x'", "'postgresql+psycopg://…@db/x'"),
        ("http://host/path@version?a=b@c", "http://host/path@version?a=b@c"),
        ("mail somebody@example.org", "mail somebody@example.org"),
    ],
)
def test_no_password_of_a_url_is_printed(text: str, printed: str) -> None:
    assert without_userinfo(text) == printed
    assert printable(text) == printed
    assert str(UsageError(text)) == printed


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_becomes_one_line_that_xml_and_utf_8_can_hold(text: str) -> None:
    printed = printable(text)
    assert len(printed.splitlines()) <= 1
    assert not any(unicodedata.category(character) == "Cc" for character in printed)
    element = ElementTree.Element("text")
    element.text = printed
    assert ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8")).text == (printed or None)


def test_json_for_readers_tells_no_password_at_any_depth() -> None:
    document = {
        "steps": [{"reason": "git clone https://me:pass-word@host/x"}],
        "uri": ("s3://b/a@b", 1, None),
    }
    assert json.loads(json_text(document)) == {
        "steps": [{"reason": "git clone https://…@host/x"}],
        "uri": ["s3://b/a@b", 1, None],
    }
