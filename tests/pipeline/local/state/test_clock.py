"""The clock of a command goes on evenly, whatever is done to the machine's."""

from __future__ import annotations

import time

import pytest

from pipeline.local.state import clock


@pytest.mark.parametrize("jump", [365 * 86400.0, -86400.0])
def test_setting_the_clock_changes_nothing_within_a_command(
    jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = clock.now()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    assert abs(clock.wall() - before - jump) < 60
    assert 0 <= clock.now() - before < 60


def test_it_says_what_the_machine_said_when_it_was_first_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    clock._first_reading.cache_clear()
    monkeypatch.setattr(time, "time", lambda: 5000.0)
    try:
        assert 5000.0 <= clock.now() < 5060.0
    finally:
        clock._first_reading.cache_clear()
