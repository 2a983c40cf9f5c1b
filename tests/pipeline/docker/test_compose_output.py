from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.docker.compose_output import ComposeOutput
from pipeline.local.jobs.joblog import JobLog


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def log(tmp_path: Path, lines: list[str]) -> Iterator[JobLog]:
    with JobLog(tmp_path / "step.log", lines.append) as log:
        yield log


COMPOSE_1 = (
    'Creating network "sagemaker-local" with the default driver\n'
    "Creating tvb-algo-1-x9z ... \r\n\x1b[1A\x1b[2K\rCreating tvb-algo-1-x9z ... \x1b[32mdone\x1b[0m\r\x1b[1B\n"
    "Attaching to tvb-algo-1-x9z\n"
    "\x1b[36mtvb-algo-1-x9z |\x1b[0m epoch=1/3 train_loss=0.5\r\n"
    "\x1b[36mtvb-algo-1-x9z |\x1b[0m   indented | twice\r\n"
    "\x1b[36mtvb-algo-1-x9z exited with code 0\n"
    "\x1b[0mAborting on container exit...\n"
)
COMPOSE_2 = (
    " Container tvb-algo-1-x9z  Creating\n Container tvb-algo-1-x9z  Created\nAttaching to tvb-algo-1-x9z\n"
    "tvb-algo-1-x9z  | epoch=1/3 train_loss=0.5\r\n"
    "tvb-algo-1-x9z  |   indented | twice\r\n"
    "tvb-algo-1-x9z exited with code 0\n"
)


@pytest.mark.parametrize("said", [COMPOSE_1, COMPOSE_2], ids=["compose 1", "compose 2"])
@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_jobs_lines_are_told_from_composes(log: JobLog, lines: list[str], said: str, chunk: int):
    output = ComposeOutput(log)
    for start in range(0, len(said), chunk):
        output.write(said[start : start + chunk])
    own = [line for line in lines if not line.startswith("[docker compose] ")]
    assert own == ["epoch=1/3 train_loss=0.5", "  indented | twice"]
    assert "[docker compose] Attaching to tvb-algo-1-x9z" in lines
    assert not any("\x1b" in line or not line.strip() for line in lines)


def test_lines_that_the_sdk_did_not_read_are_added(log: JobLog, lines: list[str]):
    output = ComposeOutput(log)
    output.write("a-algo-1-b | one\r\na-algo-1-b | two\r\na-algo-1-b | thr")
    output.complete("one\r\ntwo\r\nthree\r\n\r\nfour")
    assert lines[:2] == ["one", "two"]
    # A line that was cut short stays as it came; nothing after it is lost.
    assert lines[2:] == ["thr", "", "four"]


def test_nothing_is_added_when_nothing_is_missing(log: JobLog, lines: list[str]):
    output = ComposeOutput(log)
    output.write("a-algo-1-b | one\na-algo-1-b | two\n")
    output.complete("one\r\ntwo")
    assert lines == ["one", "two"]
