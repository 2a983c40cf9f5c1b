"""Executions while the local S3 fails, jobs are killed, the disk takes no more and the clock jumps."""

from __future__ import annotations

import json
import re
import resource
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord
from pipeline.local import fault_injection
from pipeline.local.home import Home
from pipeline.local.objects import Objects
from pipeline.local.service import LocalAws
from pipeline.local.start import resume_execution, start_execution
from pipeline.local.store import Store
from tests.e2e.command import Finished, processes_of, run
from tests.pipeline.local.quick_pipeline import (
    BUCKET,
    CODE,
    processing,
    quick_definition,
    read_results,
    write_code,
)

NEVER_AGAIN = [
    {"ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"], "IntervalSeconds": 1, "MaxAttempts": 0}
]
COPY = """
import shutil
shutil.copyfile("opt/ml/processing/input/in/data.txt", "opt/ml/processing/output/out/data.txt")
"""
# What clients wait for an answer, and an answer that comes too late.
PATIENCE, LATE = 1.0, 2.5
READ = f"GET /{BUCKET}/in"
# By the step that each happens to. Those of "saved" happen when a step's output is copied from S3 to disk.
FAULTS: dict[str, dict[str, Any]] = {
    "error": {"request": f"{READ}/error/", "fault": "error", "status": 500},
    "throttled": {"request": f"PUT /{BUCKET}/runs/.*/throttled/", "fault": "error", "status": 503},
    "late": {"request": f"{READ}/late/", "fault": "delay", "seconds": LATE},
    "hung-up": {"request": f"{READ}/hung-up/", "fault": "hang up"},
    "cut": {"request": f"{READ}/cut/", "fault": "cut"},
    "damaged": {"request": f"{READ}/damaged/", "fault": "flip"},
    "saved": {"request": f"GET /{BUCKET}/runs/.*/saved/", "fault": "flip"},
}


class Silent:
    """An observer that shows nothing."""

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """See Observer."""

    def log_line(self, step: str, line: str) -> None:
        """See Observer."""


@contextmanager
def services(
    home: Home, faults: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Store, LocalAws]]:
    """The store and the services of a state folder, with the faults."""
    file = home.root / "faults.json"
    file.write_text(json.dumps(faults))
    with Store(home) as store, monkeypatch.context() as patch:
        patch.setenv(fault_injection.VARIABLE, str(file))
        with LocalAws(home, store, answer_seconds=PATIENCE) as aws:
            aws.ensure_bucket(BUCKET)
            yield store, aws


def start(home: Home, store: Store, aws: LocalAws, text: str) -> ExecutionRecord:
    return start_execution(
        text,
        {},
        home=home,
        aws=aws,
        store=store,
        observer=Silent(),
        stop=threading.Event(),
        pipeline_name="faults",
    )


def resume(home: Home, monkeypatch: pytest.MonkeyPatch) -> ExecutionRecord:
    """Continue the newest execution without faults."""
    with services(home, {}, monkeypatch) as (store, aws):
        return resume_execution(
            None, home=home, aws=aws, store=store, observer=Silent(), stop=threading.Event()
        )


def put(aws: LocalAws, uri: str, content: str) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=content.encode())
    aws.persist_objects(uri)


def copies(aws: LocalAws, names: Sequence[str]) -> str:
    """A definition with an independent step for each name, which copies its input to its output."""
    put(aws, f"{CODE}/copy.py", COPY)
    steps = []
    for name in names:
        put(aws, f"s3://{BUCKET}/in/{name}/data.txt", f"data of {name}")
        request = processing("copy.py", [], {"in": f"s3://{BUCKET}/in/{name}/"}, name)
        steps.append({"Name": name, "Type": "Processing", "Arguments": request, "RetryPolicies": NEVER_AGAIN})
    return document(steps)


def document(steps: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": steps})


def copied(home: Home, record: ExecutionRecord) -> dict[str, str]:
    """By step, what it wrote, as it is on disk."""
    with Store(home) as store:
        objects = Objects(home, store)
        stored = objects.under(f"s3://{BUCKET}/runs/{record.execution_id}/")
        return {item.key.split("/")[-2]: objects.path(item).read_text() for item in stored}


def test_what_goes_wrong_for_a_moment_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.open(tmp_path)
    # The inputs, too, are copied to disk first.
    skip = {"skip": 1}
    faults = [
        {**fault, "times": 1 if name == "late" else 2, **(skip if fault["request"].startswith(READ) else {})}
        for name, fault in FAULTS.items()
    ]
    faults.append({"request": "/slow/", "fault": "delay", "seconds": 0.2})
    names = [*FAULTS, "slow"]
    with services(home, {"s3": faults}, monkeypatch) as (store, aws):
        record = start(home, store, aws, copies(aws, names))
    assert record.status == "Succeeded", record.failure_reason
    assert [step.attempts for step in record.steps] == [1] * len(names)
    assert copied(home, record) == {name: f"data of {name}" for name in names}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, ExecutionRecord]:
    """What is left of an execution with a step for each fault, to all requests, and one without."""
    home = Home.open(tmp_path_factory.mktemp("failed"))
    faults = [
        {**fault, **({"skip": 1} if fault["request"].startswith(READ) else {})} for fault in FAULTS.values()
    ]
    with pytest.MonkeyPatch.context() as patch, services(home, {"s3": faults}, patch) as (store, aws):
        return home, start(home, store, aws, copies(aws, [*FAULTS, "fine"]))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("error", "s3://quick/in/error/ into the job's folder: the local S3 failed: .*InternalError"),
        ("throttled", "Copying data.txt of the job to s3://quick/runs/.*: the local S3 failed: .*SlowDown"),
        ("late", "s3://quick/in/late/ into the job's folder: the local S3 failed: Read timeout"),
        (
            "hung-up",
            "s3://quick/in/hung-up/ into the job's folder: the local S3 failed: Connection was closed",
        ),
        ("cut", "s3://quick/in/cut/ into the job's folder: the local S3 failed: "),
        ("damaged", "the local S3 failed: s3://quick/in/damaged/data.txt arrived damaged: expected MD5"),
        ("saved", "Saving s3://quick/runs/.*s3://quick/runs/.*/saved/data.txt arrived damaged"),
    ],
)
def test_what_keeps_going_wrong_fails_its_step_with_a_reason(
    name: str, reason: str, failed: tuple[Home, ExecutionRecord]
) -> None:
    step = failed[1].step(name)
    assert step.status == "Failed"
    assert re.search(reason, str(step.failure_reason), re.DOTALL), step.failure_reason


def test_such_an_execution_can_be_resumed(
    failed: tuple[Home, ExecutionRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, record = failed
    assert record.status == "Failed"
    assert copied(home, record) == {"fine": "data of fine"}, "nothing of a failed step is kept"
    resumed = resume(home, monkeypatch)
    assert resumed.status == "Succeeded", resumed.failure_reason
    assert resumed.step("fine") == record.step("fine")
    assert copied(home, resumed) == {name: f"data of {name}" for name in [*FAULTS, "fine"]}


def script_step(aws: LocalAws, name: str, script: str, **more: Any) -> dict[str, Any]:
    put(aws, f"{CODE}/{name}.py", script)
    return {"Name": name, "Type": "Processing", "Arguments": processing(f"{name}.py", [], {}, name), **more}


# Kills itself as the system does when memory is short, but not a second time.
KILLED_ONCE = """
import os, pathlib, signal
marker = pathlib.Path({marker!r})
if not marker.exists():
    marker.touch()
    os.kill(os.getpid(), signal.SIGKILL)
pathlib.Path("opt/ml/processing/output/out/data.txt").write_text("done")
"""
OUT_OF_MEMORY = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
bytearray(1 << 31)
"""


def test_a_job_that_the_system_kills_is_run_again_where_a_policy_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.open(tmp_path / "home")
    policy = [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    with services(home, {}, monkeypatch) as (store, aws):
        scripts = {name: KILLED_ONCE.format(marker=str(tmp_path / name)) for name in ("again", "killed")}
        steps = [
            script_step(aws, "again", scripts["again"], RetryPolicies=policy),
            script_step(aws, "killed", scripts["killed"]),
            script_step(aws, "memory", OUT_OF_MEMORY, RetryPolicies=policy),
        ]
        record = start(home, store, aws, document(steps))
    assert {step.name: (step.status, step.attempts) for step in record.steps} == {
        "again": ("Succeeded", 2),
        "killed": ("Failed", 1),
        "memory": ("Failed", 1),
    }
    assert "killed by signal 9 (out of memory?)" in str(record.step("killed").failure_reason)
    assert "MemoryError" in str(record.step("memory").failure_reason)
    assert resume(home, monkeypatch).step("killed").status == "Succeeded"


# Writes more than the disk takes; with `lift`, the job can, but not what copies its output afterwards.
LARGE = """
import pathlib, resource, sys
if {lift}:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
pathlib.Path("opt/ml/processing/output/out/data.txt").write_text("x" * (1 << 21))
"""


def test_a_disk_that_takes_no_more_fails_the_step_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files acts as the end of the disk does; tests/e2e has a disk that is really full."""
    home = Home.open(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert hard == resource.RLIM_INFINITY
    with services(home, {}, monkeypatch) as (store, aws):
        text = document(
            [
                script_step(aws, "job", LARGE.format(lift=False)),
                script_step(aws, "store", LARGE.format(lift=True)),
            ]
        )
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        try:
            record = start(home, store, aws, text)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert store.load_execution() == record
    assert [step.status for step in record.steps] == ["Failed", "Failed"]
    assert "File too large" in str(record.step("job").failure_reason)
    assert "File too large. Free space on that disk" in str(record.step("store").failure_reason)
    assert copied(home, record) == {}
    assert list(home.temporary.iterdir()) == []
    resumed = resume(home, monkeypatch)
    assert {name: len(text) for name, text in copied(home, resumed).items()} == {
        "job": 1 << 21,
        "store": 1 << 21,
    }


class Commands:
    """Runs the quick pipeline from the command line, under faults."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        (folder / "quick.json").write_text(quick_definition())
        code = write_code(folder / "code")
        self.words = [
            "run",
            "--plain",
            "--definition",
            str(folder / "quick.json"),
            "--upload",
            f"{code}={CODE}",
        ]

    def run(self, *words: str, **faults: Any) -> Finished:
        file = self.folder / "faults.json"
        file.write_text(json.dumps(faults))
        return run(self.home, *words, **{fault_injection.VARIABLE: str(file)})


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def test_a_server_that_dies_ends_the_run_clearly_and_it_can_be_resumed(commands: Commands) -> None:
    began = time.monotonic()
    # Fit-a has uploaded its model, Fit-b has not.
    finished = commands.run(
        *commands.words, s3=[{"request": f"PUT /{BUCKET}/runs/.*model", "fault": "die", "skip": 1}]
    )
    assert time.monotonic() - began < 20, "waiting does not bring the server back"
    assert finished.status == 1, finished.said
    assert "Traceback" not in finished.said
    assert "The local S3 has died" in finished.said
    assert "python -m pipeline resume" in finished.said
    assert processes_of(commands.home) == []
    resumed = commands.run("resume", "--plain")
    assert resumed.status == 0, resumed.said
    assert "Make: running" not in resumed.said
    results = read_results(Home.open(commands.home))
    assert set(results.statuses.values()) == {"Succeeded", "Skipped"}
    assert [version for version, _, _ in results.packages] == [1]


def test_a_clock_that_is_set_meanwhile_does_no_harm(commands: Commands) -> None:
    finished = commands.run(*commands.words, clock={"after": 0.3, "jump": -86400})
    assert finished.status == 0, finished.said
    with Store(Home.open(commands.home)) as store:
        record = store.load_execution()
    assert record.ended_at is not None
    assert record.ended_at >= record.started_at
    assert all(0 <= step.seconds < 60 for step in record.steps if step.seconds is not None)
    moments = [step.started_at for step in record.steps if step.started_at is not None]
    assert max(moments) - min(moments) > 80000, "the clock did jump"

    # A later execution is the newer one, whatever the clock says; results of the future are not too old.
    assert commands.run(*commands.words, clock={"after": 0, "jump": -864000}).status == 0
    with Store(Home.open(commands.home)) as store:
        newest, older = store.executions()
    assert older.execution_id == record.execution_id
    assert newest.started_at < older.started_at
    assert newest.step("Make").reused_from == older.execution_id

    # That was the future's, for this clock; by the next one it is too old.
    assert commands.run(*commands.words, clock={"after": 0, "jump": 31 * 86400}).status == 0
    with Store(Home.open(commands.home)) as store:
        assert store.load_execution().step("Make").reused_from is None
