"""docs/troubleshooting.md quotes messages that the code has, and failures that it knows a remedy for."""

from __future__ import annotations

import argparse
import ast
import re
from functools import cache
from pathlib import Path

import pytest

import infra.cli
from pipeline.cli import parser as cli
from pipeline.targets.aws.aws_errors import EXPIRED, FORBIDDEN
from pipeline.targets.aws.hints import CAPACITY, CODE, DATA, IMAGE, KEY, QUOTA, ROLE, TIME, hint_for

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
SHORTEST = 20  # characters that a quotation must have, so that it means one message
# Not ours: the operating system's and Studio's. SageMaker's reasons for failed jobs have a test of their own.
OF_OTHERS = {
    "No space left on device",
    "SageMaker Studio Docker Usage only allows 'sagemaker' as network input",
}
FLAG = r"(?<![\w-])--[a-z][a-z-]*"
FLAGS_OF_OTHERS: set[str] = set()
JOBS = "On AWS, a job that failed"
REMEDIES = {
    "ResourceLimitExceeded": QUOTA,
    "CapacityError": CAPACITY,
    "ClientError: Cannot pull": IMAGE,
    "ValidationException: Could not assume role": ROLE,
    "AccessDenied": ROLE,
    "KMSAccessDeniedException": KEY,
    "No S3 objects": DATA,
    "MaxRuntimeExceeded": TIME,
    "AlgorithmError": CODE,
}


def rows() -> list[tuple[str, list[str]]]:
    """Every row of every table with its heading."""
    found = []
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if line.startswith("|") and not line.startswith("|---") and cells[0] not in ("message", "reason"):
                found.append((heading, cells))
    return found


def quoted() -> list[str]:
    """The messages that the code is said to have."""
    cells = [cells[0] for heading, cells in rows() if heading != JOBS]
    # Of a cell with several messages each, of one with words after the message the first.
    texts = [
        text
        for cell in cells
        if cell.startswith("`")
        for text in (re.findall(r"`([^`]+)`", cell) if "`, `" in cell else re.findall(r"`([^`]+)`", cell)[:1])
    ]
    return [text for text in texts if text not in OF_OTHERS]


@cache
def messages() -> str:
    """Every text in the code, a NUL after each, with "…" for what is put in; scripts and notebooks as they are."""
    lines = []
    for folder in ("pipeline", "infra", "training", "processing"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text())
            documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if id(node) in documentation:
                    continue
                if isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                    lines.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    lines.append(node.value)
    lines += [(ROOT / "pipeline" / name).read_text() for name in ("cli/with_python.sh", "studio.ipynb")]
    return "\0".join(lines)


@pytest.mark.parametrize("message", quoted())
def test_the_message_is_one_of_the_codes(message: str) -> None:
    """Each part between what differs is there, in this order, in one text."""
    parts = [part.strip() for part in message.split("…") if part.strip(" .:")]
    assert sum(map(len, parts)) >= SHORTEST, "too short to be looked for"
    pattern = "[^\0]{0,200}?".join(re.escape(part) for part in parts)
    assert re.search(pattern, messages()), f"no code says: {message}"


def test_a_message_that_the_code_does_not_have_would_be_noticed() -> None:
    for message in (
        "Could not make …: there is a miracle of that name, or something else",
        "Nobody says this anywhere at all",
    ):
        with pytest.raises(AssertionError, match="no code says"):
            test_the_message_is_one_of_the_codes(message)


def test_every_row_has_a_cause_and_a_remedy() -> None:
    assert len(rows()) > 35
    for heading, cells in rows():
        assert len(cells) == 3, (heading, cells)
        assert all(cells), (heading, cells)


def test_the_command_line_knows_a_remedy_for_every_failed_job_on_the_page() -> None:
    reasons = [cells[0].strip("`") for heading, cells in rows() if heading == JOBS]
    assert len(reasons) == len(REMEDIES)
    for reason in reasons:
        (known,) = (remedy for beginning, remedy in REMEDIES.items() if reason.startswith(beginning))
        assert hint_for(reason) == known, reason


def test_codes_of_aws_on_the_page_are_those_that_are_explained() -> None:
    text = PAGE.read_text()
    for code in ("ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException"):
        assert f"`{code}`" in text
        assert code in EXPIRED
    assert "AccessDeniedException" in FORBIDDEN


def test_its_parameters_of_the_stack_exist() -> None:
    assert "`CreateVpc=true`" in PAGE.read_text()
    assert re.search(r"^  CreateVpc:", (ROOT / "infra" / "stack.yaml").read_text(), re.MULTILINE)


def test_its_flags_are_flags_of_a_command() -> None:
    known = {
        flag
        for build in (cli.build_parser, infra.cli.build_parser)
        for action in build()._actions
        if isinstance(action, argparse._SubParsersAction)
        for command in action.choices.values()
        for flag in command._option_string_actions
    }
    cells = [cell for heading, cells in rows() if heading != JOBS for cell in cells]
    named = {
        flag for cell in cells for code in re.findall("`([^`]+)`", cell) for flag in re.findall(FLAG, code)
    }
    assert named - known - FLAGS_OF_OTHERS == set()
    assert {"--force", "--launcher", "--delete-data"} <= named
