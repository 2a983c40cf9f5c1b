"""The command line on what needs no run: help, wrong usage, an empty state folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.definition.parameters import PARAMETERS

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = sorted(
    file.stem
    for file in (ROOT / "pipeline" / "cli" / "commands").glob("*.py")
    if "def main(" in file.read_text(encoding="utf-8")
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FASHION_DATA", raising=False)
    return tmp_path / "home"


def refused(capsys, *argv: str) -> str:
    """Runs the command, expects exit status 2 and one screen without a traceback; returns what it said."""
    status: object
    try:
        status = main(argv)
    except SystemExit as exit_:  # argparse
        status = exit_.code
    said = str(capsys.readouterr().err)
    assert status == 2, said
    assert "Traceback" not in said
    assert len(said.splitlines()) < 25
    return said


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from pipeline.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'boto3', 'botocore', 'sagemaker', 'tensorflow', 'numpy', 'matplotlib', 'moto', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "executions" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_module_of_commands_is_a_command_with_help(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command.replace("_", "-"), "--help"])
    assert exit_.value.code == 0
    assert "usage: python -m pipeline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "--param", "Epochs=0"], "not '0'"),
        (["run", "--param", "LearningRate=-1"], "must be a number above 0"),
        (["run", "--param", "Epoch=1"], "Did you mean Epochs?"),
        (["run", "--param", "Epochs"], "NAME=VALUE"),
        (["run", "--candidates", "cnn-7x7"], "There is no candidate 'cnn-7x7'"),
        (["run", "--candidates", ","], "--candidates must name at least one of"),
        (["run", "--seeds", "0"], "--seeds 0"),
        (["run", "--instances", "0"], "--instances 0"),
        (["definition", "--instances", "17"], "a training job has 1 to 16"),
        (["run", "--seeds", "many"], "invalid int value: 'many'"),
        (["run", "--target", "mars"], "invalid choice: 'mars'"),
        (
            ["run", "--result", "/nowhere/result.json"],
            "Could not take /nowhere/result.json for --result: No such file or directory",
        ),
        (
            ["run", "--definition", "/nowhere.json"],
            "Could not read the pipeline definition /nowhere.json: No such file",
        ),
        (["run", "--quickly"], "pipeline run: error: unrecognized arguments: --quickly\n"),
        (["run", "--candidats", "x"], "unrecognized arguments: --candidats x. Did you mean '--candidates'?"),
        (["run", "--seed", "3"], "unrecognized arguments: --seed 3. Did you mean '--seeds'?"),
        (["run", "--pipe=1"], "unrecognized arguments: --pipe=1. Did you mean '--pipeline-version'?"),
        (["run", "--subnets", "subnet-1,,subnet-2"], "--subnets subnet-1,,subnet-2: there is nothing before"),
        (["show", "a", "b", "c"], "pipeline show: error: unrecognized arguments: b c\n"),
        (["fly"], "invalid choice: 'fly'"),
        ([], "required: COMMAND"),
        (["registry", "show"], "takes a version number (got None)"),
        (["registry", "list", "3"], "registry list takes no version (got 3)"),
        (["show"], "xecution"),
        (["show", "nosuch"], "there is none yet"),
        (["logs", "nosuch", "Evaluate"], "there is none yet"),
        (["run", "--launcher", "docker"], "invalid choice: 'docker'"),
        (
            ["run", "--launcher", "sandbox", "--target", "docker"],
            "--target docker runs jobs in containers, and --launcher sandbox does not",
        ),
        (["resume", "--launcher", "process", "--target", "sagemaker"], "goes with --target local"),
        (["report"], "xecution"),
    ],
)
def test_wrong_usage_is_refused_before_anything_starts(argv, message, capsys, home):
    assert message in refused(capsys, *argv)
    assert not list(home.glob("executions/*"))


@pytest.mark.parametrize("command", ["run", "study"])
def test_the_help_lists_every_parameter_on_any_terminal(command):
    shown = subprocess.run(
        [sys.executable, "-m", "pipeline", command, "--help"],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for parameter in PARAMETERS:
        assert f"  {parameter.name}\n    {parameter.meaning[:20]}" in shown


def test_a_definition_file_that_is_no_definition_is_refused(tmp_path, capsys):
    file = tmp_path / "definition.json"
    file.write_text('{"Version": "1999-01-01"}')
    assert "2020-12-01" in refused(capsys, "run", "--definition", str(file))
    file.write_text("{")
    assert "JSON" in refused(capsys, "run", "--definition", str(file))


def test_a_definition_file_takes_no_flags_of_this_projects_own_graph(tmp_path, capsys):
    for words in (
        ("--candidates", "baseline"),
        ("--seeds", "2"),
        ("--spot",),
        ("--kms-key", "alias/x"),
        ("--tag", "A=b"),
    ):
        said = refused(capsys, "run", "--definition", str(tmp_path / "d.json"), *words)
        assert f"{words[0]} " in said
        assert "does not go with --definition" in said


def test_an_empty_state_folder_lists_nothing(capsys):
    assert main(["executions", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_state_folder_that_is_a_file_is_an_error_not_a_traceback(tmp_path, monkeypatch, capsys):
    file = tmp_path / "occupied"
    file.write_text("mine")
    monkeypatch.setenv("FASHION_HOME", str(file))
    assert main(["executions"]) == 1
    assert "occupied" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_a_reader_that_goes_away_is_not_an_error(tmp_path):
    environment = {**os.environ, "FASHION_HOME": str(tmp_path / "home")}
    command = f"{sys.executable} -m pipeline executions --json | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
