"""The command from preflight to report, against an account whose SageMaker runs definitions in the local engine."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.captured import capture_key, captured_lines
from tests.conftest import read_idx
from tests.e2e.command import Command, Finished, await_true, descendants, run
from tests.pipeline.targets.aws.cloud.account import BUCKET, Cloud
from tests.pipeline.tracking.mlflow_rest import served

pytestmark = pytest.mark.usefixtures("forked_jobs")

ON = ("--target", "sagemaker")
QUICK = (
    "--candidates",
    "baseline",
    "--param",
    "Epochs=1",
    "--param",
    "MinAccuracy=0.5",
    "--param",
    "BatchSize=64",
)


@dataclass(frozen=True)
class User:
    """Somebody with credentials for the account, and a state folder."""

    home: Path
    cloud: Cloud
    data: Path

    def run(self, *words: str | Path) -> Finished:
        return run(self.home, *words, **self.cloud.environment)

    def start(self, *words: str | Path) -> Command:
        return Command(self.home, *words, **self.cloud.environment)

    @property
    def quick(self) -> tuple[str | Path, ...]:
        return ("run", *ON, "--data", self.data, "--any-data", *QUICK)


@pytest.fixture(scope="module")
def user(cloud: Cloud, small_data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> User:
    return User(tmp_path_factory.mktemp("user"), cloud, small_data_set)


@dataclass(frozen=True)
class Run:
    finished: Finished
    result: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.result["execution_id"])


@pytest.fixture(scope="module")
def first(user: User, tmp_path_factory: pytest.TempPathFactory) -> Run:
    file = tmp_path_factory.mktemp("result") / "result.json"
    finished = user.run(*user.quick, "--result", file)
    assert finished.status == 0, finished.said
    return Run(finished, json.loads(file.read_text()))


def operations(cloud: Cloud, since: int) -> list[str]:
    return cloud.asked[since:]


def test_a_run_goes_from_preflight_to_report(first: Run, user: User) -> None:
    out, err = first.finished.out, first.finished.err
    assert "account the-fashion-house (123456789012), region us-east-1 (US East (N. Virginia))" in err
    assert "✓ quota: ml.g5.xlarge for training job usage: 4, wanted 1" in err
    assert "Costs at most 2.50 USD, by AWS's price list" in err
    assert "Train-baseline-0: epoch 1 of 1, training accuracy" in err
    assert "Registered  Version 1 of fashion-mnist is registered, PendingManualApproval." in out
    # Which of the two depends on how fast this machine trains.
    assert re.search(r"^Cost        (0\.0[0-9]|less than 0\.01) USD for .+ of instances", out, re.MULTILINE)
    assert f"Studio      Pipelines → fashion-mnist → {first.id}" in out
    assert first.result["status"] == "Succeeded"
    assert first.result["winner"] == "baseline"
    assert first.result["gate"]["passed"] is True
    assert [candidate["name"] for candidate in first.result["candidates"]] == ["baseline"]
    assert {step["name"]: step["status"] for step in first.result["steps"]} == {
        "NormalizeData": "Succeeded",
        "Train-baseline-0": "Succeeded",
        "Evaluate": "Succeeded",
        "QualityGate": "Succeeded",
        "GateMissed": "Skipped",
    }
    report = Path(first.result["report"])
    assert report.is_relative_to(user.home)
    assert first.id in report.read_text()
    shown = user.run("registry", "show", "1", *ON)
    assert f"Report      {report}" in shown.out
    link = user.run("registry", "show", "1", "--json", *ON).json()["report"]
    bucket, _, key = link.removeprefix("s3://").partition("/")
    assert user.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == report.read_bytes()


def test_only_what_the_command_needs_is_asked_of_aws(first: Run, user: User) -> None:
    """The deployer may not do more, either: no listing of buckets, no making of any, no other writing."""
    changing = {name for name in user.cloud.asked if name.startswith(("Create", "Update", "Start", "Delete"))}
    assert changing == {"CreatePipeline", "UpdatePipelineVersion", "StartPipelineExecution"}
    assert "GET /" not in user.cloud.asked
    written = [name.removeprefix("PUT /") for name in user.cloud.asked if name.startswith("PUT /")]
    assert written
    folder = re.escape(f"{BUCKET}/fashion-mnist")
    allowed = re.compile(rf"{folder}/(code/.+|raw/.+|executions/[a-z0-9]+/evaluation/report\.html)")
    assert [name for name in written if not allowed.fullmatch(name)] == []


def test_a_repeated_command_starts_nothing_and_shows_the_same_run(
    first: Run, user: User, tmp_path: Path
) -> None:
    since = len(user.cloud.asked)
    again = user.run(*user.quick, "--result", tmp_path / "result.json")
    assert again.status == 0, again.said
    assert f"This very run was started before, as execution {first.id}" in again.err
    assert "To run it once more: --again 1" in again.err
    assert json.loads((tmp_path / "result.json").read_text()) == first.result
    assert not {"StartPipelineExecution", "UpdatePipeline"} & set(operations(user.cloud, since))


def test_a_run_that_is_asked_for_again_reuses_what_the_first_did(
    first: Run, user: User, tmp_path: Path
) -> None:
    again = user.run(*user.quick, "--again", "1", "--result", tmp_path / "result.json")
    assert again.status == 0, again.said
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["execution_id"] != first.id
    assert {step["name"] for step in result["steps"] if step["cached"]} == {
        "NormalizeData",
        "Train-baseline-0",
        "Evaluate",
    }
    assert result["candidates"] == first.result["candidates"]
    assert f"by execution {first.id}, whose evaluation was reused" in again.out
    assert "Cost " not in again.out


def test_a_job_that_fails_is_explained(first: Run, user: User, tmp_path: Path) -> None:
    data = Path(shutil.copytree(user.data, tmp_path / "data"))
    (data / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"no labels"))
    words = ("run", *ON, "--data", data, "--any-data", *QUICK, "--result", tmp_path / "result.json")
    failed = user.run(*words)
    assert failed.status == 1, failed.said
    assert "✗ NormalizeData failed" in failed.out
    assert "train-labels-idx1-ubyte" in failed.out
    assert "Likely      data:" in failed.out
    assert (
        "Console     https://us-east-1.console.aws.amazon.com/sagemaker/home?region=us-east-1#/processing-jobs/"
        in (failed.out)
    )
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["status"] == "Failed"
    assert f"python -m pipeline logs {result['execution_id']} NormalizeData --target sagemaker" in failed.out
    log = user.run("logs", result["execution_id"], "NormalizeData", *ON)
    assert log.status == 0, log.said
    assert "train-labels-idx1-ubyte" in log.out


def test_the_other_commands_work_on_aws(first: Run, user: User) -> None:
    listed = user.run("executions", "--json", *ON).json()
    assert listed[-1]["execution_id"] == first.id
    table = user.run("executions", *ON)
    assert first.id in table.out
    shown = user.run("show", first.id[:8], *ON)
    assert shown.status == 0, shown.said
    assert "Epochs = 1" in shown.out
    assert "of instances, by AWS's price list" in shown.out
    followed = user.run("show", first.id, "--follow", *ON)
    assert (followed.status, "★ baseline-0" in followed.out) == (0, True), followed.said
    log = user.run("logs", first.id, "Train-baseline-0", *ON)
    assert "epoch=1/1" in log.out
    report = user.run("report", first.id, *ON)
    assert report.out.strip() == first.result["report"], report.said


def test_models_are_approved_on_aws_and_the_next_run_compares_with_them(first: Run, user: User) -> None:
    assert user.run("registry", "list", "--json", *ON).json()[0]["metadata"]["execution_id"]
    approved = user.run("registry", "approve", "1", *ON)
    assert approved.status == 0, approved.said
    assert "PendingManualApproval → Approved" in approved.err
    assert user.run("registry", "show", "1", "--json", *ON).json()["model_approval_status"] == "Approved"
    missing = user.run("registry", "reject", "99", *ON)
    assert (missing.status, "has no version 99" in missing.err) == (2, True)


def test_a_run_is_published_to_an_mlflow_app_which_its_definition_names(
    first: Run, user: User, tmp_path: Path
) -> None:
    app = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-ABCDEFGHIJKL"
    # A run without the cache between the first and this one leaves data of its own, which are then the latest.
    before = user.run(*user.quick, "--again", "3", "--result", tmp_path / "before.json")
    assert before.status == 0, before.said
    latest = json.loads((tmp_path / "before.json").read_text())
    (trained,) = (step for step in latest["steps"] if step["name"] == "Train-baseline-0")
    with served(tmp_path) as rest:
        words = (*user.quick, "--mlflow", app, "--result", tmp_path / "result.json")
        home, more = user.home, {"SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": rest.url}
        finished = run(home, *words, **user.cloud.environment, **more)
        assert finished.status == 0, finished.said
        assert f"Published to MLflow: {app}." in finished.err
        runs = rest.runs("fashion-mnist")
        again = run(home, "mlflow", "publish", *ON, "--mlflow", app, **user.cloud.environment, **more)
        assert again.out == f"Published 1 execution to {app}.\n", again.said
        assert repr(rest.runs("fashion-mnist")) == repr(runs)
    execution_id = json.loads((tmp_path / "result.json").read_text())["execution_id"]
    parent, child = runs[execution_id], runs["Train-baseline-0"]
    assert parent["files"] == ["evaluation.json", "model-card.json", "model-card.md", "report.html"]
    assert parent["tags"]["fashion.target"] == "sagemaker"
    # What was trained before is reused, whatever the app: its name is in no cache key.
    source = first.id if trained["cached"] else latest["execution_id"]
    assert child["tags"]["fashion.reused_from"] == source
    assert ":training-job/" in child["tags"]["fashion.job_arn"]
    assert child["params"]["seed"] == "0"
    assert [step for step, _, _ in child["metrics"]["validation_accuracy"]] == [1]
    definition = run(home, "definition", *ON, "--mlflow", app, **user.cloud.environment).json()
    assert definition["MlflowConfig"] == {"MlflowResourceArn": app, "MlflowExperimentName": "fashion-mnist"}
    refused = run(home, *user.quick, "--mlflow", **user.cloud.environment)
    assert refused.status == 2
    assert "means the MLflow app of the stack fashion-mnist, which has none" in refused.err


def test_the_monitor_reads_the_bucket_and_fails_on_drift(first: Run, user: User, tmp_path: Path) -> None:
    with np.load(user.home / "sagemaker" / first.id / "predictions.npz") as predictions:
        answers = predictions["probabilities_baseline-0_test"][:150]
    pixels = read_idx(user.data / "t10k-images-idx3-ubyte.gz")[:150]
    refused = user.run("monitor", *ON)
    assert refused.status == 2
    assert "There are no captured requests below s3://" in refused.err
    key = capture_key(1, "fashion-mnist", place="fashion-mnist/captured")
    body = captured_lines(255 - pixels, answers)
    user.cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
    finished = user.run("monitor", *ON, "--result", tmp_path / "result.json")
    assert finished.status == 1, finished.said
    assert "1 processing job of at most " in finished.err
    assert " on ml.m5.xlarge at " in finished.err
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["status"], result["drift"]["verdict"]) == ("Failed", "drift")
    assert result["drift"]["model_version"] == 1
    assert "the images' brightness" in result["failure_reason"]
    assert Path(result["report"]).is_relative_to(user.home)
    assert "Verdict     Drift in " in finished.out
    shown = user.run("show", result["execution_id"], *ON)
    assert "Pipeline    fashion-mnist-monitor, target sagemaker" in shown.out
    elsewhere = user.run("monitor", "s3://another-bucket/captured", *ON)
    assert elsewhere.status == 2
    assert "The monitor's role reads what lies below s3://" in elsewhere.err
    definition = user.run("definition", "--monitor", *ON).json()
    assert [step["Name"] for step in definition["Steps"]] == ["Monitor", "DriftGate"]


def held_training() -> psutil.Process:
    """The training that runs in the account, which does not go on from here, however long who watches it takes."""
    found: list[psutil.Process] = []

    def runs() -> bool:
        for each in descendants(os.getpid()):
            with suppress(psutil.Error):
                if "train.py" in each.cmdline():
                    each.suspend()
                    found.append(each)
        return bool(found)

    await_true(runs, "a training to run")
    return found[0]


def test_ctrl_c_detaches_and_the_execution_can_be_stopped_and_resumed(
    first: Run, user: User, tmp_path: Path
) -> None:
    longer = ["Epochs=2" if word == "Epochs=1" else word for word in user.quick]
    with user.start(*longer, "--again", "2", "--no-cache") as command:
        command.wait_for("NormalizeData")
        training = held_training()
        command.wait_for("Train-baseline-0: running")
        command.signal(signal.SIGINT)
        finished = command.finish()
    assert finished.status == 130, finished.said
    assert "continues in AWS" in finished.err
    (line,) = [line for line in finished.err.splitlines() if "--follow" in line]
    execution_id = line.split("show ")[1].split()[0]
    assert user.cloud.execution(execution_id).status == "Executing"

    stopped = user.run("stop", execution_id, *ON)
    assert (stopped.status, stopped.out) == (0, f"{execution_id} Stopped\n"), stopped.said
    assert user.run("show", execution_id, "--json", *ON).json()["status"] == "Stopped"
    assert not training.is_running()

    resumed = user.run("resume", execution_id, *ON, "--result", tmp_path / "result.json")
    assert resumed.status == 0, resumed.said
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["execution_id"], result["status"]) == (execution_id, "Succeeded")
