"""Small pipelines in real containers: what they see, what is kept of them, what is left behind."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.compiling import quiet_sdk, validate_defaults_once
from pipeline.docker.engine import Address, DockerError, docker, find_address
from pipeline.docker.probe import require_reach
from pipeline.docker.recorder import new_record
from pipeline.docker.workplace import Workplace, make_workplace, sweep_workplaces
from pipeline.docker_target import job_environment
from pipeline.execution import ExecutionRecord
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.objects import stored_files
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.spec.parameters import resolve_parameters
from pipeline.spec.parsing import parse_definition
from tests.processes import ended_process

pytestmark = [
    pytest.mark.docker,
    # The SDK leaves the pipe from docker compose to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

BUCKET = "small-pipelines"
LINES = 2000
# Ends as its argument says, and leaves its verdict behind.
JOB = """
import json, os, pathlib, sys, time
verdict, = sys.argv[1:]
out = pathlib.Path("/opt/ml/processing/output/out")
out.joinpath("verdict.json").write_text(json.dumps({"verdict": verdict}))
out.joinpath("private").mkdir(mode=0o700)
for name, value in sorted(os.environ.items()):
    print(f"{name}={value}")
if verdict == "stop":
    print("waiting", flush=True)
    time.sleep(60)
"""
FAILING = f"""
import sys
for number in range({LINES}):
    print("line", number)
sys.exit("out of luck")
"""


class Bench:
    """Runs the small pipeline, and hears of it."""

    def __init__(self, home: Home, store: Store, aws: LocalAws, address: Address, image: str) -> None:
        self.home, self.store, self.aws, self.address, self.image = home, store, aws, address, image
        self.lines: list[tuple[str, str]] = []
        self.stop = threading.Event()
        self.stopped_at = 0.0

    def execution_changed(self, execution: ExecutionRecord) -> None:
        pass

    def log_line(self, step: str, line: str) -> None:
        self.lines.append((step, line))
        if line == "waiting":
            self.stop.set()
            self.stopped_at = time.monotonic()

    def log(self, step: str) -> str:
        return self.home.step_log("abcdef123456", step).read_text()

    def run(self, sdk: ModuleType, verdict: str) -> ExecutionRecord:
        from pipeline.docker.run import run_pipeline

        session = sdk.ComposeSession(self.aws.endpoint_url, self.aws.credentials, BUCKET)
        pipeline = small_pipeline(session, self.image)
        text = pipeline.definition()
        definition = parse_definition(text)
        values = resolve_parameters(definition, {"Verdict": verdict})
        workplace = make_workplace(self.home, self.image, sdk.FORBIDDEN_FOLDERS)
        endpoint = self.aws.endpoint_url.replace(self.address.listens_at, self.address.reached_at)
        try:
            return run_pipeline(
                pipeline,
                session,
                definition,
                new_record("abcdef123456", "small", "docker", definition, values),
                workplace=workplace,
                environment=job_environment(endpoint, self.address.reached_at),
                log_path=lambda step: self.home.step_log("abcdef123456", step),
                persist=lambda: self.aws.save_objects(),
                save=lambda record: self.store.save_execution(record, text),
                observer=self,
                stop=self.stop,
            )
        finally:
            workplace.remove()


def small_pipeline(session: Any, image: str) -> Any:
    """First → Gate ─ passed → Then (fails), stop: never comes to it
    └ else → Missed (Fail)."""
    from sagemaker.core.processing import Processor
    from sagemaker.core.workflow.conditions import ConditionEquals
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join, JsonGet
    from sagemaker.core.workflow.parameters import ParameterString
    from sagemaker.core.workflow.properties import PropertyFile
    from sagemaker.mlops.workflow.condition_step import ConditionStep
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.steps import ProcessingStep

    from pipeline.sdk_processing import processing_output

    verdict = ParameterString("Verdict", default_value="missed")

    def step(name: str, code: str, *arguments: Any, **more: Any) -> ProcessingStep:
        processor = Processor(
            role="arn:aws:iam::123456789012:role/jobs",
            image_uri=image,
            instance_count=1,
            instance_type="local",
            entrypoint=["python3", "-c", code],
            sagemaker_session=session,
        )
        uri = Join(on="/", values=["s3:/", BUCKET, ExecutionVariables.PIPELINE_EXECUTION_ID, name])
        outputs = [processing_output("out", uri, "/opt/ml/processing/output/out")]
        return ProcessingStep(name, processor.run(outputs=outputs, arguments=list(arguments)), **more)

    first = step("First", JOB, verdict, property_files=[PropertyFile("Verdict", "out", "verdict.json")])
    gate = ConditionStep(
        "Gate",
        conditions=[ConditionEquals(JsonGet("First", "Verdict", "verdict"), "passed")],
        if_steps=[step("Then", FAILING)],
        else_steps=[FailStep("Missed", error_message=Join(on=" ", values=["The verdict was", verdict]))],
        depends_on=["First"],
    )
    return Pipeline("small", parameters=[verdict], steps=[first, gate], sagemaker_session=session)


@pytest.fixture(scope="module")
def address(engine: str) -> Address:
    return find_address()


@pytest.fixture
def bench(tmp_path: Path, engine: str, address: Address, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    # What compile_pipeline does before it builds the project's own.
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    quiet_sdk()
    validate_defaults_once()
    home = Home.open(tmp_path / "home")
    with Store(home) as store, LocalAws(home, store, address.listens_at) as aws:
        aws.ensure_bucket(BUCKET)
        yield Bench(home, store, aws, address, engine)
    gc.collect()
    assert list(home.temporary.iterdir()) == []
    assert Workplace(tmp_path, engine).containers() == []


def statuses(record: ExecutionRecord) -> dict[str, str]:
    return {step.name: step.status for step in record.steps}


def test_a_branch_is_taken_and_what_the_jobs_wrote_is_kept(
    bench: Bench, sdk: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the user's own secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the user's own token")
    record = bench.run(sdk, "missed")
    assert statuses(record) == {
        "First": "Succeeded",
        "Gate": "Succeeded",
        "Then": "Skipped",
        "Missed": "Failed",
    }
    assert (record.status, record.failure_reason) == (
        "Failed",
        "Step Missed failed: The verdict was missed",
    )
    assert record.step("Gate").properties == {"Outcome": "False"}
    assert bench.store.load_execution() == record
    files = stored_files(bench.home, bench.store, f"s3://{BUCKET}/abcdef123456/First")
    assert files["verdict.json"].read_text() == '{"verdict": "missed"}'

    log = bench.log("First")
    seen = dict(line.split("=", 1) for line in log.splitlines() if "=" in line and "[docker" not in line)
    assert seen["AWS_DEFAULT_REGION"] == "us-east-1"
    assert seen["AWS_ENDPOINT_URL"].startswith(f"http://{bench.address.reached_at}:")
    assert seen["AWS_ACCESS_KEY_ID"] == bench.aws.credentials.access_key
    assert seen["AWS_SECRET_ACCESS_KEY"] == "********"
    assert bench.aws.credentials.secret_key not in log
    assert bench.aws.credentials.secret_key not in str(record) + str(bench.lines)
    assert "AWS_SESSION_TOKEN" not in seen
    assert "AKIAREAL" not in log
    assert "the user's own" not in log
    assert record.step("First").properties["Environment"] == {}


def test_a_job_that_fails_leaves_its_whole_log_and_no_container(bench: Bench, sdk: ModuleType):
    record = bench.run(sdk, "passed")
    assert statuses(record) == {
        "First": "Succeeded",
        "Gate": "Succeeded",
        "Then": "Failed",
        "Missed": "Skipped",
    }
    reason = record.step("Then").failure_reason
    assert reason is not None
    assert reason.startswith("exit status 1\nLast lines of its log")
    assert "out of luck" in reason
    own = [line for step, line in bench.lines if step == "Then" and "[docker compose]" not in line]
    assert own == [*(f"line {number}" for number in range(LINES)), "out of luck"]
    assert set(bench.log("Then").splitlines()) >= set(own)
    # What a failed job wrote is not kept.
    assert stored_files(bench.home, bench.store, f"s3://{BUCKET}/abcdef123456/Then") == {}


def test_a_stop_ends_the_container_at_once_and_the_execution_as_stopped(bench: Bench, sdk: ModuleType):
    record = bench.run(sdk, "stop")
    took = time.monotonic() - bench.stopped_at
    assert record.status == "Stopped"
    assert statuses(record) == {
        "First": "Stopped",
        "Gate": "Pending",
        "Then": "Pending",
        "Missed": "Pending",
    }
    assert took < 15


def test_what_a_killed_command_left_running_is_removed_by_the_next(bench: Bench, tmp_path: Path):
    folder = bench.home.temporary / f"fashion-{ended_process()}-docker" / "tmp1"
    folder.mkdir(parents=True)
    label = f"com.docker.compose.project.working_dir={folder.resolve()}"
    sleep = ["run", "--detach", "--label", label, "--entrypoint", "sleep", bench.image, "60"]
    container = docker(*sleep)
    try:
        sweep_workplaces(bench.home, bench.image)
        assert container not in docker("ps", "--all", "--quiet", "--no-trunc")
        assert not folder.parent.exists()
    finally:
        docker("rm", "--force", container, check=False)


def test_an_endpoint_that_containers_do_not_reach_is_said_before_anything_starts(
    bench: Bench, tmp_path: Path
):
    with pytest.raises(DockerError, match=r"to reach the local S3 at http://127\.0\.0\.1:9.*firewall"):
        require_reach(bench.image, "http://127.0.0.1:9", tmp_path)
    require_reach(bench.image, bench.aws.endpoint_url, tmp_path)
