"""AWS CLI v1 from PyPI, unmodified."""

from __future__ import annotations

import os
from pathlib import Path

from tests.clients.as_client import ROLE, run_as_client
from tests.clients.environments import programs_of
from tests.pipeline.local.endpoint.conftest import definition, shell_step

HERE = Path(__file__).parent


def test_the_aws_cli_runs_a_pipeline_and_reads_its_log(tmp_path: Path) -> None:
    programs = programs_of("awscli")
    step = shell_step("Say", 'echo "the word is $WORD"')
    step["Arguments"]["Environment"] = {"WORD": {"Get": "Parameters.Word"}}
    (tmp_path / "definition.json").write_text(
        definition(step, parameters=({"Name": "Word", "Type": "String"},))
    )
    done = run_as_client(
        tmp_path,
        *("sh", HERE / "cli_session.sh", ROLE),
        environment={"PATH": f"{programs}:{os.environ['PATH']}"},
    )
    said = done.stdout.splitlines()
    for line in (
        "execution: Succeeded",
        "object: more than a line",
        "pipelines: Cli",
        "account: 123456789012",
    ):
        assert line in said, done.stdout + done.stderr
    assert "the word is spoken" in done.stdout
    assert "does not answer ListApps" in done.stderr
    assert "status: 25" in done.stdout
