"""Checks a compiled pipeline definition before anything is sent to AWS: offline, in well under a second.

Each step's arguments, after parameters and references are replaced by values, are compared with botocore's model
of the SageMaker API (keys, types, enums, patterns, lengths, ranges), and then with named rules for what that model
does not say (pipeline/spec/validation/rules). Every problem is reported at once.

`python -m pipeline` calls this after it compiled the definition and before it starts an execution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipeline.errors import DefinitionError
from pipeline.shown import listing
from pipeline.spec.validation.document import Json, read_document
from pipeline.spec.validation.problem import Problem, without_repetitions
from pipeline.spec.validation.rules import ADVICE, check_rules, rule_name
from pipeline.spec.validation.service_model import check_arguments
from pipeline.spec.validation.substitution import Substitution

__all__ = ["Problem", "check_definition", "service_problems", "validate_definition"]


def validate_definition(definition: Json, parameters: Mapping[str, Json] | None = None) -> list[Problem]:
    """Everything that is wrong with `definition` (parsed JSON, version 2020-12-01).

    `parameters` are the values that an execution would start with, by name and of the parameter's JSON type;
    the others take their default. The problems are in the order of the steps. Nothing is raised for a malformed
    definition: that is a problem like any other.

    Steps of types other than Processing, Training, Transform, Model, RegisterModel, Condition and Fail have their
    expressions and common fields checked, not their arguments.
    """
    given = dict(parameters or {})
    document, problems = read_document(definition)
    substitution = Substitution(document, given)
    document = replace(document, steps=substitution.apply_all())
    findings = check_rules(document, given)
    for step in document.steps:
        findings += check_arguments(step)
    unknown_values = {path for step in document.steps for path in step.unknown_values}
    problems += substitution.problems
    problems += [problem for problem in findings if problem.path not in unknown_values]
    place = {step.name: index for index, step in enumerate(document.steps)}
    return sorted(without_repetitions(problems), key=lambda problem: place.get(problem.step or "", -1))


def service_problems(definition: Json, parameters: Mapping[str, Json] | None = None) -> list[Problem]:
    """As validate_definition, without this project's own advice: only what AWS documents that it refuses."""
    advice = {rule_name(rule) for rule in ADVICE}
    return [problem for problem in validate_definition(definition, parameters) if problem.rule not in advice]


def check_definition(definition: Json, parameters: Mapping[str, Json] | None = None) -> None:
    """Raise when `definition` has problems; see validate_definition.

    Raises:
        DefinitionError: one line for each problem.
    """
    problems = validate_definition(definition, parameters)
    if problems:
        raise DefinitionError(
            "Checking the pipeline definition against the SageMaker API: expected no problems. "
            f"Received: {len(problems)}\n{listing(problems)}\n"
            "Change what the paths name, in pipeline/definition.py or in the parameters, and try again."
        )
