"""A disk that is full in the middle of a step: a small file system of its own for the state folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.command import QUICK, check_refusal, executions, run

pytestmark = pytest.mark.e2e

# Room for code and data, none for the processed images.
SIZE = "10m"
# Mounts it, runs the command, and takes the state away before the mount ends with this shell.
IN_A_SMALL_FILE_SYSTEM = """
mkdir -p "$FASHION_HOME" && mount -t tmpfs -o size=$SIZE none "$FASHION_HOME" || exit 99
"$@"
status=$?
cp -r "$FASHION_HOME/." "$KEPT"
exit $status
"""


@pytest.fixture(scope="module")
def private_mounts() -> list[str]:
    """What to start a command with that may mount a file system for itself."""
    mount = ["sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
    for under in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        try:
            if subprocess.run([*under, *mount], capture_output=True, check=False).returncode == 0:
                return under
        except FileNotFoundError:
            break
    pytest.skip(
        "NOT TESTED: a full disk. Nothing can be mounted here (it takes Linux, and root or user namespaces)"
    )


def test_a_disk_that_fills_up_fails_the_step_clearly_and_loses_nothing(
    small_data_set: Path, tmp_path: Path, private_mounts: list[str]
) -> None:
    kept = tmp_path / "kept"
    finished = run(
        tmp_path / "home", "run", "--data", small_data_set, "--any-data", "--candidates", "baseline", *QUICK,
        under=[*private_mounts, "sh", "-c", IN_A_SMALL_FILE_SYSTEM, "sh"],
        SIZE=SIZE, KEPT=str(kept),
    )  # fmt: skip
    check_refusal(finished, 1, "NormalizeData failed", "No space left on device", "free some space")
    (execution,) = executions(kept)
    assert execution["status"] == "Failed"
    assert [step["status"] for step in execution["steps"]] == ["Failed", *["Pending"] * 4]
    assert "No space left on device" in execution["failure_reason"]
    assert list(kept.rglob("*.npy")) == [], "nothing is half-written"
    assert list((kept / "tmp").iterdir()) == []
