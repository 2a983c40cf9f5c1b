"""Evaluates the conditions of a Condition step, and checks their form."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Mapping

from pipeline.errors import StepFailed
from pipeline.near_match import did_you_mean
from pipeline.shown import LONGEST_VALUE, cut, shown
from pipeline.spec.definition import Json
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import Scope, is_expression, resolve
from pipeline.spec.json_path import child

_COMPARISONS: Mapping[str, Callable[[Json, Json], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
# The fields of each type: "operand" is a literal or an expression, the others are lists or a nested condition.
_FIELDS: Mapping[str, Mapping[str, str]] = {
    **{kind: {"LeftValue": "operand", "RightValue": "operand"} for kind in _COMPARISONS},
    "In": {"QueryValue": "operand", "Values": "operands"},
    "Not": {"Condition": "condition"},
    "Or": {"Conditions": "conditions"},
}


def holds(condition: Json, scope: Scope) -> bool:
    """Whether `condition` (one entry of a Condition step's "Conditions", which are anded) is true in `scope`.

    Numbers compare with numbers, strings with strings, booleans only for equality with booleans.

    Raises:
        StepFailed: an operand cannot be resolved, or the operands cannot be compared.
    """
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], scope)
    if kind == "Or":
        return any(holds(inner, scope) for inner in condition["Conditions"])
    if kind == "In":
        query = resolve(condition["QueryValue"], scope)
        values = [resolve(value, scope) for value in condition["Values"]]
        return any(_kind(value) == _kind(query) and value == query for value in values)
    left, right = resolve(condition["LeftValue"], scope), resolve(condition["RightValue"], scope)
    comparable = {"number", "string", "boolean"} if kind == "Equals" else {"number", "string"}
    if _kind(left) != _kind(right) or _kind(left) not in comparable:
        raise StepFailed(
            f"Could not evaluate {cut(json.dumps(condition, ensure_ascii=False), LONGEST_VALUE)}: {kind} "
            f"compares numbers with numbers and strings with strings, but LeftValue is {shown(left)} and "
            f"RightValue is {shown(right)}."
        )
    return _COMPARISONS[kind](left, right)


def check_condition(condition: Json, path: str, findings: Findings) -> None:
    """Notes what is malformed or unsupported in the condition at `path`; expressions are checked elsewhere."""
    if not isinstance(condition, Mapping):
        findings.add(path, f"must be a condition, an object with a Type, not {shown(condition)}.")
        return
    kind = condition.get("Type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        hint = did_you_mean(str(kind), _FIELDS)
        findings.add(child(path, "Type"), f"must be one of {', '.join(_FIELDS)}, not {shown(kind)}.{hint}")
        return
    fields = _FIELDS[kind]
    for key in condition.keys() - fields.keys() - {"Type"}:
        findings.add(child(path, key), f"{kind} has no such field; it has {', '.join(fields)}.")
    for key, form in fields.items():
        if key not in condition:
            findings.add(child(path, key), "missing.")
        else:
            _check_field(condition[key], form, child(path, key), findings)


def _check_field(value: Json, form: str, path: str, findings: Findings) -> None:
    if form == "condition":
        check_condition(value, path, findings)
    elif form == "operand":
        if _kind(value) is None and not is_expression(value):
            findings.add(path, f"must be a string, number, boolean or expression, not {shown(value)}.")
    elif not isinstance(value, list):
        findings.add(path, f"must be a list of {form}, not {shown(value)}.")
    else:
        if not value:
            # The SDK makes none: nothing would be in it, or be true of it.
            findings.add(path, "must not be empty.", "service")
        for index, item in enumerate(value):
            _check_field(item, form.removesuffix("s"), child(path, index), findings)


def _kind(value: Json) -> str | None:
    """ "boolean", "number" or "string"; None for what cannot be compared (NaN would compare false with all)."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and not math.isnan(value)):
        return "number"
    return "string" if isinstance(value, str) else None
