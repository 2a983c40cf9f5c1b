"""The examples of docs/local-engine.md do what the page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.local.test_testing import BUCKET, copy_step, definition

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "local-engine.md"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's project: a definition, its data, and pytest's settings."""
    step = copy_step("Copy", f"{BUCKET}/raw/", word={"Get": "Parameters.Greeting"})
    (tmp_path / "pipeline.json").write_text(json.dumps(definition(step, Greeting="hi")))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["pipeline.local.pytest_plugin"]\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def examples() -> list[str]:
    """The Python of the page's section for other projects; others show what is not called so."""
    section = PAGE.read_text().partition("\n## In the tests of another project\n")[2].partition("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)


def test_the_call_and_the_fixture_do_what_the_page_says(project: Path) -> None:
    call, fixture = examples()
    (project / "test_call.py").write_text(
        "def test_call():\n" + "".join(f"    {line}\n" for line in call.splitlines())
    )
    (project / "test_fixture.py").write_text(fixture)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
