"""Regressions that somebody could make in infra/stack.yaml, each with the property that must notice it.

A mutation changes a copy of the parsed template, before it is resolved. The modules beside this one put theirs on
the list; all_mutations.py has them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.template import Template

Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Mutation:
    """`change` is applied to the template's resources; `noticed_by` names the property that must object."""

    name: str
    noticed_by: str
    change: Change


MUTATIONS: list[Mutation] = []

Properties = dict[str, Any]


def mutation(noticed_by: str) -> Callable[[Change], Change]:
    """Puts a change on the list, under the function's name."""

    def put(change: Change) -> Change:
        MUTATIONS.append(Mutation(change.__name__, noticed_by, change))
        return change

    return put


def of(resources: Template, name: str) -> Properties:
    found: Properties = resources[name]["Properties"]
    return found


def statements(resources: Template, name: str) -> list[Any]:
    """The statements of a resource's policy, or of a role's first own policy."""
    properties = of(resources, name)
    if "KeyPolicy" in properties:
        document = properties["KeyPolicy"]
    elif "PolicyDocument" in properties:
        document = properties["PolicyDocument"]
    else:
        document = properties["Policies"][0]["PolicyDocument"]
    found: list[Any] = document["Statement"]
    return found


def statement(resources: Template, name: str, sid: str) -> Properties:
    """One statement, also when it is made only under a condition."""
    for each in statements(resources, name):
        candidate = each["Fn::If"][1] if "Fn::If" in each else each
        if candidate["Sid"] == sid:
            found: Properties = candidate
            return found
    raise KeyError(f"{name}.{sid}")


def drop_statement(resources: Template, name: str, sid: str) -> None:
    statements(resources, name).remove(statement(resources, name, sid))


def trust(resources: Template, name: str) -> Properties:
    found: Properties = of(resources, name)["AssumeRolePolicyDocument"]["Statement"][0]
    return found


def github_trust(resources: Template) -> Properties:
    found: Properties = trust(resources, "DeployerRole")["Fn::If"][1]
    return found
