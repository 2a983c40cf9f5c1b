"""Rules for Condition and Fail steps: an execution that missed its gate must not look green."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.shown import listed, shown
from pipeline.spec.validation.constraints import violations
from pipeline.spec.validation.document import Document, Json, Step, child_path, entries, look_up, members
from pipeline.spec.validation.service_model import shape

COMPARISONS = ("Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")

# The keys of each condition type, as the ConditionStep of the SageMaker SDK writes them.
CONDITION_KEYS: Mapping[str, frozenset[str]] = {
    **{name: frozenset({"Type", "LeftValue", "RightValue"}) for name in COMPARISONS},
    "In": frozenset({"Type", "QueryValue", "Values"}),
    "Not": frozenset({"Type", "Condition"}),
    "Or": frozenset({"Type", "Conditions"}),
}


def missed_gate_fails(step: Step) -> Iterator[tuple[str, str]]:
    """A Condition that only decides whether to go on has a Fail step among its ElseSteps.

    Without one the execution ends Succeeded when the condition does not hold. Developer guide, "Pipelines steps",
    Fail step: "Use a Fail step to stop a pipeline execution when a desired condition or state is not achieved".
    """
    arguments = members(step.raw.get("Arguments"))
    then, otherwise = entries(arguments.get("IfSteps")), entries(arguments.get("ElseSteps"))
    if then and otherwise:
        return
    if not any(other.get("Type") == "Fail" for _, other in otherwise):
        types = listed(str(other.get("Type")) for _, other in otherwise) if otherwise else "no steps"
        yield (
            step.argument_path("ElseSteps"),
            "expected a Fail step: without it an execution that misses this gate ends as Succeeded. "
            f"Received: {types}",
        )


def conditions_are_complete(step: Step) -> Iterator[tuple[str, str]]:
    """A Condition step has conditions, each of a known type and with that type's keys.

    SageMaker SDK, sagemaker.core.workflow.conditions; what Not holds is its Condition, and the service refuses
    one that calls it Expression.
    """
    conditions = step.arguments.get("Conditions")
    if not isinstance(conditions, list) or not conditions:
        yield (
            step.argument_path("Conditions"),
            f"expected a list of conditions. Received: {shown(conditions, 80)}",
        )
        return
    for index, condition in enumerate(conditions):
        yield from incomplete(condition, step.argument_path("Conditions", index))


def incomplete(condition: Json, path: str) -> Iterator[tuple[str, str]]:
    """What is missing in a condition or in those nested in it."""
    kind = look_up(condition, "Type")
    keys = CONDITION_KEYS.get(kind) if isinstance(kind, str) else None
    if keys is None:
        yield (
            path,
            f"expected a condition whose Type is one of {', '.join(CONDITION_KEYS)}. Received: {shown(kind)}",
        )
    elif set(condition) != keys:
        yield path, f"expected the keys {', '.join(sorted(keys))}. Received: {listed(sorted(condition))}"
    elif kind == "Not":
        yield from incomplete(condition["Condition"], child_path(path, "Condition"))
    elif kind in {"Or", "In"}:
        key = "Conditions" if kind == "Or" else "Values"
        nested = condition[key]
        if not isinstance(nested, list) or not nested:
            yield child_path(path, key), f"expected a list that is not empty. Received: {shown(nested, 80)}"
        elif kind == "Or":
            for index, item in enumerate(nested):
                yield from incomplete(item, child_path(path, key, index))


def property_files_have_an_output(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """A property file lies in an output of its own step.

    Developer guide, "Pass data between steps": the output name of the property file is the name of a
    ProcessingOutput of the step.
    """
    for step in document.steps:
        outputs = entries(look_up(step.arguments, "ProcessingOutputConfig", "Outputs"))
        names = [output.get("OutputName") for _, output in outputs]
        for index, file in entries(step.raw.get("PropertyFiles")):
            at = child_path(step.path, "PropertyFiles", index)
            if file.get("OutputName") not in names:
                known = listed(names)
                yield (
                    at,
                    f"expected an output of {step.name} ({known}). Received: {shown(file.get('OutputName'))}",
                )
            for key in ("PropertyFileName", "FilePath"):
                if not isinstance(file.get(key), str) or not file[key]:
                    yield child_path(at, key), f"expected text. Received: {shown(file.get(key))}"


def fail_message(step: Step) -> Iterator[tuple[str, str]]:
    """A Fail step says why, in at most 3,072 characters. API reference, FailStepMetadata, ErrorMessage."""
    at, message = step.argument_path("ErrorMessage"), step.arguments.get("ErrorMessage")
    if not isinstance(message, str) or not message:
        yield at, f"expected a message. Received: {shown(message)}"
        return
    for found in violations(message, shape("FailStepMetadata").members["ErrorMessage"], at):
        yield at, found.message


DEFINITION_RULES = (property_files_have_an_output,)
CONDITION_RULES = (missed_gate_fails, conditions_are_complete)
FAIL_RULES = (fail_message,)
