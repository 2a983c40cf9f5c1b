from __future__ import annotations

import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.printable import printable


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


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_becomes_one_line_that_xml_and_utf_8_can_hold(text: str) -> None:
    printed = printable(text)
    assert len(printed.splitlines()) <= 1
    assert not any(unicodedata.category(character) == "Cc" for character in printed)
    element = ElementTree.Element("text")
    element.text = printed
    assert ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8")).text == (printed or None)
