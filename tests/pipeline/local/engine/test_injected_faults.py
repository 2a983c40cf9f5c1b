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
from pipeline.local.engine.start import resume_execution, start_execution
from pipeline.local.state import fault_injection
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
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
# The job reads and writes S3 itself; what its folders hold is copied without requests.
COPY = """
import boto3, shutil, sys
s3 = boto3.client("s3")
source, target = sys.argv[1:]
bucket, key = source.removeprefix("s3://").split("/", 1)
body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
s3.put_object(Bucket=bucket, Key=target, Body=body)
shutil.copyfile("opt/ml/processing/input/in/data.txt", "opt/ml/processing/output/out/data.txt")
"""
PATIENCE = 1.0
# By the step that each happens to.
FAULTS: dict[str, dict[str, Any]] = {
    "error": {"request": f"GET /{BUCKET}/in/error/", "fault": "error", "status": 500},
    "throttled": {"request": f"PUT /{BUCKET}/own/.*throttled", "fault": "error", "status": 503},
    "hung-up": {"request": f"GET /{BUCKET}/in/hung-up/", "fault": "hang up"},
}
# What happens on disk to the content that a step reads.
DAMAGES = ("changed", "missing")


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
    aws.save_objects()


def copies(aws: LocalAws, names: Sequence[str]) -> str:
    """A definition with an independent step for each name: it copies its input to its output, and to own/NAME."""
    put(aws, f"{CODE}/copying.py", COPY)
    steps = []
    for name in names:
        put(aws, f"s3://{BUCKET}/in/{name}/data.txt", f"data of {name}")
        words = [f"s3://{BUCKET}/in/{name}/data.txt", f"own/{name}"]
        request = processing("copying.py", words, {"in": f"s3://{BUCKET}/in/{name}/"}, name)
        steps.append({"Name": name, "Type": "Processing", "Arguments": request, "RetryPolicies": NEVER_AGAIN})
    return document(steps)


def damage(aws: LocalAws, name: str) -> None:
    """Damage the content that a step reads, as a disk does."""
    (stored,) = aws.stored_objects(f"s3://{BUCKET}/in/{name}/data.txt")
    path = aws.objects.path(stored)
    path.unlink()
    if name == "changed":
        path.write_bytes(b"x" * stored.size)


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
    faults = [{**fault, "times": 2} for fault in FAULTS.values()]
    faults.append({"request": "/slow/", "fault": "delay", "seconds": 0.2})
    names = [*FAULTS, "slow"]
    with services(home, {"s3": faults}, monkeypatch) as (store, aws):
        record = start(home, store, aws, copies(aws, names))
        own = {
            item.key: aws.objects.path(item).read_text() for item in aws.stored_objects(f"s3://{BUCKET}/own/")
        }
    assert record.status == "Succeeded", record.failure_reason
    assert [step.attempts for step in record.steps] == [1] * len(names)
    assert copied(home, record) == {name: f"data of {name}" for name in names}
    assert own == {f"own/{name}": f"data of {name}" for name in names}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, ExecutionRecord]:
    """What is left of an execution with a step for each fault and damage, and one without."""
    home = Home.open(tmp_path_factory.mktemp("failed"))
    with (
        pytest.MonkeyPatch.context() as patch,
        services(home, {"s3": list(FAULTS.values())}, patch) as (store, aws),
    ):
        text = copies(aws, [*FAULTS, *DAMAGES, "fine"])
        for name in DAMAGES:
            damage(aws, name)
        return home, start(home, store, aws, text)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("error", "InternalError.* when calling the GetObject operation"),
        ("throttled", "SlowDown.* when calling the PutObject operation"),
        ("hung-up", "Connection was closed"),
        (
            "changed",
            "s3://quick/in/changed/data.txt is damaged: .* has SHA-256 .*, or upload the object again",
        ),
        ("missing", "s3://quick/in/missing/data.txt is damaged: .*: No such file or directory"),
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
    with services(home, {}, monkeypatch) as (_, aws):
        for name in DAMAGES:
            put(aws, f"s3://{BUCKET}/in/{name}/data.txt", f"data of {name}")
    resumed = resume(home, monkeypatch)
    assert resumed.status == "Succeeded", resumed.failure_reason
    assert resumed.step("fine") == record.step("fine")
    assert copied(home, resumed) == {name: f"data of {name}" for name in [*FAULTS, *DAMAGES, "fine"]}


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
        home.downloads.mkdir(exist_ok=True)  # Where a job may write in the state folder.
        scripts = {
            name: KILLED_ONCE.format(marker=str(home.downloads / name)) for name in ("again", "killed")
        }
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
import os, pathlib, resource, sys
if {lift}:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
pathlib.Path("opt/ml/processing/output/out/data.txt").write_text("x" * (1 << 21))
if {lift}:
    # A file with a second name is copied into the store; one without is taken over as it is, which needs no space.
    os.link("opt/ml/processing/output/out/data.txt", "opt/ml/processing/data.txt")
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
    # Make has asked whether there are models to save, and Judge is about to.
    finished = commands.run(*commands.words, s3=[{"request": r"POST /\?", "fault": "die", "skip": 2}])
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


@pytest.mark.parametrize("jump", [-86400, 365 * 86400])
def test_a_clock_that_is_set_meanwhile_does_no_harm(commands: Commands, jump: int) -> None:
    finished = commands.run(*commands.words, clock={"after": 0.3, "jump": jump})
    assert finished.status == 0, finished.said
    with Store(Home.open(commands.home)) as store:
        record = store.load_execution()
    assert record.ended_at is not None
    assert 0 <= record.ended_at - record.started_at < 300
    assert all(0 <= step.seconds < 60 for step in record.steps if step.seconds is not None)
    moments = [step.started_at for step in record.steps if step.started_at is not None]
    assert record.started_at <= min(moments) <= max(moments) <= record.ended_at

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
