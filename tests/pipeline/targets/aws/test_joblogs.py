from __future__ import annotations

import itertools
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.targets.aws.joblogs import JobLog, beginning_of, split
from pipeline.targets.aws.records import JobRef
from tests.pipeline.targets.aws.answers import job_arn
from tests.pipeline.targets.aws.stubbed import Stubbed

JOB = JobRef("TrainingJob", job_arn("training", "Train"), own=True)
GROUP = "/aws/sagemaker/TrainingJobs"


def streams(stubbed: Stubbed, *hosts: str) -> None:
    listed = [
        {"logStreamName": f"{JOB.name}/{host}", "lastEventTimestamp": index}
        for index, host in enumerate(hosts)
    ]
    stubbed.on(
        "logs",
        "describe_log_streams",
        {"logStreams": listed},
        logGroupName=GROUP,
        logStreamNamePrefix=beginning_of(JOB.name),
    )


def events(stubbed: Stubbed, host: str, *lines: str, token: str, **expected: Any) -> None:
    answer = {"events": [{"message": line} for line in lines], "nextForwardToken": token}
    ask = {"logGroupName": GROUP, "logStreamName": f"{JOB.name}/{host}", **expected}
    stubbed.on("logs", "get_log_events", answer, **ask)


def test_a_log_is_read_on_from_where_the_last_reading_ended(stubbed: Stubbed) -> None:
    log = JobLog(stubbed.client("logs"), JOB)
    streams(stubbed, "algo-1-17")
    events(stubbed, "algo-1-17", "one", "two", token="f/1", startFromHead=True)
    assert log.new_lines() == ["one", "two"]
    events(stubbed, "algo-1-17", "three", token="f/2", startFromHead=True, nextToken="f/1")
    assert log.new_lines() == ["three"]
    events(stubbed, "algo-1-17", token="f/2", startFromHead=True, nextToken="f/2")
    assert log.new_lines() == []


def test_a_page_that_is_full_is_followed_by_the_next(stubbed: Stubbed) -> None:
    log = JobLog(stubbed.client("logs"), JOB)
    streams(stubbed, "algo-1-17")
    events(stubbed, "algo-1-17", *["line"] * 1000, token="f/1", startFromHead=True)
    events(stubbed, "algo-1-17", "last", token="f/2", startFromHead=True, nextToken="f/1")
    assert log.new_lines() == [*["line"] * 1000, "last"]


def test_lines_of_several_hosts_begin_with_the_host(stubbed: Stubbed) -> None:
    streams(stubbed, "algo-1-17", "algo-2-18")
    for host, line in (("algo-1-17", "one"), ("algo-2-18", "two")):
        events(stubbed, host, line, token=f"f/{host}", startFromHead=True)
    assert JobLog(stubbed.client("logs"), JOB).new_lines() == ["[algo-1] one", "[algo-2] two"]


def test_hosts_that_come_up_later_are_found(stubbed: Stubbed) -> None:
    log = JobLog(stubbed.client("logs"), JOB)
    for look in range(6):
        if look == 0:
            streams(stubbed, "algo-1-17")
        more = {} if look == 0 else {"nextToken": f"f/{look}"}
        events(stubbed, "algo-1-17", f"line {look}", token=f"f/{look + 1}", startFromHead=True, **more)
        assert log.new_lines() == [f"line {look}"]
    streams(stubbed, "algo-1-17", "algo-2-18")
    events(stubbed, "algo-1-17", token="f/6", startFromHead=True, nextToken="f/6")
    events(stubbed, "algo-2-18", "here", token="g/1", startFromHead=True)
    assert log.new_lines() == ["[algo-2] here"]


def test_an_empty_page_is_not_the_end(stubbed: Stubbed) -> None:
    log = JobLog(stubbed.client("logs"), JOB)
    streams(stubbed, "algo-1-17")
    tokens: list[str | None] = [None, "f/1", "f/2", "f/3", "f/4", "f/5"]
    for old, new in itertools.pairwise(tokens):
        more = {} if old is None else {"nextToken": old}
        events(stubbed, "algo-1-17", token=str(new), startFromHead=True, **more)
    events(stubbed, "algo-1-17", "late", token="f/6", startFromHead=True, nextToken="f/5")
    events(stubbed, "algo-1-17", token="f/6", startFromHead=True, nextToken="f/6")
    assert list(log.whole()) == ["late"]


def test_a_job_without_a_log_has_no_lines(stubbed: Stubbed) -> None:
    log = JobLog(stubbed.client("logs"), JOB)
    stubbed.fails("logs", "describe_log_streams", "ResourceNotFoundException")
    assert log.new_lines() == []
    streams(stubbed)
    assert log.tail(5) == []
    streams(stubbed)
    assert list(log.whole()) == []


def test_the_tail_is_of_the_host_that_wrote_last(stubbed: Stubbed) -> None:
    streams(stubbed, "algo-2-18", "algo-1-17")
    events(stubbed, "algo-1-17", "a\rb", "c", token="f/1", limit=2, startFromHead=False)
    assert JobLog(stubbed.client("logs"), JOB).tail(2) == ["b", "c"]


def test_who_may_not_read_is_told(stubbed: Stubbed) -> None:
    stubbed.fails("logs", "describe_log_streams", "AccessDeniedException")
    with pytest.raises(ClientError):
        JobLog(stubbed.client("logs"), JOB).new_lines()


def test_a_progress_bar_is_a_line_for_each_drawing() -> None:
    assert split("10 %\r20 %\r") == ["10 %", "20 %"]
    assert split("") == [""]


def test_a_log_is_found_whichever_way_its_jobs_name_is_written(stubbed: Stubbed) -> None:
    """ARNs may have it in small letters, the streams as it was given; others begin with the execution, too."""
    arn = (
        "arn:aws:sagemaker:eu-central-1:123456789012:training-job/pipelines-8f3a2c9d41e7-train-cnn-3x3-1-abc"
    )
    name = "pipelines-8f3a2c9d41e7-Train-cnn-3x3-1-AbC"
    others = (f"{name}d/algo-1-17", "pipelines-8f3a2c9d41e7-Train-cnn-3x3-10-AbC/algo-1-17")
    listed = [{"logStreamName": each} for each in (f"{name}/algo-1-17", *others)]
    ask = {"logGroupName": GROUP, "logStreamNamePrefix": "pipelines-8f3a2c9d41e7-"}
    stubbed.on("logs", "describe_log_streams", {"logStreams": listed}, **ask)
    answer = {"events": [{"message": "one"}], "nextForwardToken": "f/1"}
    about = {"logGroupName": GROUP, "logStreamName": f"{name}/algo-1-17"}
    stubbed.on("logs", "get_log_events", answer, startFromHead=True, **about)
    assert JobLog(stubbed.client("logs"), JobRef("TrainingJob", arn, own=True)).new_lines() == ["one"]


def test_a_job_that_pipelines_did_not_name_is_looked_for_by_its_name() -> None:
    assert beginning_of("my-job") == "my-job/"


def test_what_was_read_before_a_refusal_is_kept_and_the_rest_comes_with_the_next_look(
    stubbed: Stubbed,
) -> None:
    log = JobLog(stubbed.client("logs"), JOB)
    streams(stubbed, "algo-1-17")
    events(stubbed, "algo-1-17", *["line"] * 1000, token="f/1", startFromHead=True)
    stubbed.fails("logs", "get_log_events", "ThrottlingException")
    assert log.new_lines() == ["line"] * 1000
    assert not log.caught_up
    events(stubbed, "algo-1-17", "last", token="f/2", startFromHead=True, nextToken="f/1")
    assert log.new_lines() == ["last"]
    assert log.caught_up


def test_a_page_of_long_lines_is_full_too(stubbed: Stubbed) -> None:
    """1 MB a page, however few the lines are."""
    log = JobLog(stubbed.client("logs"), JOB)
    streams(stubbed, "algo-1-17")
    long = "x" * 200_000
    events(stubbed, "algo-1-17", *[long] * 5, token="f/1", startFromHead=True)
    events(stubbed, "algo-1-17", "last", token="f/2", startFromHead=True, nextToken="f/1")
    assert log.new_lines() == [*[long] * 5, "last"]


def test_a_look_that_has_read_all_its_pages_says_that_there_may_be_more(stubbed: Stubbed) -> None:
    log = JobLog(stubbed.client("logs"), JOB)
    streams(stubbed, "algo-1-17")
    for old, new in itertools.pairwise([None, "f/1", "f/2", "f/3", "f/4", "f/5"]):
        more = {} if old is None else {"nextToken": old}
        events(stubbed, "algo-1-17", *["line"] * 1000, token=str(new), startFromHead=True, **more)
    assert len(log.new_lines()) == 5000
    assert not log.caught_up
