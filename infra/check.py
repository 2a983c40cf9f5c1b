"""Checks infra/stack.yaml with cfn-lint, checkov, parliament and AWS's list of what takes resources.

`make infra-check` runs it in .venv-infra (requirements.lock beside it): checkov needs another boto3 than the SDK.
What these tools do not see (a removed TLS-only deny, PassRole without PassedToService, …) tests/infra asserts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from infra.regions import regions
from infra.resolving import ResolvedStack, resolve_template
from infra.template import STACK_FILE, load_template

OPTIONS = {
    "CreateVpc": "true",
    "CreateRepository": "true",
    "CreateMlflowApp": "true",
    "GitHubRepository": "owner/name",
    "Schedule": "rate(7 days)",
    "UploadFolder": "incoming",
    "MonitorSchedule": "rate(1 day)",
    "RetrainOnDrift": "true",
    "DeployApproved": "true",
}
POLICIES = ("AssumeRolePolicyDocument", "PolicyDocument", "KeyPolicy")

# What parliament says of policies that are right: its issue, what the finding contains, and why it is no fault.
IGNORED = (
    ("MALFORMED", "neither Resource nor NotResource", "a role's trust policy has no Resource"),
    (
        "UNKNOWN_FEDERATION_SOURCE",
        "token.actions.githubusercontent.com",
        "it knows SAML and a few OIDC providers",
    ),
    (
        "UNKNOWN_CONDITION_FOR_ACTION",
        "s3:TlsVersion",
        "in a deny of s3:*, for actions that AWS lists no keys of",
    ),
    ("MISMATCHED_TYPE", "s3:TlsVersion", "it takes numbers for whole ones"),
    ("UNKNOWN_ACTION", "sagemaker:CallMlflowAppApi", "newer than its list"),
    ("UNKNOWN_ACTION", "sagemaker:DescribeMlflowApp", "newer than its list"),
    ("UNKNOWN_ACTION", "sagemaker:ListPipelineVersions", "newer than its list"),
    ("UNKNOWN_ACTION", "sagemaker:UpdatePipelineVersion", "newer than its list"),
    ("RESOURCE_STAR", "kms:Decrypt", 'in a key policy "*" is the key; elsewhere forced_wildcards() looks'),
)
# Regions that cfn-lint is given at once.
TOGETHER = 6


def main() -> int:
    """Runs every check, prints what each says, and returns 1 when one objects."""
    template = load_template()
    linting = [
        start("cfn-lint", "--regions", *group, "--include-checks", "I", "--", str(STACK_FILE))
        for group in groups(regions(template))
    ]
    # --skip-download: its own list of rules is enough, and nothing is asked of the network.
    checkov = start("checkov", "--file", str(STACK_FILE), "--framework", "cloudformation", "--skip-download",
                    "--output", "json")  # fmt: skip
    problems = report("regions", without_table(regions(template)))
    stacks = (resolve_template(template), resolve_template(template, OPTIONS))
    problems += report(
        "parliament", without_ignored([line for stack in stacks for line in parliament(stack)])
    )
    problems += report("forced wildcards", [line for stack in stacks for line in forced_wildcards(stack)])
    problems += report("cfn-lint", [line for process in linting for line in finish(process)])
    problems += report("checkov", checkov_findings(checkov))
    return 1 if problems else 0


def groups(names: list[str]) -> list[list[str]]:
    """The regions, some at a time: cfn-lint tries the conditions of a resource against each other, and those that
    name regions against all that it is given. With the key's two conditions six regions take it 4 s, ten 12 s, and
    thirty more than ten minutes.
    """
    return [names[start : start + TOGETHER] for start in range(0, len(names), TOGETHER)]


def without_table(names: list[str]) -> list[str]:
    """The regions whose types cfn-lint does not know: it takes those of us-east-1 for theirs, in silence."""
    found = find_spec("cfnlint")
    if found is None or found.origin is None:
        return ["cfn-lint is not installed in this environment"]
    tables = Path(found.origin).parent / "data" / "schemas" / "providers"
    return [f"cfn-lint has no table of {name}" for name in names if not (tables / f"{name}.json").is_file()]


def start(tool: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts a tool of this environment."""
    command = [str(Path(sys.executable).parent / tool), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> list[str]:
    """The lines that a tool printed when it objected, else nothing."""
    out, error = process.communicate()
    return (
        [] if process.returncode == 0 else (out + error).strip().splitlines() or ["it failed without a word"]
    )


def checkov_findings(process: subprocess.Popen[str]) -> list[str]:
    """What checkov objects to, and skips without a reason; also that it read the template at all."""
    out, error = process.communicate()
    try:
        answer = json.loads(out)
        summary, results = answer["summary"], answer["results"]
    except (ValueError, KeyError, TypeError):
        return [f"its output is not JSON with results: {(out + error)[-2000:]}"]
    lines = [
        f"{each['check_id']} {each['resource']}: {each['check_name']} (lines {each['file_line_range']})"
        for each in results["failed_checks"]
    ]
    lines += [
        f"{each['check_id']} {each['resource']}: skipped without a reason"
        for each in results["skipped_checks"]
        if len(str(each["check_result"].get("suppress_comment", ""))) < 20
    ]
    if summary["parsing_errors"] or summary["passed"] < 30:
        lines.append(f"it could not read the template: {summary}")
    return lines


def policies(stack: ResolvedStack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy in the stack, with the resource that it is of."""

    def within(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, list):
            for each in node:
                yield from within(each)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in POLICIES:
                    yield value
                else:
                    yield from within(value)

    for name, resource in stack.resources.items():
        for policy in within(resource.get("Properties", {})):
            yield name, policy


def parliament(stack: ResolvedStack) -> Iterator[str]:
    """What parliament says of the policies: unknown actions and condition keys, resources that do not fit, …"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports pkg_resources, which says that it is deprecated
        from parliament import analyze_policy_string  # type: ignore[import-not-found]

    for name, policy in policies(stack):
        for finding in analyze_policy_string(json.dumps(policy)).findings:
            yield f"{name}: {finding.issue} {finding.detail}"


def without_ignored(lines: list[str]) -> list[str]:
    """The lines that IGNORED does not excuse, and what it excuses in vain."""
    kept, used = [], set()
    for line in lines:
        excuses = {each for each in IGNORED if f": {each[0]} " in line and each[1] in line}
        used |= excuses
        if not excuses:
            kept.append(line)
    return kept + [f"{each[0]} {each[1]}: ignored, but not found" for each in IGNORED if each not in used]


def forced_wildcards(stack: ResolvedStack) -> Iterator[str]:
    """Statements about all resources whose actions could name theirs, by AWS's service authorization reference."""
    from policy_sentry.querying.actions import get_action_data  # type: ignore[import-not-found]

    for name, policy in policies(stack):
        for statement in policy["Statement"]:
            if statement["Effect"] == "Deny" or statement.get("Resource") != "*" or name == "Key":
                continue  # in a key policy "*" is the key
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            for action in actions:
                service, verb = action.split(":")
                rows = (get_action_data(service, verb) or {}).get(service, [])
                if {row["resource_arn_format"] for row in rows} != {"*"}:
                    yield f"{name}.{statement['Sid']}: {action} can name its resources"


def report(tool: str, lines: list[str]) -> int:
    """Prints what a tool says; returns how much that is."""
    print(f"{tool}: {len(lines)} findings" if lines else f"{tool}: ok")
    for line in dict.fromkeys(lines):
        print(f"  {line}")
    return len(lines)


if __name__ == "__main__":
    sys.exit(main())
