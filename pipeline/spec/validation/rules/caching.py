"""Rules for step caching: a cache can hit, and never hands out what a later execution overwrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.shown import shown
from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.expressions import references, references_at
from pipeline.spec.for_each import every_request
from pipeline.spec.json_values import entries, value_at
from pipeline.spec.references import Reference
from pipeline.spec.step_types import STEP_TYPES

# Execution variables that differ from one execution to the next.
CHANGING = frozenset(
    [
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "StartDateTime",
        "CurrentDateTime",
        "TrainingJobName",
        "ProcessingJobName",
    ]
)


def cached(definition: Definition) -> Iterator[Step]:
    """The steps for which caching is turned on."""
    return (step for step in every_request(definition) if step.cache is not None and step.cache.enabled)


def changes(reference: Reference) -> bool:
    """Whether what is read differs from one execution to the next."""
    return reference.root == "Execution" and reference.name in CHANGING


def cache_key_has_no_execution_id(
    definition: Definition, given: Mapping[str, Json]
) -> Iterator[tuple[str, str]]:
    """What the cache compares does not name the execution, its time or its job: it would never hit.

    Developer guide, "Default cache key attributes by pipeline step type". References to other steps are fine: a
    step that was reused reports the outputs of the run that it reused.
    """
    for step in cached(definition):
        known = STEP_TYPES.get(step.type)
        for key in (known.cache_attributes if known is not None else None) or ():
            for path, reference in references_at(step.arguments.get(key), step.argument_path(key)):
                if changes(reference):
                    yield (
                        path,
                        f"Execution.{reference.name} differs in each execution and is part of the step's "
                        "cache key, so the cache would never hit.",
                    )


def cached_outputs_carry_the_execution_id(
    definition: Definition, given: Mapping[str, Json]
) -> Iterator[tuple[str, str]]:
    """Each execution of a cached Processing step writes to a place of its own.

    Developer guide, "Caching pipeline steps": a hit propagates the outputs of the earlier run, so no later run may
    write there. (A training job's outputs lie under the job's name anyway.)
    """
    for step in cached(definition):
        config = value_at(step.arguments, "ProcessingOutputConfig", "Outputs")
        for index, output in entries(config) if step.type == "Processing" else ():
            uri = value_at(output, "S3Output", "S3Uri")
            if uri is not None and not any(changes(reference) for reference in references(uri)):
                yield (
                    step.argument_path("ProcessingOutputConfig", "Outputs", index, "S3Output", "S3Uri"),
                    "needs Execution.PipelineExecutionId, so that no later execution overwrites what a "
                    f"cache hit hands out (got {shown(uri, 80)}).",
                )


DEFINITION_RULES = (cache_key_has_no_execution_id, cached_outputs_carry_the_execution_id)
