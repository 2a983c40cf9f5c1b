"""How long a call is waited for, and all calls of a run."""

from __future__ import annotations

import threading

import pytest

from pipeline.tracking.patience import CALL_SECONDS, LEAST_LOSS_SECONDS, RUN_SECONDS, NoAnswerError, Patience


def test_the_limits_are_what_is_promised() -> None:
    assert (CALL_SECONDS, RUN_SECONDS) == (3.0, 10.0)


def test_a_call_that_is_answered_costs_nothing() -> None:
    patience = Patience(60.0, 60.0)
    assert patience.call(lambda: 7) == 7
    assert patience.lost == 0


def test_a_call_that_never_ends_is_left_alone_after_its_time() -> None:
    never = threading.Event()
    patience = Patience(0.05, 60.0)
    with pytest.raises(NoAnswerError):
        patience.call(never.wait)
    assert patience.lost >= LEAST_LOSS_SECONDS
    never.set()


def test_calls_that_never_end_cost_no_more_than_a_runs_time() -> None:
    never = threading.Event()
    patience = Patience(3600.0, 0.1)
    with pytest.raises(NoAnswerError):
        patience.call(never.wait)
    assert patience.left == 0
    with pytest.raises(NoAnswerError):
        patience.call(never.wait, long=True)
    never.set()


def test_a_long_call_may_take_all_that_is_left() -> None:
    slow = threading.Event()
    patience = Patience(0.01, 60.0)
    threading.Timer(0.1, slow.set).start()
    assert patience.call(slow.wait, long=True) is True


@pytest.mark.parametrize("call_seconds", [None, 60.0])
def test_a_failure_is_raised_and_counts_though_it_took_no_time(call_seconds: float | None) -> None:
    def fail() -> None:
        raise ConnectionRefusedError("no")

    patience = Patience(call_seconds, 2 * LEAST_LOSS_SECONDS)
    for left in (True, False):
        with pytest.raises(ConnectionRefusedError):
            patience.call(fail)
        assert (patience.left > 0) is left
