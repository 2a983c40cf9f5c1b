"""What the local engine does not do with a step's request: named and refused before anything runs.

A value that is a parameter's is checked again once the parameter has its value (see parameters.py); one that comes
from another step is left to the job. What every request must have is in request_schema.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pipeline.json_path import child
from pipeline.spec.argument_rules import Rule
from pipeline.spec.definition import Json
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression
from pipeline.spec.step_types import STEP_TYPES


def refuse_arguments(step_type: str, arguments: Mapping[str, Json], path: str, findings: Findings) -> None:
    """Notes every argument of a step, at `path`, that the local engine cannot honour."""
    if known := STEP_TYPES.get(step_type):
        _refuse(known.rules, arguments, path, findings)


def refuse_members(step_type: str, members: Mapping[str, Json], path: str, findings: Findings) -> None:
    """Notes every member of a step, at `path`, that the local engine cannot honour."""
    if known := STEP_TYPES.get(step_type):
        _refuse(known.member_rules, members, path, findings)


def _refuse(rules: Iterable[Rule], members: Mapping[str, Json], path: str, findings: Findings) -> None:
    for rule in rules:
        for place, value in values_at(members, rule.place.split("."), path):
            problem = None if is_expression(value) else rule.problem(value)
            if problem:
                findings.add(place, problem)


def values_at(value: Json, keys: list[str], path: str) -> Iterator[tuple[str, Json]]:
    """Every value at the place `keys` under `value`, with its path; nothing where there is none."""
    if not keys:
        yield path, value
    elif keys[0] == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from values_at(item, keys[1:], child(path, index))
    elif isinstance(value, Mapping) and keys[0] in value:
        yield from values_at(value[keys[0]], keys[1:], child(path, keys[0]))
