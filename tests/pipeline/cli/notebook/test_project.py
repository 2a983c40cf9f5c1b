"""Mistakes in a cell, each told with what to do; nothing is started for them."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.notebook.command import INTERRUPTED
from pipeline.cli.notebook.page import SHOWN_LINES, frame, progress, table, wrapped
from pipeline.cli.notebook.project import Project, target_words
from pipeline.errors import NotebookError

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fashion-mnist/3"
MISSED: dict[str, Any] = {
    "execution_id": "8f3a",
    "status": "Failed",
    "failure_reason": "The quality gate was missed.",
    "gate": {"passed": False, "reason": "baseline-0 reaches 0.81, less than the required 0.9."},
    "model_package_arn": None,
    "report": None,
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder without a clone: whatever is started in it fails."""
    return Project(tmp_path, {})


def test_a_wrong_decision_is_refused_before_anything_is_looked_up(project: Project) -> None:
    with pytest.raises(NotebookError, match=r'DECISION must be "approve", "reject" or ""') as raised:
        project.registry(MISSED | {"model_package_arn": ARN}, "local", "yes")
    assert "not 'yes'" in str(raised.value)


def test_a_missed_gate_says_why_nothing_is_registered(project: Project) -> None:
    with pytest.raises(
        NotebookError, match=r"registered no model\. baseline-0 reaches 0\.81, less than"
    ) as raised:
        project.registry(MISSED, "local")
    assert "Set a lower MinAccuracy in PARAMS" in str(raised.value)


def test_a_run_without_a_report_says_how_it_ended(project: Project) -> None:
    with pytest.raises(NotebookError, match=r"ended Failed: The quality gate was missed"):
        project.report(MISSED)


def stand_in(project: Project, result: str, status: int) -> None:
    """Puts a program in .venv that writes `result` where --result says, and ends with `status`."""
    program = project.root / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(
        f'#!/bin/sh\nfile=\nfor each; do [ "$file" = --result ] && break; file=$each; done\n'
        f"printf '%s' '{result}' > \"$each\"\necho it says why >&2\nexit {status}\n"
    )
    program.chmod(0o755)


def test_without_captured_requests_nothing_is_monitored(project: Project) -> None:
    assert project.monitor("local", "") is None, "nothing was started, or it would have failed"


@pytest.mark.parametrize("status", [0, 1])
def test_drift_is_a_result_whose_report_is_shown(project: Project, tmp_path: Path, status: int) -> None:
    report = tmp_path / "report.html"
    report.write_text("<p>Drift</p>")
    result = {"drift": {"verdict": "drift"}, "report": str(report)}
    stand_in(project, json.dumps(result), status)
    assert project.monitor("local", "captured") == result


def test_requests_that_could_not_be_compared_are_an_error(project: Project) -> None:
    stand_in(project, json.dumps({"drift": None, "report": None}), 1)
    with pytest.raises(NotebookError, match=r"Monitoring failed with exit status 1, and\nit says why"):
        project.monitor("local", "captured")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decision": "aprove"}, "DECISION must be \"approve\", .* not 'aprove'"),
        ({"target": "locl"}, "TARGET must be one of local, docker, sagemaker, not 'locl'"),
        ({"parameters": 'Epochs="1'}, "PARAMS 'Epochs=\"1': No closing quotation."),
        ({"parameters": "Epoch=1"}, "PARAMS .*Did you mean Epochs"),
        ({"parameters": "Epochs"}, "PARAMS 'Epochs': .*NAME=VALUE"),
    ],
)
def test_every_setting_is_checked_before_the_environment_is_built(
    project: Project, settings: dict[str, str], message: str
) -> None:
    with pytest.raises(NotebookError, match=message):
        project.set_up(**settings)


def test_parameters_are_read_before_anything_is_run(project: Project) -> None:
    with pytest.raises(NotebookError, match=r"PARAMS .*: No closing quotation"):
        project.run("local", "Epochs='1")


@pytest.mark.parametrize("arguments", ["--sedes 3", "--seeds three", "--candidates 'one quote"])
def test_wrong_arguments_are_refused_before_the_environment_is_built(
    project: Project, arguments: str
) -> None:
    with pytest.raises(NotebookError, match="ARGS must be arguments of python -m pipeline run"):
        project.set_up(arguments)


@pytest.mark.parametrize("status", [INTERRUPTED, -signal.SIGINT])
def test_an_interrupted_command_says_how_to_go_on(tmp_path: Path, status: int) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{'exit 130' if status == INTERRUPTED else 'kill -INT $$'}\n")
    python.chmod(0o755)
    with pytest.raises(
        NotebookError, match=r"Compiling the pipeline: it was interrupted\. Run the cells again"
    ):
        Project(tmp_path, {"PATH": os.environ["PATH"]}).graph("local")


def test_a_message_is_shown_below_a_cell_without_a_traceback() -> None:
    assert NotebookError("No.")._render_traceback_() == ["error: No."]


def test_commands_of_the_local_target_need_no_flag() -> None:
    assert target_words("local") == target_words("docker") == []
    assert target_words("sagemaker") == ["--target", "sagemaker"]


def test_a_page_in_a_frame_cannot_reach_the_notebook() -> None:
    shown = frame('<p title="x">&amp;</p><script>parent.document</script>', "<Report>")
    assert 'srcdoc="&lt;p title=&quot;x&quot;&gt;&amp;amp;&lt;/p&gt;&lt;script&gt;' in shown
    assert 'title="&lt;Report&gt;"' in shown
    assert "allow-same-origin" not in shown


def test_a_table_shows_texts_as_they_are() -> None:
    assert "&lt;b&gt;" in table([("a", "<b>")])


def test_while_it_runs_the_latest_lines_are_shown_and_in_the_end_all_of_them() -> None:
    lines = [f"line {n} <" for n in range(SHOWN_LINES + 3)]
    running, ended = progress("<svg/>", lines), progress("<svg/>", lines, ended=True)
    assert "line 2 &lt;" not in running
    assert "line 3 &lt;" in running
    assert "line 0 &lt;" in ended
    assert f"<summary>{SHOWN_LINES + 3} lines</summary>" in ended
    assert "<details>" not in progress("<svg/>", lines[:3], ended=True)


def test_sentences_are_broken_between_words_and_tables_are_left_alone() -> None:
    sentence, row = "word " * 40 + "/a/path" * 30, "cnn-3x3  " * 20
    lines = wrapped(f"{sentence}\n\n{row}").splitlines()
    assert lines[-2:] == ["", row]
    assert [len(line) for line in lines[:2]] == [99, 99]
    assert " ".join(lines[:-2]) == sentence
