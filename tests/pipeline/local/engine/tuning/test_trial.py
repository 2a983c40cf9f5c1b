"""A trial's log, and the event that ends a trial."""

from __future__ import annotations

import threading

import pytest

from pipeline.local.engine.stop_of_one import StopOfOne
from pipeline.local.engine.tuning.trial import ObjectiveLog

BEGIN = "[local] training job a on 1 core, with this Python"
CONTINUED = "[local] s3://b/ck → /opt/ml/checkpoints (1.0 MB): checkpoints of an earlier attempt"


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        (["loss=1 acc=0.5", "acc=0.25 and more", "no value", "acc=x"], [0.5, 0.25]),
        ([BEGIN, "acc=0.1", "acc=0.2", BEGIN, "acc=0.3"], [0.3]),
        ([BEGIN, "acc=0.1", "acc=0.2", BEGIN, CONTINUED, "acc=0.3"], [0.1, 0.2, 0.3]),
        # Until it tells a value, the earlier attempt's are all that is known.
        ([BEGIN, "acc=0.1", BEGIN], [0.1]),
        (["[local] acc=0.9"], []),
        (["acc=nan", "acc=1e-3"], [pytest.approx(float("nan"), nan_ok=True), 0.001]),
    ],
)
def test_the_values_are_those_of_the_job_that_counts(lines: list[str], values: list[float]) -> None:
    log = ObjectiveLog(r"acc=(\S+)")
    for line in lines:
        log.feed(line)
    assert log.values == values


def test_a_group_that_takes_no_part_is_no_value() -> None:
    log = ObjectiveLog(r"acc=(?:([0-9.]+)|none)")
    assert [log.feed(line) for line in ("acc=none", "acc=0.5")] == [False, True]
    assert log.values == [0.5]


def test_a_trial_ends_with_the_execution_and_alone() -> None:
    execution = threading.Event()
    one, other = StopOfOne(execution), StopOfOne(execution)
    one.set()
    assert (one.is_set(), other.is_set(), execution.is_set()) == (True, False, False)
    execution.set()
    assert other.is_set()


def test_waiting_for_it_ends_when_either_is_set() -> None:
    execution = threading.Event()
    stop = StopOfOne(execution)
    assert stop.wait(0.01) is False
    threading.Timer(0.1, execution.set).start()
    assert stop.wait(30) is True
    assert stop.wait() is True
