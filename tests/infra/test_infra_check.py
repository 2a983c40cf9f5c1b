"""What `make infra-check` makes of the tools' answers. The tools themselves are in an environment of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from infra.check import (
    IGNORED,
    TOGETHER,
    checkov_findings,
    finish,
    groups,
    policies,
    without_ignored,
    without_table,
)
from infra.regions import regions
from infra.resolving import ResolvedStack
from infra.template import Template


def process(code: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def checkov_answers(failed: str = "", skipped: str = "", passed: int = 60) -> str:
    results = f'{{"failed_checks": [{failed}], "skipped_checks": [{skipped}]}}'
    return f'{{"summary": {{"passed": {passed}, "parsing_errors": 0}}, "results": {results}}}'


SKIPPED = '{"check_id": "CKV_1", "resource": "r", "check_result": {"suppress_comment": "no"}}'
FAILED = '{"check_id": "CKV_2", "resource": "r", "check_name": "n", "file_line_range": [1, 2]}'
ALL_IGNORED = [f"Somewhere: {issue} … {part} …" for issue, part, _ in IGNORED]


def test_findings_that_are_no_fault_are_dropped_and_others_stay() -> None:
    assert without_ignored(ALL_IGNORED) == []
    assert without_ignored([*ALL_IGNORED, "JobRole: UNKNOWN_ACTION s3:GetObjects"]) == [
        "JobRole: UNKNOWN_ACTION s3:GetObjects"
    ]


def test_an_excuse_that_is_not_needed_is_a_finding() -> None:
    assert without_ignored(ALL_IGNORED[1:]) == [f"{IGNORED[0][0]} {IGNORED[0][1]}: ignored, but not found"]


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        ("not json", "not JSON with results"),
        ("[]", "not JSON with results"),
        (checkov_answers(passed=3), "could not read the template"),
        (checkov_answers(skipped=SKIPPED), "skipped without a reason"),
        (checkov_answers(failed=FAILED), "CKV_2 r: n"),
    ],
)
def test_what_checkov_finds_skips_or_cannot_read_is_a_finding(answer: str, finding: str) -> None:
    (line,) = checkov_findings(process(f"print({answer!r})"))
    assert finding in line


def test_a_tool_that_fails_is_never_taken_for_a_content_one() -> None:
    assert finish(process("")) == []
    assert finish(process("print('E1'); raise SystemExit(2)")) == ["E1"]
    assert finish(process("raise SystemExit(2)")) == ["it failed without a word"]


def test_every_policy_of_the_stack_is_looked_at(everything: ResolvedStack) -> None:
    found = [name for name, _ in policies(everything)]
    assert found.count("EvaluationRole") == 2  # who takes it, and what it may do
    assert {"Key", "BucketPolicy", "LogBucketPolicy", "TopicPolicy", "S3Endpoint", "ContainerPolicy"} <= set(
        found
    )


def test_every_region_is_in_one_group(template: Template) -> None:
    names = regions(template)
    assert [name for group in groups(names) for name in group] == names
    assert max(map(len, groups(names))) <= TOGETHER


def test_a_region_that_cfn_lint_has_no_table_of_is_a_finding() -> None:
    """It would lint it as us-east-1."""
    assert without_table(["us-east-1", "me-south-1"]) == ["cfn-lint has no table of me-south-1"]
