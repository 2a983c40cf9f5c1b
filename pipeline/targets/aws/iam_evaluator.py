"""Decides what IAM policies allow: a small part of IAM's evaluation, for the policies of infra/stack.yaml.

The preflight asks it where it may not ask IAM's own simulation; the tests of the template ask nothing else.

Known: Allow and Deny, with deny first and nothing allowed that no statement allows; wildcards in actions (any case)
and resources; the condition operators below, with IfExists; several values of a key in the policy (one must match).
Not known, and refused loudly: NotAction, NotResource, NotPrincipal, policy variables, ForAllValues and ForAnyValue.
Not looked at: permissions boundaries, service control policies, session policies. It knows what the text of a
policy says, not what AWS's services ask for.

Semantics: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

Decision = Literal["allowed", "denied", "not allowed"]
Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """Who asks for what. `principal` is only looked at by policies of resources."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    principal: str = "*"


def decide(statements: Iterable[Statement], request: Request) -> Decision:
    """`denied` when a statement denies the request, else `allowed` when one allows it, else `not allowed`."""
    effects = {each["Effect"] for each in statements if matches(each, request)}
    if "Deny" in effects:
        return "denied"
    return "allowed" if "Allow" in effects else "not allowed"


def matches(statement: Statement, request: Request) -> bool:
    """Whether the statement is about this request."""
    known = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if unknown := set(statement) - known:
        raise NotImplementedError(f"statement elements {sorted(unknown)}")
    action = request.action.lower()
    return (
        any(wildcard_match(each.lower(), action) for each in as_list(statement["Action"]))
        and ("Resource" not in statement or matches_resource(statement, request.resource))
        and ("Principal" not in statement or matches_principal(statement["Principal"], request.principal))
        and all(
            condition_holds(operator, key, as_list(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def matches_resource(statement: Statement, resource: str) -> bool:
    """Whether one of the statement's resources is, or stands for, `resource`."""
    patterns = as_list(statement["Resource"])
    if any("${" in pattern for pattern in patterns):
        raise NotImplementedError(f"policy variables in {patterns}")
    return any(wildcard_match(pattern, resource) for pattern in patterns)


def matches_principal(principal: Any, name: str) -> bool:
    """`name` is an ARN, an account's root ARN, a service, or an identity provider's ARN."""
    if principal == "*":
        return True
    listed = [each for values in principal.values() for each in as_list(values)]
    roots = [each for each in listed if each.endswith(":root")]
    same_account = any(name.startswith(root.removesuffix("root")) for root in roots)
    return "*" in listed or name in listed or same_account


def condition_holds(operator: str, key: str, wanted: list[Any], context: Mapping[str, str]) -> bool:
    """Whether the request's `context` meets one operator of a condition, for one key and its values."""
    if ":" in operator:
        raise NotImplementedError(f"set operator {operator}")
    if_exists = operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    found = {name.lower(): value for name, value in context.items()}.get(key.lower())
    if operator == "Null":
        return any((found is None) == (str(value).lower() == "true") for value in wanted)
    compare, negated = OPERATION[operator]
    if found is None:
        # A key that is missing meets …IfExists and negated operators, and no others.
        return if_exists or negated
    return any(compare(str(value), found) for value in wanted) != negated


def arn_match(pattern: str, arn: str) -> bool:
    """Wildcards do not reach over the first five colons of an ARN."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(wildcard_match, patterns, parts))


OPERATION: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (lambda wanted, found: wanted == found, False),
    "StringNotEquals": (lambda wanted, found: wanted == found, True),
    "StringLike": (lambda wanted, found: wildcard_match(wanted, found), False),
    "StringNotLike": (lambda wanted, found: wildcard_match(wanted, found), True),
    "ArnEquals": (arn_match, False),
    "ArnLike": (arn_match, False),
    "ArnNotEquals": (arn_match, True),
    "ArnNotLike": (arn_match, True),
    "Bool": (lambda wanted, found: wanted.lower() == found.lower(), False),
    "NumericEquals": (lambda wanted, found: float(found) == float(wanted), False),
    "NumericLessThan": (lambda wanted, found: float(found) < float(wanted), False),
    "NumericGreaterThan": (lambda wanted, found: float(found) > float(wanted), False),
}


def wildcard_match(pattern: str, text: str) -> bool:
    """`*` is any run of characters, also of colons and slashes; `?` is one."""
    return _expression(pattern).fullmatch(text) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(
        "".join(
            ".*" if each == "*" else "." if each == "?" else re.escape(each)
            for each in re.split(r"([*?])", pattern)
        ),
        re.DOTALL,
    )


def as_list(value: Any) -> list[Any]:
    """The value, or the only value, of an element that may be one or several."""
    return value if isinstance(value, list) else [value]
