"""Whether a step's request is one: what must be and may be in it, of which types, within which limits, and whether
the local engine does what it asks for.

What SageMaker's operation takes is botocore's to say (service_model.py), what is needed and done here the step
type's entry. A value that is a parameter's is checked again once the parameter has its value; what another step
gives is left to the job.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pipeline.near_match import did_you_mean
from pipeline.shown import shown
from pipeline.spec.argument_rules import Rule
from pipeline.spec.definition import Json
from pipeline.spec.diagnostics import MODEL_PREFIX, Findings, Refuser
from pipeline.spec.expressions import is_expression
from pipeline.spec.json_path import child
from pipeline.spec.places import values_at
from pipeline.spec.service_model import operation_of, request_shape
from pipeline.spec.shapes import Mismatch, mismatches
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.value_types import NOTHING_KNOWN, ValueTypes

# What no machine could do either. A longer text, or an instance type that botocore does not know, runs here.
_IMPOSSIBLE = frozenset({"range", "type"})
# Where requests have environments, and what becomes a folder's name.
_ENVIRONMENTS = (
    "Environment",
    "PrimaryContainer.Environment",
    "Containers.*.Environment",
    "InferenceSpecification.Containers.*.Environment",
)
# API reference, CreateProcessingJob, Environment. The system itself takes no "=" and no NUL in a name.
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_CHANNEL = re.compile(r"\.InputDataConfig\[\d+\]\.ChannelName")


def check_request(
    step_type: str, request: Json, path: str, findings: Findings, types: ValueTypes = NOTHING_KNOWN
) -> None:
    """Notes what is wrong with the request at `path` of a step of this type.

    A bare Get of an Integer where a string belongs is refused, as the service refuses that of a parameter when the
    pipeline is created; `types` are those of what a Get can read.
    """
    known = STEP_TYPES.get(step_type)
    for place in known.needs if known is not None else ():
        *parents, key = place.split(".")
        for at, holder in values_at(request, parents, path):
            if isinstance(holder, Mapping) and not is_expression(holder) and key not in holder:
                findings.add(child(at, key), "missing.", "here")
    if (shape := request_shape(step_type)) is not None and isinstance(request, Mapping):
        # What is none of the service's own is a misspelt name, or newer than its model here.
        for key in request:
            if key not in shape.members:
                hint = did_you_mean(key, shape.members)
                findings.add(child(path, key), f"{step_type} steps have no such argument.{hint}")
        operation = operation_of(step_type)
        filled_in = child(path, operation.name_field) if operation and operation.name_field else None
        for found in mismatches(request, shape, path, types):
            if found.kind != "missing" or found.path != filled_in:
                findings.add(found.path, found.message, _refuser(found, step_type), MODEL_PREFIX + found.kind)
    for place in _ENVIRONMENTS:
        for at, environment in values_at(request, place.split("."), path):
            if isinstance(environment, Mapping) and not is_expression(environment):
                _check_names(environment, at, findings)
    if known is not None:
        _refuse(known.rules, request, path, findings)
        if known.check_arguments is not None:
            known.check_arguments(request, path, findings)


def check_members(step_type: str, members: Mapping[str, Json], path: str, findings: Findings) -> None:
    """Notes every member of a step, at `path`, that the local engine cannot honour."""
    if known := STEP_TYPES.get(step_type):
        _refuse(known.member_rules, members, path, findings)


def _refuser(found: Mismatch, step_type: str) -> Refuser:
    """Who refuses what botocore's model does not allow."""
    folder = step_type == "Training" and _CHANNEL.search(found.path) is not None
    return "both" if found.kind in _IMPOSSIBLE or folder else "service"


def _check_names(environment: Mapping[str, Json], path: str, findings: Findings) -> None:
    """Notes names that no environment variable can have."""
    for name in environment:
        if not _VARIABLE.fullmatch(name):
            findings.add(
                child(path, name),
                f"{shown(name)} cannot be an environment variable's name: it may have letters, digits and _, "
                "and must not begin with a digit.",
            )


def _refuse(rules: Iterable[Rule], members: Mapping[str, Json], path: str, findings: Findings) -> None:
    for rule in rules:
        for place, value in values_at(members, rule.place.split("."), path):
            problem = None if is_expression(value) else rule.problem(value)
            if problem:
                findings.add(place, problem, "here")
