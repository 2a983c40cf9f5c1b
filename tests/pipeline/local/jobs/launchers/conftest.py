"""Runs jobs through the launchers, as this user and as another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[5]
DRIVER = ROOT / "tests/pipeline/local/jobs/launchers/driver.py"
NOBODY = "65534"
# What the driver imports, tried first: the other user may reach neither this Python nor the checkout.
IMPORTS = "import pipeline.local.jobs.launchers.sandbox, pipeline.local.jobs.process"


@dataclass(frozen=True)
class Somebody:
    """Who starts a job: `under` begins the command, `python` is an interpreter that he can reach."""

    name: str
    under: tuple[str, ...]
    python: str
    folder: Path

    def command(self, launcher: str, text: str, *mounts: str) -> list[str]:
        """The driver's command line."""
        return [*self.under, self.python, "-u", str(DRIVER), str(self.folder), launcher, text, *mounts]

    def start(self, launcher: str, text: str, *mounts: str) -> subprocess.Popen[str]:
        """Start a job; the first line that it prints is its reaper's process id."""
        return subprocess.Popen(
            self.command(launcher, text, *mounts),
            env=surroundings(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, launcher: str, text: str, *mounts: str) -> list[str]:
        """Run a job; its lines, and last how it ended."""
        with self.start(launcher, text, *mounts) as process:
            output, _ = process.communicate(timeout=90)
        return output.splitlines()[1:]


def surroundings() -> dict[str, str]:
    """The environment of the driver."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def somebody(name: str, folder: Path) -> Somebody:
    """This user, or "nobody", who needs an interpreter that he can reach."""
    if name == "this user":
        return Somebody(name, (), sys.executable, folder)
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip("becoming another user takes root and setpriv")
    # setpriv itself still may everything when it starts a program; what `env` starts has lost that.
    under = (setpriv, "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "env")
    if (python := reachable_python(under)) is None:
        pytest.skip("no Python 3.11 that another user can reach")
    return Somebody(name, under, python, folder)


@cache
def reachable_python(under: tuple[str, ...]) -> str | None:
    """The interpreter that whoever `under` makes of us can run the driver with."""
    for python in (sys.executable, "/usr/bin/python3"):
        tried = [*under, python, "-c", IMPORTS]
        if subprocess.run(tried, env=surroundings(), capture_output=True, cwd="/").returncode == 0:
            return python
    return None


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may write to; those of pytest are their owner's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(params=["this user", "nobody"])
def user(request: pytest.FixtureRequest, open_folder: Path) -> Somebody:
    return somebody(request.param, open_folder)


# Who may have a sandbox on this machine, of those who were asked for.
_allowed: dict[str, bool] = {}


def needs_sandbox(user: Somebody) -> None:
    """Skip the test where the kernel refuses what a sandbox is made of."""
    if user.name not in _allowed:
        _allowed[user.name] = user.run("sandbox", "exit 0")[-1] == "exit status 0"
    if not _allowed[user.name]:
        pytest.skip("this machine allows no sandbox")


@pytest.fixture
def sandboxed(user: Somebody) -> Somebody:
    needs_sandbox(user)
    return user
