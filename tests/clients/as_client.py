"""Runs a program as a user would: as the command of `python -m pipeline local-sagemaker -- …`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROLE = "arn:aws:iam::123456789012:role/service-role/somebody"


def run_as_client(
    folder: Path, *words: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program in `folder`, whose state folder is below it; a failure fails the test with what was said."""
    serve: list[str | Path] = [
        sys.executable,
        "-m",
        "pipeline",
        "local-sagemaker",
        "--state",
        folder / "state",
    ]
    # What a user may have, and what must not lead anywhere.
    mine = {**os.environ, "AWS_PROFILE": "mine", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    mine |= {"PYTHONPATH": str(ROOT), **(environment or {})}
    done = subprocess.run(
        [*serve, "--", *words], cwd=folder, env=mine, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done
