"""Which module carries out a command on which target."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pipeline.cli.targets import ON_SAGEMAKER, module_of

COMMANDS = Path(__file__).resolve().parents[3] / "pipeline" / "cli" / "commands"


def with_main(folder: Path) -> set[str]:
    """The modules of the folder that are commands."""
    return {file.stem for file in folder.glob("*.py") if "def main(" in file.read_text(encoding="utf-8")}


def test_every_command_of_the_account_is_one_of_this_machine_too() -> None:
    assert with_main(COMMANDS / "on_sagemaker") == ON_SAGEMAKER
    assert with_main(COMMANDS) >= ON_SAGEMAKER


@pytest.mark.parametrize(
    ("command", "target", "module"),
    [
        ("show", "sagemaker", "pipeline.cli.commands.on_sagemaker.show"),
        ("show", "local", "pipeline.cli.commands.show"),
        ("predict", "sagemaker", "pipeline.cli.commands.predict"),
        ("local-sagemaker", "local", "pipeline.cli.commands.local_sagemaker"),
    ],
)
def test_a_command_is_a_module_by_its_target(command: str, target: str, module: str) -> None:
    assert module_of(command, target) == module


def test_commands_of_one_target_ask_for_no_other() -> None:
    """What is imported from the account's commands elsewhere is what deploys, which has no local form."""
    importing = {
        file.stem
        for file in COMMANDS.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and "on_sagemaker" in str(node.module).split(".")
        and not str(node.module).startswith("pipeline.tracking")
    }
    assert importing == {"deploy", "undeploy"}
