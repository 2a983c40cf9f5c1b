"""What the publisher's process says of a call that failed, and whether it tries again."""

from __future__ import annotations

import errno
import os
import sqlite3

import pytest

from pipeline.tracking.patience import NoAnswerError
from pipeline.tracking.publisher_process import _explain
from pipeline.tracking.runs import DeletedError


def wrapped(error: BaseException, times: int = 3) -> Exception:
    """The error as libraries hand it on: within others, whose texts name addresses and objects."""
    outer = Exception("HTTPConnectionPool(host='x', port=1): Max retries exceeded with url: /api/2.0")
    outer.__cause__ = error if times == 0 else wrapped(error, times - 1)
    return outer


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)), "Connection refused"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (sqlite3.OperationalError("database or disk is full"), "database or disk is full"),
    ],
)
def test_the_systems_own_words_are_found_within_others(error: Exception, expected: str) -> None:
    assert _explain(wrapped(error)) == (expected, False)


def test_a_long_text_is_cut_and_stands_on_one_line() -> None:
    text, lasting = _explain(ValueError("a\nb " * 500))
    assert len(text) == 300
    assert "\n" not in text
    assert not lasting


def test_no_answer_may_become_one() -> None:
    assert _explain(NoAnswerError("no answer within 3 s")) == ("no answer within 3 s", False)


def test_a_library_that_is_missing_stays_missing() -> None:
    assert _explain(ImportError("no module")) == ("MLflow could not be imported (no module)", True)


class Refused(Exception):
    """As MLflow's own exceptions are."""

    def __init__(self, status: int) -> None:
        super().__init__("refused")
        self.status = status

    def get_http_status_code(self) -> int:
        return self.status


@pytest.mark.parametrize(
    ("status", "lasting"),
    [(400, True), (401, True), (403, True), (404, True), (429, False), (408, False), (503, False)],
)
def test_what_a_server_refuses_it_would_refuse_again(status: int, lasting: bool) -> None:
    assert _explain(Refused(status)) == ("refused", lasting)


def test_an_experiment_in_the_bin_stays_there() -> None:
    assert _explain(DeletedError("it was deleted")) == ("it was deleted", True)
