from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.view import open_view, wants_plain


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Ascii(Terminal):
    encoding = "ascii"


XTERM = {"TERM": "xterm-256color"}


def test_a_terminal_gets_the_live_table() -> None:
    assert not wants_plain(Terminal(), XTERM)


@pytest.mark.parametrize(
    ("stream", "environ"),
    [
        (io.StringIO(), XTERM),
        (Ascii(), XTERM),
        (Terminal(), {"TERM": "dumb"}),
        (Terminal(), {}),
        (Terminal(), XTERM | {"NO_COLOR": "1"}),
        (Terminal(), XTERM | {"CI": "true"}),
    ],
)
def test_everything_else_gets_plain_lines(stream: io.StringIO, environ: dict[str, str]) -> None:
    assert wants_plain(stream, environ)


@pytest.mark.parametrize("setting", [{"NO_COLOR": ""}, {"CI": ""}, {"CI": "false"}])
def test_an_empty_or_false_setting_asks_for_nothing(setting: dict[str, str]) -> None:
    assert not wants_plain(Terminal(), XTERM | setting)


def test_plain_can_be_asked_for_on_a_terminal(make_record: Callable[..., Any]) -> None:
    stream = Terminal()
    with open_view(stream, plain=True) as view:
        view.execution_changed(make_record())
    assert "\x1b" not in stream.getvalue()
    assert "Evaluate: succeeded after 24 s" in stream.getvalue()


def test_the_live_table_ends_complete_and_gives_the_cursor_back(make_record: Callable[..., Any]) -> None:
    stream = Terminal()
    record = make_record()
    with open_view(stream, environ=XTERM) as view:
        view.execution_changed(replace(record, status="Executing", ended_at=None))

        def write(step: str) -> None:
            for epoch in range(1, 51):
                view.log_line(step, f"epoch={epoch}/50 validation_accuracy=0.9")

        threads = [threading.Thread(target=write, args=(step.name,)) for step in record.steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        view.execution_changed(record)
    last = stream.getvalue().rpartition("Execution ")[2]
    assert all(step.name in last for step in record.steps)
    assert "50/50" in last
    assert "✓ succeeded" in last
    assert stream.getvalue().endswith("\x1b[?25h")


def test_the_last_drawing_has_every_step_even_if_the_terminal_is_too_low(
    make_record: Callable[..., Any],
) -> None:
    stream = Terminal()
    record = make_record()
    steps = tuple(replace(record.steps[0], name=f"Step-{number:02d}") for number in range(60))
    with open_view(stream, environ=XTERM) as view:
        view.execution_changed(replace(record, steps=steps))
    last = stream.getvalue().rpartition("Execution ")[2]
    assert all(step.name in last for step in steps)


def test_a_line_printed_meanwhile_is_not_lost(
    make_record: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with open_view(stream, environ=XTERM) as view:
        view.execution_changed(make_record())
        print("SIGINT received: stopping", file=sys.stderr)
    assert "SIGINT received: stopping" in stream.getvalue()


def test_the_live_table_is_taken_down_when_the_run_raises() -> None:
    stream = Terminal()
    with pytest.raises(RuntimeError, match="boom"), open_view(stream, environ=XTERM):
        raise RuntimeError("boom")
    assert stream.getvalue().endswith("\x1b[?25h")


def test_a_terminal_that_was_closed_does_not_fail_the_run(make_record: Callable[..., Any]) -> None:
    class Closing(Terminal):
        closed_down = False
        refused = 0

        def write(self, text: str) -> int:
            if self.closed_down:
                self.refused += 1
                raise OSError(5, "Input/output error")
            return super().write(text)

    stream = Closing()
    with open_view(stream, environ=XTERM) as view:
        view.execution_changed(make_record())
        stream.closed_down = True
    assert stream.refused > 0
