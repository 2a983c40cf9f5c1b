"""What the product says to people: `python tests/messages.py` prints all of it."""

from __future__ import annotations

import re

import pytest

from tests.messages import ROOT, Message, in_source, is_prose, messages

# AWS's own words, which the local SageMaker repeats.
OF_AWS = "Received {side} error ({status}) from primary with message"
STIFF = re.compile(r"\bReceived\b|\bexpected to be able\b|\bexpected (?:AWS|SageMaker|somebody) to\b")
# Besides Python: what the shell and the notebook say.
OTHERS = (
    "Makefile",
    "pipeline/studio.ipynb",
    "pipeline/cli/with_python.sh",
    "infra/container/make_base.sh",
    "infra/container/start_engine.sh",
)


def stiff(text: str) -> bool:
    """Whether the text is of the form "Reading F: expected a number. Received: 'x'."."""
    return OF_AWS not in text and STIFF.search(text) is not None


@pytest.fixture(scope="module")
def every_text() -> list[Message]:
    """Also those of a word or two."""
    return list(messages(fewest_words=1))


def test_no_message_is_of_the_stiff_form(every_text: list[Message]) -> None:
    found = [f"{each.file}:{each.line} {each.text}" for each in every_text if stiff(each.text)]
    assert found == []
    assert [name for name in OTHERS if stiff((ROOT / name).read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "text",
    [
        "Reading F: expected a number. Received: 'x'.",
        "{doing} expected. Received {found}",
        "Writing F: expected to be able to.",
        "expected AWS to do it",
    ],
)
def test_the_stiff_form_is_noticed(text: str) -> None:
    assert stiff(text)


def test_every_part_of_the_product_has_messages_in_the_list(every_text: list[Message]) -> None:
    found = [each for each in every_text if is_prose(each.text)]
    assert len(found) > 1500
    texts = {each.text for each in found}
    assert "the local engine does not support this." in texts  # one piece
    assert any(
        text.startswith("Cannot resume execution {record.execution_id}: it succeeded.") for text in texts
    )
    assert {each.file.split("/")[0] for each in found} == {"pipeline", "training", "processing", "infra"}


def test_a_message_is_read_from_the_syntax_tree() -> None:
    source = '''
def go(x):
    """Docstrings are not for users of the product."""
    raise UsageError(
        f"Could not read {x!r}: "
        f"it has {len(x):,} bytes."
    )
    print("no words", "SELECT id FROM a WHERE b", "<p>some words in it</p>", "a.b.c:d e")
    say("it goes " + f"on and on {'with a text within' if x else ''}")
'''
    assert list(in_source(source, "f.py")) == [
        Message("f.py", 5, 6, "Could not read {x!r}: it has {len(x):,} bytes."),
        Message("f.py", 9, 9, "on and on {'with a text within' if x else ''}"),
        Message("f.py", 9, 9, "with a text within"),
    ]
