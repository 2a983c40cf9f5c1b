"""Rules for Condition and Fail steps: an execution that missed its gate must not look green."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from pipeline.shown import listed, shown
from pipeline.spec.definition import Branch, Definition, Json, Step
from pipeline.spec.service_model import shape
from pipeline.spec.shapes import mismatches


def missed_gate_fails(definition: Definition, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """A Condition that only decides whether to go on has a Fail step among its ElseSteps.

    Without one the execution ends Succeeded when the condition does not hold. Developer guide, "Pipelines steps",
    Fail step: "Use a Fail step to stop a pipeline execution when a desired condition or state is not achieved".
    """
    types: dict[Branch, list[str]] = defaultdict(list)
    for step in definition.steps:
        if step.branch:
            types[step.branch[-1]].append(step.type)
    for step in definition.steps:
        then, otherwise = types[Branch(step.name, taken=True)], types[Branch(step.name, taken=False)]
        if step.type == "Condition" and not (then and otherwise) and "Fail" not in otherwise:
            yield (
                step.argument_path("ElseSteps"),
                "needs a Fail step: without it an execution that misses this gate ends as Succeeded (got "
                f"{listed(otherwise) if otherwise else 'no steps'}).",
            )


def fail_message(step: Step) -> Iterator[tuple[str, str]]:
    """A Fail step says why, in at most 3,072 characters. API reference, FailStepMetadata, ErrorMessage."""
    at, message = step.argument_path("ErrorMessage"), step.arguments.get("ErrorMessage")
    if not isinstance(message, str) or not message:
        yield at, f"must be a message, not {shown(message)}."
        return
    for found in mismatches(message, shape("FailStepMetadata").members["ErrorMessage"], at):
        yield at, found.message


DEFINITION_RULES = (missed_gate_fails,)
FAIL_RULES = (fail_message,)
