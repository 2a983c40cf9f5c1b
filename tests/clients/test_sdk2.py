"""SageMaker SDK 2, unmodified. SDK 3 is this project's own: tests/strangers/test_on_sagemaker.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.as_client import ROLE, ROOT, run_as_client
from tests.clients.environments import programs_of

HERE = Path(__file__).parent
SCRIPT = HERE / "sdk2_pipeline.py"


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


def test_functions_that_sdk_2_compiles_run_with_it_by_its_own_bootstrap(tmp_path: Path) -> None:
    python = programs_of("sagemaker2", dear=True) / "python"
    run_as_client(tmp_path, python, "-W", "ignore", HERE / "sdk2_functions.py")
    run = [sys.executable, "-m", "pipeline", "run", "--definition", str(tmp_path / "definition.json")]
    done = subprocess.run(
        [*run, "--param", "Number=5", "--python", str(python), "--plain"],
        cwd=ROOT,
        env={**os.environ, "FASHION_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=900,
    )
    if "does not allow a sandbox" in done.stdout + done.stderr:
        pytest.skip("this machine allows no sandbox, and the bootstrap has /opt/ml written into it")
    assert done.returncode == 0, done.stdout + done.stderr
    logs = {file.stem: file.read_text().splitlines() for file in (tmp_path / "state").rglob("*.log")}
    assert "doubling 5" in logs["double"]
    assert "sum 13" in logs["add"]
