"""docs/first-run.md names commands, parameters, alarms and messages that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.resolving import ResolvedStack, resolve_template
from infra.template import load_template
from pipeline.cli.parser import build_parser
from pipeline.definition.parameters import PARAMETERS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "first-run.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def stack() -> ResolvedStack:
    return resolve_template(load_template(), {"DeployApproved": "true"})


def test_the_verbs_are_the_makefiles() -> None:
    verbs = set(re.findall(r"\bmake ([a-z-]+)", PAGE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {
        *("infra-plan", "infra-deploy", "infra-status", "infra-destroy", "pipeline-run"),
        *("infra-check", "infra-rehearse"),
    } == verbs
    assert verbs <= targets


@pytest.mark.parametrize("words", sorted(set(re.findall(r"`python -m pipeline ([a-z][^`]*)`", PAGE))))
def test_a_command_is_taken_by_the_real_parser(words: str) -> None:
    build_parser().parse_args(words.split())


def test_parameters_and_alarms_are_the_stacks_and_the_pipelines(stack: ResolvedStack) -> None:
    named = set(re.findall(r"\b([A-Z][A-Za-z]+)=", PAGE)) - {"TARGET", "PARAMS", "ARGS"}
    known = {parameter.name for parameter in PARAMETERS} | set(stack.template["Parameters"])
    assert {"Schedule", "UploadFolder", "Epochs"} <= named <= known
    alarms = set(re.findall(r"--alarm-name (\S+)", PAGE))
    assert alarms <= {each["AlarmName"] for each in stack.of_type("AWS::CloudWatch::Alarm").values()}
    assert alarms


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("infra/deploying.py", "Log groups that are there already stay"),
        ("pipeline/targets/aws/preflight.py", "roles may do what this run asks of them"),
        ("pipeline/targets/aws/billing.py", "could not be read"),
    ],
)
def test_what_it_says_to_look_for_is_said(file: str, text: str) -> None:
    assert text in PAGE
    assert text in (ROOT / file).read_text(encoding="utf-8")
