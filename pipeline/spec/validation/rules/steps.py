"""Rules for the size of a definition and the texts of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.json_path import child
from pipeline.spec.service_model import shape
from pipeline.spec.shapes import mismatches


def definition_size(definition: Definition, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """A definition has at most 1,048,576 characters. API reference, CreatePipeline, PipelineDefinition."""
    most = shape("PipelineDefinition").metadata["max"]
    if len(definition.text) > most:
        yield "$", f"may have at most {most} characters, not {len(definition.text)}."


def step_texts(step: Step) -> Iterator[tuple[str, str]]:
    """A display name has at most 256 characters on one line, a description 3,072.

    API reference, PipelineExecutionStep, StepDisplayName and StepDescription.
    """
    texts = {"DisplayName": step.display_name, "Description": step.description}
    for key, text in texts.items():
        if text is None:
            continue
        for found in mismatches(text, shape(f"Step{key}"), child(step.json_path, key)):
            yield found.path, found.message


DEFINITION_RULES = (definition_size,)
RULES = (step_texts,)
