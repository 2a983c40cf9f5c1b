"""Training scripts that crash, hang, or are killed by the system, in one execution of a definition from a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.e2e.command import ROOT, SCREEN, Finished, check_refusal, executions, processes_of, run

pytestmark = pytest.mark.e2e

SCRIPTS = {
    "fine": "print('nothing to learn')",
    "crash": "print('so far, so good', flush=True)\nraise RuntimeError('the loss went through the roof')",
    "hang": "import time\nprint('thinking', flush=True)\ntime.sleep(600)",
    "killed": "import os, signal\nprint('allocating', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)",
    "told": "import pathlib, sys\npathlib.Path('opt/ml/output/failure').write_text('no GPU here')\nsys.exit(3)",
}
CODE = f"s3://{LocalAws.BUCKET}/failing/code/"


@dataclass(frozen=True)
class Failed:
    """How the command ended, and its result."""

    home: Path
    finished: Finished
    result: dict[str, Any]


def check_failure(finished: Finished, status: int, *texts: str) -> None:
    """Standard output is one screen with these texts; the only traceback in it is of the script that crashed."""
    assert finished.status == status, finished.said
    assert len(finished.out.splitlines()) <= SCREEN, finished.said
    assert f'File "{ROOT / "pipeline"}' not in finished.out + finished.err, finished.said
    for text in texts:
        assert text in finished.out, finished.said


def training_step(name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": "an-image",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python3", f"/opt/ml/input/data/code/{name}.py"],
            },
            "InputDataConfig": [
                {
                    "ChannelName": "code",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": CODE}},
                    "InputMode": "File",
                }
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{LocalAws.BUCKET}/failing/models"},
            "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "RoleArn": "arn:aws:iam::123456789012:role/jobs",
            "StoppingCondition": {"MaxRuntimeInSeconds": 2 if name == "hang" else 60},
        },
    }


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Failed:
    folder = tmp_path_factory.mktemp("failing")
    home = Home.open(folder / "home")
    with Store(home) as store, LocalAws(home, store) as aws:
        for name, script in SCRIPTS.items():
            aws.client("s3").put_object(
                Bucket=aws.BUCKET, Key=f"failing/code/{name}.py", Body=script.encode()
            )
        aws.save_objects()
    after = {**training_step("fine"), "Name": "after", "DependsOn": ["crash"]}
    document = {"Version": "2020-12-01", "Metadata": {}, "Parameters": []}
    steps = [*(training_step(name) for name in SCRIPTS), after]
    (folder / "definition.json").write_text(json.dumps({**document, "Steps": steps}))
    words = ("--definition", folder / "definition.json", "--result", folder / "result.json")
    finished = run(home.root, "run", *words)
    return Failed(home.root, finished, json.loads((folder / "result.json").read_text()))


def test_the_run_fails_and_says_why_on_one_screen(failed: Failed) -> None:
    check_failure(failed.finished, 1, "crash", "hang", "killed", "told")


def test_other_branches_go_on_and_what_waits_for_a_failed_step_does_not_start(failed: Failed) -> None:
    assert {step["name"]: step["status"] for step in failed.result["steps"]} == {
        "fine": "Succeeded",
        "crash": "Failed",
        "hang": "Failed",
        "killed": "Failed",
        "told": "Failed",
        "after": "Pending",
    }


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("crash", "exit status 1"),
        ("crash", "RuntimeError: the loss went through the roof"),
        ("hang", "ran longer than MaxRuntimeInSeconds=2"),
        ("hang", "  thinking"),
        ("killed", "killed by signal 9 (out of memory?)"),
        ("told", "exit status 3: no GPU here"),
    ],
)
def test_each_reason_is_kept(step: str, reason: str, failed: Failed) -> None:
    with Store(Home.open(failed.home)) as store:
        record = store.load_execution()
    assert reason in str(record.step(step).failure_reason)
    assert reason in failed.result["failure_reason"]


def test_the_execution_can_be_looked_at_afterwards(failed: Failed) -> None:
    assert [each["status"] for each in executions(failed.home)] == ["Failed"]
    shown = run(failed.home, "show")
    check_failure(shown, 0, "MaxRuntimeInSeconds=2", "the loss went through the roof", "out of memory?")
    assert "so far, so good" in run(failed.home, "logs", failed.result["execution_id"], "crash").out


def test_there_is_nothing_to_report_or_to_register(failed: Failed) -> None:
    assert failed.result["candidates"] == []
    assert (failed.result["winner"], failed.result["gate"], failed.result["model_package_arn"]) == (None,) * 3
    check_refusal(run(failed.home, "report"), 2, "has no evaluation to report on")


def test_no_process_is_left(failed: Failed) -> None:
    assert processes_of(failed.home) == []
