"""Which module carries out a command on which target."""

from __future__ import annotations

import argparse
import ast
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.cli.parser import build_parser
from pipeline.cli.parsers.options import TARGETS
from pipeline.cli.targets import ALIASES, ON_SAGEMAKER, ONLY_LOCAL, ONLY_SAGEMAKER, OWN_FLAGS, module_of
from pipeline.inference.predicting.sources import OPENING
from pipeline.targets.base import Target
from pipeline.targets.local import LocalTarget
from pipeline.targets.sagemaker import SageMakerTarget

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
        ("mlflow", "sagemaker", "pipeline.cli.commands.on_sagemaker.mlflow"),
    ],
)
def test_a_command_is_a_module_by_its_target(command: str, target: str, module: str) -> None:
    assert module_of(command, target) == module


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "run --launcher container --target sagemaker",
            "--launcher container goes with --target local; with --target sagemaker every job runs in a container. "
            "Leave it out.",
        ),
        ("resume --launcher process --target sagemaker", "--launcher process goes with --target local"),
        ("monitor --launcher process --target sagemaker", "--launcher process goes with --target local"),
        ("run --python python3 --target sagemaker", "--python python3 goes with --target local"),
        ("run --stand-in Evaluate=true --target sagemaker", "--stand-in Evaluate=true goes with --target local"),
        ("run --definition d.json --target sagemaker", "--definition d.json goes with --target local"),
        ("run --upload a=s3://b/c --target sagemaker", "--upload a=s3://b/c goes with --target local"),
        ("run --handler a=b.py:c --target sagemaker", "--handler a=b.py:c goes with --target local"),
        ("run --yes", "--yes goes with --target sagemaker; with --target local a run costs nothing"),
        ("run --max-cost 5", "--max-cost goes with --target sagemaker"),
        ("run --again 1 --launcher container", "--again goes with --target sagemaker"),
        ("run --pipeline-version 3 --target docker", "--pipeline-version 3 goes with --target sagemaker"),
        ("monitor --max-cost 1", "--max-cost goes with --target sagemaker"),
        ("monitor --yes", "--yes goes with --target sagemaker"),
        ("show --follow", "--follow goes with --target sagemaker; with --target local the command that runs"),
        ("batch in out --instance-type ml.m5.large", "--instance-type ml.m5.large goes with --target sagemaker"),
    ],
)  # fmt: skip
def test_a_flag_that_the_target_lacks_is_refused_before_anything_else(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    assert f"error: {message}" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [*ONLY_LOCAL, *ONLY_SAGEMAKER])
def test_a_flag_that_is_refused_is_one_of_a_command_with_targets(flag: str) -> None:
    (commands,) = (each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction))
    flags = [set(parser._option_string_actions) for parser in commands.choices.values()]
    assert any({flag, "--target"} <= each for each in flags)


def test_what_a_target_does_otherwise_is_in_the_tables_and_no_comparison_of_its_name() -> None:
    product = COMMANDS.parents[1]
    names = {*TARGETS, "LOCAL"}
    comparing = [
        f"{file.relative_to(product)}:{node.lineno}"
        for file in product.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        and any("target" in ast.unparse(part).lower() for part in (node.left, *node.comparators))
        and names & {word for part in ast.walk(node) for word in named(part)}
    ]
    # target_flag and ExecutionRecord.local: whether it is the target that commands have without a flag.
    assert [each.partition(":")[0] for each in comparing] == ["execution.py"] * 2


def named(node: ast.AST) -> tuple[str, ...]:
    """The text or the name that a node is."""
    if isinstance(node, ast.Name):
        return (node.id,)
    return (str(node.value),) if isinstance(node, ast.Constant) else ()


def targets() -> tuple[type[Target], ...]:
    """Checked by mypy: both have what a target has."""
    return LocalTarget, SageMakerTarget


def test_every_target_of_the_command_line_has_a_class() -> None:
    names = set(TARGETS) - ALIASES.keys()
    assert {each.name for each in targets()} == names == OWN_FLAGS.keys() == OPENING.keys()
    assert {target for target, _ in ALIASES.values()} <= names


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
