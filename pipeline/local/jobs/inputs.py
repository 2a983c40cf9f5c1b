"""Finds out before an execution starts whether what it reads first is there: nothing is fetched from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.errors import StepFailed, UsageError
from pipeline.local.jobs.channels import UPLOAD_HINT
from pipeline.local.state.local_aws import LocalAws
from pipeline.spec.definition import Definition, Json
from pipeline.spec.dependencies import dependencies
from pipeline.spec.expressions import resolve, steps_referenced
from pipeline.spec.for_each import every_request
from pipeline.spec.places import values_at
from pipeline.spec.step_types import STEP_TYPES


def check_inputs(
    definition: Definition, parameters: Mapping[str, Json], there: Callable[[str], bool]
) -> None:
    """Check the S3 inputs of the steps that wait for no other: nothing could put them there any more.

    `there` tells whether there is an object at, or below, an s3:// URI (see is_there).

    Raises:
        UsageError: some are missing; the message lists all of them.
    """
    problems = [f"  {place}: {uri}" for place, uri in _first_inputs(definition, parameters) if not there(uri)]
    if problems:
        listing = "\n".join(problems)
        raise UsageError(
            f"These inputs are not in the local S3 (nothing was started):\n{listing}\n"
            f"{UPLOAD_HINT.format(uri='URI')}"
        )


def _first_inputs(definition: Definition, parameters: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    waits_for = dependencies(definition)
    scope = _ParametersOnly(parameters)
    for step in every_request(definition):
        if waits_for.get(step.name) or steps_referenced(step.arguments) or step.depends_on:
            continue
        for place in STEP_TYPES[step.type].inputs:
            for path, value in values_at(step.arguments, place.split("."), f"{step.json_path}.Arguments"):
                try:
                    uri = resolve(value, scope)
                except StepFailed:
                    continue  # It has a name only once the execution has one.
                yield path, uri


def before_execution(value: Json, parameters: Mapping[str, Json]) -> Json:
    """`value` with its expressions resolved from parameters; as it is, where they need more than that."""
    try:
        return resolve(value, _ParametersOnly(parameters))
    except StepFailed:
        return value


def is_there(aws: LocalAws, uri: str) -> bool:
    """Whether the local S3 has an object whose key begins with that of `uri`, of now or of an earlier command."""
    # What is there already needs no server.
    return bool(aws.objects.under(uri)) or bool(aws.stored_objects(uri))


@dataclass(frozen=True)
class _ParametersOnly:
    """What expressions see before an execution starts."""

    parameters: Mapping[str, Json]
    execution: Mapping[str, str] = field(default_factory=dict)
    experiment: Mapping[str, Json] = field(default_factory=dict)

    def properties(self, step: str) -> Mapping[str, Json]:
        raise StepFailed(step)

    def property_file(self, step: str, name: str) -> Json:
        raise StepFailed(step)

    def document(self, uri: str) -> Json:
        raise StepFailed(uri)
