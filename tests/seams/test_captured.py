"""Data capture: serve and deploy write its files; monitor.py reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from captured_lines import captured_file, read_captured
from pipeline.inference.serving.capture_form import captured_of, destination, file_path

GOLDEN = Path(__file__).parents[1] / "pipeline" / "inference" / "serving" / "captured.golden.jsonl"


def test_captured_lines_are_read_as_they_are_written() -> None:
    found = read_captured([GOLDEN.read_bytes()], 10)
    assert (found.lines, found.pixels().tolist()) == (3, [[[0] * 28] * 28])
    assert found.probabilities()[0, 0] == 0.91
    assert (found.first, found.losses.total()) == ("2026-11-30T02:00:00Z", 2), "what is no JSON is left out"


def test_both_sides_take_the_same_from_a_path() -> None:
    when = datetime(2026, 11, 30, 2, tzinfo=UTC)
    path = f"{destination('fashion-mnist/capture', 7)}/{file_path('fashion', 'AllTraffic', when, 'an-event')}"
    written, read = captured_of(path), captured_file(path)
    assert written is not None
    assert read is not None
    assert (written.version, written.endpoint) == (read.version, read.endpoint) == (7, "fashion")
    assert read.hour == "2026/11/30/02"
