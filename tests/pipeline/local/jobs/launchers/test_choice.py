"""A sandbox is taken where it works; elsewhere the fallback is explained, and one that was asked for is refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.local.jobs.launchers.choice import choose_launcher
from pipeline.local.state.state_dir import Home

# As Docker has it without options: root, but without CAP_SYS_ADMIN.
CONTAINED = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all")
CHOOSE = """
import json, os, sys
from pathlib import Path
from pipeline.errors import UsageError
from pipeline.local.state.state_dir import Home
from pipeline.local.jobs.launchers.choice import choose_launcher
said = []
try:
    said.append(choose_launcher(sys.argv[2], Home.open(Path(sys.argv[1])), os.environ, said.append).name)
except UsageError as error:
    said.append(str(error))
print(json.dumps(said))
"""


def choose_contained(folder: Path, wanted: str) -> list[str]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("giving up CAP_SYS_ADMIN takes root and setpriv")
    done = subprocess.run(
        [*CONTAINED, sys.executable, "-c", CHOOSE, str(folder), wanted],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[5],
    )
    said: list[str] = json.loads(done.stdout)
    return said


def test_without_the_right_to_mount_jobs_are_processes_and_it_is_said_why(tmp_path: Path) -> None:
    reason, name = choose_contained(tmp_path, "auto")
    assert name == "process"
    assert "Operation not permitted (a mount namespace)" in reason
    assert "/opt/ml/… written into it" in reason


def test_a_sandbox_that_was_asked_for_is_refused_with_the_reason(tmp_path: Path) -> None:
    (error,) = choose_contained(tmp_path, "sandbox")
    assert error.startswith("This machine does not allow a sandbox for jobs: ")
    assert "Operation not permitted" in error
    assert "Leave --launcher out" in error


def test_a_process_that_was_asked_for_needs_no_reason(tmp_path: Path) -> None:
    said: list[str] = []
    assert choose_launcher("process", Home.open(tmp_path), os.environ, said.append).name == "process"
    assert said == []


def test_a_sandbox_is_taken_where_it_works_and_its_trial_leaves_nothing(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    try:
        choose_launcher("sandbox", home, os.environ, lambda line: None)
    except UsageError:
        pytest.skip("this machine allows no sandbox")
    said: list[str] = []
    assert choose_launcher("auto", home, os.environ, said.append).name == "sandbox"
    assert said == []
    assert list(home.temporary.iterdir()) == []
