"""Script mode is the sagemaker-training toolkit's: compared with what that package itself made of the same job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.script_mode import (
    EntryForm,
    distributed_settings,
    entry_command,
    entry_form,
    flags,
    in_script_mode,
    installs,
    parse_hyperparameters,
    script_mode_variables,
    user_hyperparameters,
)
from tests.pipeline.local.jobs.record_script_mode import CONFIGURATION, HYPERPARAMETERS

RECORDED = json.loads(Path(__file__).with_name("script_mode_5_1_4.json").read_text(encoding="utf-8"))


@pytest.fixture
def variables() -> dict[str, str]:
    return script_mode_variables(
        Container(Path("/"), (), Path("/")),
        job_name="job-1",
        hyperparameters=parse_hyperparameters(HYPERPARAMETERS),
        input_data_config=CONFIGURATION["inputdataconfig"],
        resource_config=CONFIGURATION["resourceconfig"],
        cpus=int(RECORDED["variables"]["SM_NUM_CPUS"]),
        gpus=int(RECORDED["variables"]["SM_NUM_GPUS"]),
    )


def test_the_flags_are_the_toolkits() -> None:
    assert flags(user_hyperparameters(parse_hyperparameters(HYPERPARAMETERS))) == RECORDED["arguments"]


def test_the_variables_are_the_toolkits(variables: dict[str, str]) -> None:
    assert variables == RECORDED["variables"]


def test_what_the_toolkit_keeps_for_itself_does_not_reach_the_script(variables: dict[str, str]) -> None:
    assert not {name for name in variables if name.startswith(("SM_HP_SAGEMAKER_", "SM_HP__TUNING"))}
    assert "sagemaker_program" not in variables["SM_HPS"]


@pytest.mark.parametrize(
    ("program", "files", "form", "command", "installed"),
    [
        (
            "train.sh",
            ["setup.py", "requirements.txt"],
            EntryForm.COMMAND,
            ["/bin/sh", "-c", "./train.sh --a 'b c'"],
            [],
        ),
        ("train.py", ["setup.py"], EntryForm.PACKAGE, ["py", "-m", "train", "--a", "b c"], ["."]),
        (
            "train.py",
            ["setup.py", "requirements.txt"],
            EntryForm.PACKAGE,
            ["py", "-m", "train", "--a", "b c"],
            [".", "-r", "requirements.txt"],
        ),
        ("train.py", [], EntryForm.SCRIPT, ["py", "train.py", "--a", "b c"], []),
        (
            "src/train.py",
            ["requirements.txt"],
            EntryForm.SCRIPT,
            ["py", "src/train.py", "--a", "b c"],
            ["-r", "requirements.txt"],
        ),
        ("train", ["requirements.txt"], EntryForm.COMMAND, ["/bin/sh", "-c", "./train --a 'b c'"], []),
    ],
)
def test_a_program_is_started_by_its_name_and_what_lies_beside_it(
    tmp_path: Path, program: str, files: list[str], form: EntryForm, command: list[str], installed: list[str]
) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert entry_form(tmp_path, program) is form
    assert entry_command(form, program, ["--a", "b c"], "py") == command
    assert installs(form, tmp_path) == installed


@pytest.mark.parametrize(
    ("hyperparameters", "expected"),
    [(None, False), ({}, False), ({"epochs": "1"}, False), ({"sagemaker_program": "t.py"}, True)],
)
def test_script_mode_is_asked_for_by_naming_a_program(
    hyperparameters: dict[str, Any] | None, expected: bool
) -> None:
    assert in_script_mode(hyperparameters) is expected


def test_settings_of_a_distributed_start_are_named() -> None:
    given = {
        "sagemaker_mpi_enabled": "true",
        "sagemaker_parameter_server_enabled": "false",
        "mp_parameters": "{}",
    }
    assert distributed_settings(given) == ["sagemaker_mpi_enabled"]
    assert distributed_settings({"mp_parameters": '{"ddp": true}', "epochs": "1"}) == ["mp_parameters"]
