"""The SageMaker SDK, unchanged, in the environment that `local-sagemaker` gives a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HOUSES = Path(__file__).parent / "houses"
ROOT = Path(__file__).resolve().parents[2]


def test_a_script_that_runs_its_pipeline_on_sagemaker_runs_it_here(tmp_path: Path) -> None:
    words = ["local-sagemaker", "--state", str(tmp_path / "state"), "--", sys.executable, "-W", "ignore"]
    # The SDK looks every five or ten seconds how a job does: for jobs of instances, not for these.
    script = (
        "import jsonschema; jsonschema.Draft202012Validator.check_schema = lambda schema: None\n"
        "import time; sleep = time.sleep; time.sleep = lambda seconds: sleep(min(seconds, 0.5))\n"
        f"import os, sys; os.chdir({str(tmp_path)!r}); sys.path.insert(0, {str(HOUSES)!r}); "
        "import on_sagemaker; on_sagemaker.main()"
    )
    # What a user may have, and what must not lead anywhere.
    environment = {**os.environ, "AWS_PROFILE": "mine", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said == {
        "execution": "Succeeded",
        "name": "Tuesday",
        "description": "anew",
        "steps": {"Clean": "Succeeded", "Fit": "Succeeded", "Judge": "Succeeded", "GoodEnough": "Succeeded"},
        "trained": "Completed",
    }
    assert "hello of a processor" in done.stdout + done.stderr
    assert "hello of a trainer" in done.stdout + done.stderr
