"""SageMaker SDK 2, unmodified. SDK 3 is this project's own: tests/strangers/test_on_sagemaker.py."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clients.as_client import ROLE, run_as_client
from tests.clients.environments import programs_of

SCRIPT = Path(__file__).parent / "sdk2_pipeline.py"


def test_sdk_2_runs_its_pipeline_and_its_jobs(tmp_path: Path) -> None:
    python = programs_of("sagemaker2", dear=True) / "python"
    done = run_as_client(tmp_path, python, "-W", "ignore", SCRIPT, ROLE)
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "execution": "Succeeded",
        "name": "Tuesday",
        "description": "anew",
        "steps": dict.fromkeys(("GoodEnough", "Judge", "Fit", "Clean"), "Succeeded"),
        "refused": ["Failed", "WaiterError"],
        "reused": ["Clean"],
        "model": "model.tar.gz",
    }
    for line in ("hello of a processor", "hello of an estimator"):
        assert (done.stdout + done.stderr).count(line) == 1, "each line of a log is printed once"
