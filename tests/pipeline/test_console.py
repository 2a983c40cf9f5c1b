"""What commands say, from several threads at once."""

import io
import sys

from pipeline.console import say


class Writes(io.StringIO):
    """Remembers each call."""

    def __init__(self):
        super().__init__()
        self.calls: list[str] = []

    def write(self, text):
        self.calls.append(text)
        return len(text)


def test_a_line_is_written_in_one_call(monkeypatch):
    stream = Writes()
    monkeypatch.setattr(sys, "stderr", stream)
    say("one line")
    say("another")
    say("asking http://me:secret@host")
    assert stream.calls == ["one line\n", "another\n", "asking http://…@host\n"]
