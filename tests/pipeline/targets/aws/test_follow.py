from __future__ import annotations

import pytest

from pipeline.errors import AwsError, CredentialsError
from pipeline.execution import EXECUTION_ENDS, ExecutionRecord
from pipeline.targets.aws.executions import Executions
from pipeline.targets.aws.follow import POLL_SECONDS, Follower
from pipeline.targets.aws.stopping import await_end, await_restart
from tests.pipeline.targets.aws.answers import EXECUTION, described, gate, job_arn, reads, step
from tests.pipeline.targets.aws.stubbed import Stubbed


class Watch:
    """An observer, and the time of a follower."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.lines: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.slept: list[float] = []

    def execution_changed(self, execution: ExecutionRecord) -> None:
        self.statuses.append(execution.status)

    def log_line(self, step: str, line: str) -> None:
        self.lines.append((step, line))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def clock(self) -> float:
        return sum(self.slept)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def follower(stubbed: Stubbed, watch: Watch) -> Follower:
    executions = Executions(stubbed.client("sagemaker"), "fashion-mnist")
    return Follower(executions, stubbed.client("logs"), watch.said.append, watch.sleep, watch.clock)


def logs(stubbed: Stubbed, name: str, *lines: str, first: bool = False) -> None:
    """One look at the log of a step's job; only the first asks which streams it has."""
    if first:
        stream = f"{job_arn('processing', name).rpartition('/')[2]}/algo-1-17"
        stubbed.on("logs", "describe_log_streams", {"logStreams": [{"logStreamName": stream}]})
    events = [{"message": line} for line in lines]
    stubbed.on("logs", "get_log_events", {"events": events, "nextForwardToken": "f/1"})


@pytest.mark.parametrize("status", sorted(EXECUTION_ENDS))
def test_every_state_in_which_aws_ends_an_execution_ends_the_following(
    stubbed: Stubbed, watch: Watch, status: str
) -> None:
    reads(stubbed, described(status))

    execution = follower(stubbed, watch).follow(EXECUTION, watch)

    assert execution.ended
    assert execution.record.ended_at is not None
    assert (watch.statuses, watch.slept) == ([status], [])


def test_every_change_and_every_line_is_told_until_the_end(stubbed: Stubbed, watch: Watch) -> None:
    reads(stubbed, described(), step("NormalizeData", "Executing", end=None))
    logs(stubbed, "NormalizeData", "splitting", "writing", first=True)
    reads(stubbed, described(), step("NormalizeData", "Executing", end=None), first=False)
    logs(stubbed, "NormalizeData")
    reads(stubbed, described("Succeeded"), step("NormalizeData"), gate("True"), first=False)
    logs(stubbed, "NormalizeData")
    ended = follower(stubbed, watch).follow(EXECUTION, watch)
    assert ended.record.status == "Succeeded"
    assert watch.statuses == ["Executing", "Succeeded"]  # what did not change is not told
    assert watch.lines == [("NormalizeData", "splitting"), ("NormalizeData", "writing")]
    assert watch.slept == [POLL_SECONDS] * 2


def test_throttling_is_waited_out_longer_and_longer(stubbed: Stubbed, watch: Watch) -> None:
    for _ in range(3):
        stubbed.fails("sagemaker", "describe_pipeline_execution", "ThrottlingException")
    reads(stubbed, described("Succeeded"))
    assert follower(stubbed, watch).follow(EXECUTION, watch).record.status == "Succeeded"
    assert watch.slept == [5.0, 10.0, 20.0]
    assert "trying again in 20 s. The execution continues." in watch.said[-1]


def test_when_aws_stays_away_following_ends_and_says_that_the_execution_does_not(
    stubbed: Stubbed, watch: Watch
) -> None:
    for _ in range(40):
        stubbed.fails("sagemaker", "describe_pipeline_execution", "ServiceUnavailable", status=503)
    with pytest.raises(AwsError, match=r"The execution itself continues in AWS\."):
        follower(stubbed, watch).follow(EXECUTION, watch)
    assert 900 < sum(watch.slept) < 1000
    stubbed.stubbers.clear()


def test_a_token_that_expired_ends_following_at_once(stubbed: Stubbed, watch: Watch) -> None:
    stubbed.fails("sagemaker", "describe_pipeline_execution", "ExpiredTokenException")
    with pytest.raises(CredentialsError, match=r"continues in AWS\."):
        follower(stubbed, watch).follow(EXECUTION, watch)
    assert watch.slept == []


def test_without_permission_to_read_logs_the_run_is_followed_all_the_same(
    stubbed: Stubbed, watch: Watch
) -> None:
    reads(stubbed, described(), step("NormalizeData", "Executing", end=None))
    stubbed.fails("logs", "describe_log_streams", "AccessDeniedException")
    reads(stubbed, described("Succeeded"), step("NormalizeData"), first=False)
    follower(stubbed, watch).follow(EXECUTION, watch)
    assert watch.said == ["The jobs' logs cannot be read with these credentials: no progress is shown."]


def test_stopping_waits_for_the_end(stubbed: Stubbed, watch: Watch) -> None:
    reads(stubbed, described("Stopping"))
    reads(stubbed, described("Stopped"), first=False)
    assert await_end(follower(stubbed, watch), EXECUTION) == "Stopped"


def test_stopping_does_not_wait_for_ever(stubbed: Stubbed, watch: Watch) -> None:
    for index in range(121):
        reads(stubbed, described("Stopping"), first=index == 0)
    with pytest.raises(AwsError, match="still Stopping"):
        await_end(follower(stubbed, watch), EXECUTION)


def test_resuming_waits_until_sagemaker_says_so(stubbed: Stubbed, watch: Watch) -> None:
    reads(stubbed, described("Failed"))
    following = follower(stubbed, watch)
    before = following.executions.read(EXECUTION)
    reads(stubbed, described("Failed"), first=False)
    reads(stubbed, described("Executing"), first=False)
    await_restart(following, before)
    assert watch.slept == [POLL_SECONDS]


def test_the_rest_of_an_ended_jobs_log_is_read_at_once(stubbed: Stubbed, watch: Watch) -> None:
    """A look has 5,000 lines here; the last one may be the only one that sees the end."""
    reads(stubbed, described("Succeeded"), step("NormalizeData"), gate("True"))
    for page in range(5):
        if page == 0:
            logs(stubbed, "NormalizeData", *["line"] * 1000, first=True)
        else:
            pages(stubbed, page, *["line"] * 1000)
    pages(stubbed, 5, "last")
    follower(stubbed, watch).follow(EXECUTION, watch)
    assert len(watch.lines) == 5001
    assert watch.lines[-1] == ("NormalizeData", "last")


def pages(stubbed: Stubbed, number: int, *lines: str) -> None:
    events = [{"message": line} for line in lines]
    stubbed.on("logs", "get_log_events", {"events": events, "nextForwardToken": f"f/{number + 1}"})
