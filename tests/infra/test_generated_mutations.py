"""Regressions that nobody thought of: every part of the template is changed in turn, and some property must object.

The properties are those of security/, not the snapshots, which notice any change and do not say whether it is bad.
What a change of its kind leaves right is listed with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from infra.resolving import ResolvedStack, resolve_template
from infra.template import Template
from tests.infra.security.all_properties import PROPERTIES
from tests.infra.security.properties import EVERYTHING, Property
from tests.infra.security.structure import documents
from tests.infra.snapshot import permissions, properties

Change = Callable[[Template], None]
# What has objected to one change objects to the next of its kind more often than not.
LATEST_FIRST = list(PROPERTIES)
# Names of resources that say something to people alone, or whose absence another resource would refuse.
HARMLESS_TO_REMOVE = {
    "KeyAlias": "a second name of the key",
}


def statements_of(template: Template) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Every statement, also those within a condition, with its resource's name and its place there."""
    for name, resource in template["Resources"].items():
        index = 0
        for document in documents(resource.get("Properties", {})):
            for each in document["Statement"]:
                for statement in each["Fn::If"][1:] if "Fn::If" in each else [each]:
                    if "Sid" in statement:
                        yield name, index, statement
                        index += 1


def noticed(template: Template) -> bool:
    """Whether some property objects; one that trips over what is not there any more has noticed it, too."""
    try:
        stack = resolve_template(template, EVERYTHING)
    except (KeyError, IndexError, ValueError, TypeError, NotImplementedError):
        return True
    for check in LATEST_FIRST:
        if objects(check, stack):
            LATEST_FIRST.remove(check)
            LATEST_FIRST.insert(0, check)
            return True
    return False


def objects(check: Property, stack: ResolvedStack) -> bool:
    try:
        return any(True for _ in check(stack))
    except (KeyError, IndexError, ValueError, TypeError, NotImplementedError):
        return True


def copy_for_change(template: Template, name: str) -> Template:
    """A copy of which the resource `name` may be changed, and no other."""
    resources = template["Resources"]
    return {**template, "Resources": {**resources, name: deepcopy(resources[name])}}


def changed(
    template: Template, name: str, index: int, change: Callable[[dict[str, Any]], object]
) -> Template:
    """A copy with one statement changed."""
    copy = copy_for_change(template, name)
    for resource, place, statement in statements_of(copy):
        if (resource, place) == (name, index):
            change(statement)
    return copy


def widened(statement: dict[str, Any]) -> bool:
    """Makes an Allow reach everything, where it does not yet."""
    if statement["Effect"] != "Allow" or statement.get("Resource", "*") == "*":
        return False
    statement["Resource"] = "*"
    return True


def unconditional(statement: dict[str, Any]) -> bool:
    return statement.pop("Condition", None) is not None


def for_everybody(statement: dict[str, Any]) -> bool:
    if "Principal" not in statement or statement["Principal"] == "*":
        return False
    statement["Principal"] = "*"
    return True


def for_another_account(statement: dict[str, Any]) -> bool:
    if "Principal" not in statement or statement["Effect"] != "Allow":
        return False
    statement["Principal"] = {"AWS": "arn:aws:iam::444455556666:root"}
    return True


def for_any_action(statement: dict[str, Any]) -> bool:
    if statement["Effect"] != "Allow" or statement["Action"] in ("kms:*", "sts:AssumeRole"):
        return False
    service = (statement["Action"] if isinstance(statement["Action"], str) else statement["Action"][0]).split(
        ":"
    )
    statement["Action"] = f"{service[0]}:*"
    return True


def turned(statement: dict[str, Any]) -> bool:
    statement["Effect"] = {"Allow": "Deny", "Deny": "Allow"}[statement["Effect"]]
    return True


KINDS = (widened, unconditional, for_everybody, for_another_account, for_any_action, turned)


def test_the_template_as_it_is_has_nothing_to_notice(template: Template) -> None:
    """Else everything below would be noticed for nothing."""
    assert not noticed(template)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_statement_matters(template: Template, kind: Callable[[dict[str, Any]], bool]) -> None:
    unnoticed, tried = [], 0
    for name, index, statement in list(statements_of(template)):
        if not kind(deepcopy(statement)):
            continue
        tried += 1
        if not noticed(changed(template, name, index, kind)):
            unnoticed.append((name, statement["Sid"]))
    assert unnoticed == []
    assert tried >= 10


def test_every_resource_matters(template: Template) -> None:
    unnoticed = []
    for name in template["Resources"]:
        copy = copy_for_change(template, name)
        del copy["Resources"][name]
        if name not in HARMLESS_TO_REMOVE and not noticed(copy):
            unnoticed.append(name)
    assert unnoticed == []


def switches(node: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Every true, false and number within, with where it stands."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if isinstance(value, bool | int | float):
            yield node, key, value
        elif key != "ZipFile":
            yield from switches(value)


# Switches and numbers that nobody is hurt by.
FREE = {
    *("EvaluationPeriods", "DatapointsToAlarm"),  # an alarm that goes off at once is no fault
    *("BucketKeyEnabled", "ExpiredObjectDeleteMarker"),  # they save money
    *("DaysAfterInitiation", "NoncurrentDays"),  # of unfinished uploads and of logs: within their bounds
}


def test_every_switch_matters(template: Template) -> None:
    """True for false, false for true, a day or nothing for a number."""
    unnoticed, count = [], 0
    for name in template["Resources"]:
        number = len(list(switches(template["Resources"][name].get("Properties", {}))))
        for index in range(number):
            copy = copy_for_change(template, name)
            node, key, value = list(switches(copy["Resources"][name]["Properties"]))[index]
            if key in FREE or isinstance(node, list):
                continue
            node[key] = not value if isinstance(value, bool) else 1 - value if value in (0, 1) else 1
            count += 1
            if not noticed(copy):
                unnoticed.append((name, key, value))
    assert unnoticed == []
    assert count >= 20


def test_no_property_of_a_resource_can_be_added_unseen(template: Template) -> None:
    """By the snapshot at the latest, which a person reads."""

    def seen(changed: Template) -> tuple[str, list[str]]:
        stack = resolve_template(changed, EVERYTHING)
        return permissions(stack), properties(stack)

    before = seen(template)
    for name in template["Resources"]:
        copy = copy_for_change(template, name)
        copy["Resources"][name].setdefault("Properties", {})["Added"] = {"To": ["Somebody"]}
        assert seen(copy) != before, name
