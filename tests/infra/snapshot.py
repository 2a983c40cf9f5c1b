"""The stack as text that a person reads in a diff: who may do what to what, and every other property.

test_snapshot.py compares it with the files beside it. It is the stack as it resolves with every option on, so a
changed condition, parameter or reference shows with what it does, wherever in the template it was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.resolving import ACCOUNT, REGION, ResolvedStack, resolve_template
from infra.template import Template
from pipeline.targets.aws.iam_evaluator import as_list
from tests.infra.requests_of_roles import ROLES, identity_statements
from tests.infra.security.properties import EVERYTHING, resource_policies, trust_policies

PERMISSIONS = Path(__file__).parent / "permissions.txt"
RESOURCES = Path(__file__).parent / "resources.txt"
# Documents that permissions.txt has.
POLICIES = ("AssumeRolePolicyDocument", "PolicyDocument", "KeyPolicy", "Policies", "ModelPackageGroupPolicy")

# Parameters that are set and no others, and beside which: a condition on another parameter shows here.
_OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
ALONE: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
    *(({}, {name: value}) for name, value in EVERYTHING.items()),
    ({}, {"MonthlyBudgetUsd": "0"}),
    ({}, {"CreateLogGroups": "false"}),
    ({}, {"DeployerPrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/ci"}),
    ({}, {"ReaderAccountId": "444455556666"}),
    ({}, {"ModelsProject": "staging", "ModelsAccountId": "444455556666"}),
    ({"CreateVpc": "true"}, {"ZoneA": "us-east-1d"}),
    ({"CreateVpc": "true"}, {"ZoneB": "us-east-1f"}),
    ({"DeployApproved": "true"}, {"UndeployRejected": "true"}),
    ({"DeployApproved": "true"}, {"EndpointMaxInstances": "4"}),
    ({"GitHubRepository": "owner/name"}, {"GitHubOidcProviderArn": _OIDC}),
)


def permissions(stack: ResolvedStack) -> str:
    """A line for each action on each resource that each role, and each policy of a resource, allows or denies."""
    parts = [
        "# Who may do what to what. After a wanted change, and read the difference:",
        "# UPDATE_SNAPSHOTS=1 make test ARGS=tests/infra/test_snapshot.py",
    ]
    for role in ROLES:
        parts += ["", f"{role} may", *lines(identity_statements(stack, role))]
    for name, statements in trust_policies(stack):
        parts += ["", f"{name} is taken", *lines(statements)]
    for name, statements in resource_policies(stack):
        parts += ["", f"{name} lets", *lines(statements)]
    return anonymous("\n".join(parts) + "\n")


def lines(statements: list[dict[str, Any]]) -> list[str]:
    """The lines of a policy, sorted."""
    return sorted({line for statement in statements for line in lines_of(statement)})


def lines_of(statement: Mapping[str, Any]) -> Iterator[str]:
    about = [
        f"{key} {json.dumps(value, sort_keys=True)}"
        for key, value in statement.items()
        if key not in ("Sid", "Effect", "Action", "Resource", "Principal", "Condition")
    ]
    principals = [""]
    if "Principal" in statement:
        principal = statement["Principal"]
        named = {"": principal} if isinstance(principal, str) else principal
        principals = [f"{each} " for values in named.values() for each in as_list(values)]
    when = [
        f"{operator} {key} {' | '.join(map(str, as_list(values)))}"
        for operator, keys in sorted(statement.get("Condition", {}).items())
        for key, values in sorted(keys.items())
    ]
    ending = "".join(f"  [{each}]" for each in [*about, *when])
    for who in principals:
        for action in as_list(statement.get("Action", "?")):
            for resource in as_list(statement.get("Resource", "itself")):
                yield f"  {statement['Effect'].lower():<5} {who}{action} on {resource}{ending}"


def resources(template: Template, stack: ResolvedStack, defaults: ResolvedStack) -> str:
    """Parameters with what they accept, what is made by default, and every property of every resource."""
    parts = ["# Everything but policies; made and read as permissions.txt.", ""]
    for name, parameter in template["Parameters"].items():
        facts = {key: value for key, value in parameter.items() if key != "Description"}
        parts.append(f"parameter {name} = {json.dumps(facts, sort_keys=True)}")
    parts += ["", f"made by default = {' '.join(sorted(defaults.resources))}"]
    parts += ["", *(alone(template, beside, chosen) for beside, chosen in ALONE)]
    parts += properties(stack)
    parts += ["", *(f"output {name} = {value}" for name, value in stack.outputs.items())]
    return anonymous("\n".join(parts) + "\n")


def properties(stack: ResolvedStack) -> list[str]:
    """The lines of every property of every resource, but for policies."""
    parts = []
    for name, resource in stack.resources.items():
        parts += ["", f"{name} = {resource['Type']}"]
        rest = {key: value for key, value in resource.items() if key not in ("Type", "Metadata")}
        parts += sorted(flat(rest, name))
    return parts


def alone(template: Template, beside: Mapping[str, str], chosen: Mapping[str, str]) -> str:
    """What parameters do that are set and no others: which resources come, go, or have other properties."""
    before = resolve_template(template, beside).resources
    after = resolve_template(template, {**beside, **chosen}).resources
    said = [f"+{each}" for each in sorted(set(after) - set(before))]
    said += [f"-{each}" for each in sorted(set(before) - set(after))]
    said += [f"~{each}" for each in sorted(set(before) & set(after)) if before[each] != after[each]]
    words = " ".join(f"{name}={value}" for name, value in chosen.items())
    base = "".join(f", beside {name}={value}" for name, value in beside.items())
    return f"{words} alone{base}: {' '.join(said)}"


def flat(node: Any, path: str) -> Iterator[str]:
    """`path = value` for each value within."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            if key not in POLICIES:
                yield from flat(value, path if key == "Properties" else f"{path}.{key}")
    elif isinstance(node, list) and node:
        for index, value in enumerate(node):
            yield from flat(value, f"{path}[{index}]")
    else:
        yield f"{path} = {node if isinstance(node, str) and len(node) < 300 else digest(node)}"


def digest(value: Any) -> str:
    """A value that is no text; of a long text, such as a function's code, how long it is: other tests run it."""
    return f"text of {len(value.splitlines())} lines" if isinstance(value, str) else json.dumps(value)


def anonymous(text: str) -> str:
    """Without the account and region that tests make up."""
    return text.replace(ACCOUNT, "<account>").replace(REGION, "<region>")
