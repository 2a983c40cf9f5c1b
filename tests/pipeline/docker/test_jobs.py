"""What happens around a job, with a docker command that answers as told and no container at all."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.docker.jobs import DockerJobs, stopping_containers
from pipeline.docker.workplace import Workplace
from pipeline.errors import StepFailed
from pipeline.local.jobs.runner import StepStopped
from tests.pipeline.docker.conftest import FakeDocker

Ended = Callable[..., None]


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    folder = tmp_path / "workplace"
    folder.mkdir()
    return Workplace(folder, "image")


@pytest.fixture
def ended(fake_docker: FakeDocker, workplace: Workplace) -> Ended:
    """Makes docker answer that one container of the workplace ended so, and wrote `logs`."""

    def answer(exit_code: int = 0, logs: str = "", **state: Any) -> None:
        text = json.dumps({"ExitCode": exit_code, "OOMKilled": False, "Error": "", **state})
        fake_docker(
            f"case $1 in ps) echo 'aaa {workplace.folder}/tmp1' ;; logs) printf '{logs}' ;; "
            f"inspect) echo '{text}' ;; esac"
        )

    return answer


class Bench:
    """DockerJobs with nothing around it."""

    def __init__(self, workplace: Workplace, folder: Path) -> None:
        self.lines: list[tuple[str, str]] = []
        self.stop = threading.Event()
        self.log = folder / "logs" / "Train.log"
        self.jobs = DockerJobs(
            workplace,
            {"AWS_ENDPOINT_URL": "http://here"},
            lambda step: folder / "logs" / f"{step}.log",
            lambda step, line: self.lines.append((step, line)),
            self.stop,
        )
        self.jobs.step = "Train"


@pytest.fixture
def bench(workplace: Workplace, tmp_path: Path) -> Bench:
    return Bench(workplace, tmp_path)


def test_a_job_gets_the_environment_and_its_output_becomes_its_log(bench: Bench, ended: Ended, capsys):
    ended(0, logs=r"one\r\ntwo\r\n")
    seen: dict[str, Any] = {}

    def create(job_name: str, **request: Any) -> None:
        seen.update(request, name=job_name)
        sys.stdout.write("a-algo-1-b | one\r\n")

    bench.jobs.run(create, "job-1", {"Environment": {"MINE": "1"}, "RoleArn": "r"})
    environment = {"MINE": "1", "AWS_ENDPOINT_URL": "http://here"}
    assert seen == {"name": "job-1", "Environment": environment, "RoleArn": "r"}
    assert bench.lines == [("Train", "one"), ("Train", "two")]
    assert bench.log.read_text() == "one\ntwo\n"
    assert capsys.readouterr().out == ""


def failing(said: str = "", message: str = "Failed to run: [...]. Process exited with code: 1") -> Any:
    def create(job_name: str, **request: Any) -> None:
        sys.stdout.write(said)
        raise RuntimeError(message)

    return create


def test_a_failed_job_says_how_it_ended_and_what_it_last_wrote(bench: Bench, ended: Ended):
    ended(2, logs=r"error: no such file\r\n")
    with pytest.raises(StepFailed, match=r"^exit status 2\nLast lines of its log .*Train\.log"):
        bench.jobs.run(failing(), "job-1", {})
    assert bench.log.read_text() == "error: no such file\n"


@pytest.mark.parametrize(
    ("exit_code", "state", "reason"),
    [
        (137, {"OOMKilled": True}, "out of memory: killed by the system"),
        (139, {}, "exit status 139 (killed by signal 11)"),
        (127, {"Error": "exec: train: not found"}, "its container did not start: exec: train: not found"),
    ],
)
def test_a_container_that_was_killed_or_never_ran_says_so(
    bench: Bench, ended: Ended, exit_code: int, state: dict[str, Any], reason: str
):
    ended(exit_code, **state)
    with pytest.raises(StepFailed) as caught:
        bench.jobs.run(failing(), "job-1", {})
    assert str(caught.value) == reason


def test_a_container_that_failed_fails_the_step_whatever_compose_returns(bench: Bench, ended: Ended):
    ended(3)
    with pytest.raises(StepFailed, match="exit status 3"):
        bench.jobs.run(lambda job_name, **request: None, "job-1", {})


def test_what_compose_says_when_it_cannot_start_is_the_reason(bench: Bench, fake_docker: FakeDocker):
    fake_docker()
    with pytest.raises(StepFailed, match="did not run its container") as caught:
        bench.jobs.run(failing("ERROR: network has no subnet left\n"), "job-1", {})
    assert "[docker compose] ERROR: network has no subnet left" in str(caught.value)
    assert "Traceback" not in bench.log.read_text()


def test_a_fault_of_the_sdk_has_its_traceback_in_the_log(bench: Bench, fake_docker: FakeDocker):
    fake_docker()
    with pytest.raises(StepFailed, match="RuntimeError: no bucket"):
        bench.jobs.run(failing(message="no bucket"), "job-1", {})
    assert "Traceback (most recent call last)" in bench.log.read_text()


@pytest.mark.parametrize("exit_code", [0, 137, 143])
def test_a_job_that_ends_while_the_execution_stops_is_stopped(bench: Bench, ended: Ended, exit_code: int):
    ended(exit_code)

    def create(job_name: str, **request: Any) -> None:
        bench.stop.set()
        if exit_code == 0:
            raise RuntimeError("interrupted")

    with pytest.raises(StepStopped):
        bench.jobs.run(create, "job-1", {})


def test_no_job_starts_once_the_execution_is_to_stop(bench: Bench):
    bench.stop.set()
    with pytest.raises(StepStopped):
        bench.jobs.run(failing(), "job-1", {})


def test_containers_are_stopped_until_the_last_is_gone(workplace: Workplace, fake_docker: FakeDocker):
    calls = fake_docker(f"[ $1 = ps ] && echo 'aaa {workplace.folder}/tmp1'")
    stop, stopping = threading.Event(), threading.Event()
    with stopping_containers(stop, workplace, stopping.set):
        assert not stopping.wait(0.3)
        assert calls.read_text() == ""
        stop.set()
        assert stopping.wait(5)
        deadline = time.monotonic() + 5
        while "stop --time 5 aaa" not in calls.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "stop --time 5 aaa" in calls.read_text()
    assert "stopping containers" not in {thread.name for thread in threading.enumerate()}
