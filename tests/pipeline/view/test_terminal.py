"""Printing where the reader has gone away, or knows few characters."""

from __future__ import annotations

import io
import os

from pipeline.view.terminal import open_console, print_fact


def test_a_reader_that_goes_away_is_not_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        console = open_console(stream)
        for _ in range(3):
            print_fact(console, "Winner", "cnn-3x3")
            stream.flush()


def test_characters_that_a_terminal_does_not_know_become_question_marks() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_fact(open_console(stream), "Gate", "✓ passed")
    stream.flush()
    assert raw.getvalue().decode("ascii").split() == ["Gate", "?", "passed"]
