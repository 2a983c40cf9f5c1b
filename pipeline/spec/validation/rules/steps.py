"""Rules for what all steps have in common: names, types, dependencies, and the size of the whole."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from pipeline.shown import cut, listed, shown
from pipeline.spec.validation.constraints import violations
from pipeline.spec.validation.document import NESTED, Document, Json, Step, child_path, entries, look_up
from pipeline.spec.validation.references import references
from pipeline.spec.validation.service_model import shape
from pipeline.spec.vocabulary import SERVICE_STEP_TYPES, TRIGGERS


def version_is_2020_12_01(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """The schema's only version is 2020-12-01; it may be left out. Definition schema, Version."""
    version = document.raw.get("Version", "2020-12-01")
    if version != "2020-12-01":
        yield "$.Version", f"expected '2020-12-01'. Received: {shown(version)}"


def definition_size(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """A definition has at most 1,048,576 characters. API reference, CreatePipeline, PipelineDefinition."""
    text = json.dumps(document.raw, separators=(",", ":"))
    for found in violations(text, shape("PipelineDefinition"), "$"):
        if found.kind == "length":
            yield (
                "$",
                f"expected at most {shape('PipelineDefinition').metadata['max']} characters. Received: {len(text)}",
            )


def step_names_are_unique(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """No two steps share a name, not even in a Condition's two branches.

    Developer guide, "Pipelines steps", Condition step: "can't use identical steps in both branches … duplicate the
    step and give it a different name".
    """
    names = Counter(step.name for step in document.steps)
    for step in document.steps:
        if names[step.name] > 1:
            yield child_path(step.path, "Name"), f"expected a name of its own. Received: {shown(step.name)}"


def steps_form_no_circle(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """The steps, linked by DependsOn and by what they read of each other, are a directed acyclic graph.

    Developer guide, "Pipelines overview".
    """
    names = {step.name for step in document.steps}
    graph = {step.name: (depends_on(step) | steps_read(step)) & names for step in document.steps}
    for step in document.steps:
        if step.inside is not None:
            graph[step.name].add(step.inside)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield (
            "$.Steps",
            f"expected steps that wait for earlier ones only. Received: {cut(' ← '.join(error.args[1]), 200)}",
        )


def depends_on_known_steps(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """DependsOn names steps of the definition. Developer guide, "Custom dependency between steps"."""
    names = [step.name for step in document.steps]
    for step in document.steps:
        for name in sorted(depends_on(step) - set(names)):
            near = difflib.get_close_matches(name, names, n=3) or names
            yield (
                child_path(step.path, "DependsOn"),
                f"expected a step, such as {', '.join(near)}. Received: {shown(name)}",
            )


def triggers_are_known(step: Step) -> Iterator[tuple[str, str]]:
    """An entry of DependsOn that is an object has a Step and a Trigger. SageMaker SDK 3.27.0, StepDependency."""
    at = child_path(step.path, "DependsOn")
    for index, entry in entries(step.raw.get("DependsOn")):
        if set(entry) != {"Step", "Trigger"}:
            received = listed(sorted(entry))
            yield child_path(at, index), f"expected a step's name, or Step and Trigger. Received: {received}"
        elif entry["Trigger"] not in TRIGGERS:
            yield (
                child_path(at, index, "Trigger"),
                f"expected one of {', '.join(TRIGGERS)}. Received: {shown(entry['Trigger'])}",
            )


def depends_on(step: Step) -> set[str]:
    """The names in the step's DependsOn, whose entries are names or objects with the key Step."""
    listed = step.raw.get("DependsOn")
    found = [look_up(entry, "Step") or entry for entry in listed] if isinstance(listed, list) else []
    return {name for name in found if isinstance(name, str)}


def steps_read(step: Step) -> set[str]:
    """The names of the steps that the step's own arguments refer to."""
    own = dict(step.raw.get("Arguments", {}))
    for key in NESTED.get(step.type, ()):
        own.pop(key, None)
    return {reference.name for _, reference in references(own, "") if reference.root == "Steps"}


def step_name_form(step: Step) -> Iterator[tuple[str, str]]:
    """A step's name has 1 to 64 letters, digits, - or _. Definition schema, StepName; API reference, StepName."""
    at = child_path(step.path, "Name")
    if not step.name:
        yield at, "expected 1 to 64 characters. Received: ''"
    for found in violations(step.name, shape("StepName"), at):
        yield at, found.message


def step_texts(step: Step) -> Iterator[tuple[str, str]]:
    """A display name has at most 256 characters on one line, a description 3,072.

    API reference, PipelineExecutionStep, StepDisplayName and StepDescription.
    """
    for key, name in (("DisplayName", "StepDisplayName"), ("Description", "StepDescription")):
        for found in violations(step.raw.get(key), shape(name), child_path(step.path, key)):
            yield found.path, found.message


def step_type_is_known(step: Step) -> Iterator[tuple[str, str]]:
    """A step is of a type that Pipelines has. Developer guide, "Pipelines steps", step types."""
    if step.type not in SERVICE_STEP_TYPES:
        near = difflib.get_close_matches(step.type, SERVICE_STEP_TYPES, n=2) or SERVICE_STEP_TYPES
        yield (
            child_path(step.path, "Type"),
            f"expected a step type, such as {', '.join(near)}. Received: {shown(step.type)}",
        )


DEFINITION_RULES = (
    version_is_2020_12_01,
    definition_size,
    step_names_are_unique,
    steps_form_no_circle,
    depends_on_known_steps,
)
RULES = (step_name_form, step_texts, step_type_is_known, triggers_are_known)
