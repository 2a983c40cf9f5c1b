"""What SageMaker would refuse of a definition: offline, in well under a second, before anything is sent or run.

The model (../definition.py) has been read and checked. Here expressions are replaced by values, or samples of the
right form, requests are checked once more with these, and then named rules say what AWS documents and botocore's
model has not (rules). Begin with `validate_definition`; this package imports nothing but the room around it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipeline.errors import DefinitionError
from pipeline.shown import listing
from pipeline.spec.definition import Definition, Json
from pipeline.spec.diagnostics import Finding, Findings, in_order
from pipeline.spec.parsing import examine
from pipeline.spec.request_schema import check_request
from pipeline.spec.validation.rules import check_step, check_whole
from pipeline.spec.validation.substitution import Substitution

__all__ = ["check_definition", "read_checked", "service_findings", "validate_definition"]


def validate_definition(document: Json, parameters: Mapping[str, Json] | None = None) -> list[Finding]:
    """What SageMaker would refuse in the definition `document` (parsed JSON), and what this project advises.

    `parameters` are the values that an execution would start with, by name and of the parameter's JSON type;
    the others take their default. The findings are in the order of the steps. Nothing is raised for a malformed
    definition: that is a finding like any other.
    """
    definition, findings = examine(document, json.dumps(document, separators=(",", ":")))
    return _refused_by_service(definition, findings, parameters or {})


def read_checked(document: Json, text: str) -> tuple[Definition, Findings]:
    """The definition that the JSON `document`, written as `text`, holds, and what was found of it.

    Raises:
        DefinitionError: the local engine cannot execute it; the message also has what SageMaker alone refuses.
    """
    definition, findings = examine(document, text)
    if findings.local:
        findings.raise_if_any(definition.places, service_findings(definition, findings, {}))
    return definition, findings


def service_findings(
    definition: Definition, findings: Findings, parameters: Mapping[str, Json]
) -> list[Finding]:
    """What only SageMaker would refuse in a definition that has been read and checked.

    What the local engine refuses is in `findings` already; this project's advice is none for others' definitions.
    """
    said = {each.path for each in findings.local}
    found = _refused_by_service(definition, findings, parameters)
    return [each for each in found if each.by != "nobody" and each.path not in said]


def check_definition(document: Json, parameters: Mapping[str, Json] | None = None) -> None:
    """Raise when `document` has what validate_definition finds.

    Raises:
        DefinitionError: one line for each problem.
    """
    problems = validate_definition(document, parameters)
    if problems:
        raise DefinitionError(
            f"SageMaker would refuse this pipeline definition ({len(problems)} in all):\n{listing(problems)}\n"
            "Change what the paths name, in pipeline/definition/builder.py or in the parameters, and try again."
        )


def _refused_by_service(
    definition: Definition, findings: Findings, parameters: Mapping[str, Json]
) -> list[Finding]:
    found = Findings()
    substitution = Substitution(definition, parameters)
    resolved = substitution.apply_all()
    earlier = [*findings.noted.values(), *substitution.findings.noted.values()]
    for each in resolved:
        own = Findings()
        if each.differs:
            check_request(each.step.type, each.step.arguments, each.step.argument_path(), own)
        check_step(each.step, own)
        earlier += [finding for finding in own.noted.values() if finding.path not in each.unknown]
    for finding in earlier:
        found.add(finding.path, finding.message, finding.by, finding.rule)
    check_whole(definition, parameters, found)
    return in_order(found.refused_by("both", "service", "nobody"), definition.places)
