"""The comparison with another revision runs. Its figures are not judged here: the machine may be busy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "tests/bench/bench_against.py", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def worktrees() -> str:
    return subprocess.run(["git", "-C", str(ROOT), "worktree", "list"], capture_output=True, text=True).stdout


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the repository's history")
def test_a_revision_is_compared_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = worktrees()
    done = bench("HEAD", "--pairs", "1", "--only", "executions", "--json", str(tmp_path / "figures.json"))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "figures.json").read_text())["rows"]
    assert row["what"] == "executions"
    assert row["ratio"] == pytest.approx(row["here"] / row["there"])
    assert "Load of this machine" in done.stdout
    assert worktrees() == before


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the repository's history")
def test_a_revision_that_there_is_not_is_refused_by_its_name() -> None:
    done = bench("no-such-revision", "--pairs", "1")
    assert done.returncode == 1
    assert "Could not check out no-such-revision" in done.stderr
    assert "Traceback" not in done.stderr
