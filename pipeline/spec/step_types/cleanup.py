"""The Cleanup step: it deletes what earlier steps left in S3.

Its form is that of the SageMaker SDK 3.27.0 (sagemaker.mlops.workflow.cleanup_step), the only source there is.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.near_match import did_you_mean
from pipeline.shown import shown
from pipeline.spec.definition import Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression
from pipeline.spec.json_object import JsonObject
from pipeline.spec.json_path import child
from pipeline.spec.step_types.step_type import StepType

# Whose outputs the service finds itself, and whose objects have to be named one by one.
FOUND, NAMED = ("Training",), ("Processing", "Transform")


def _check(step: Step, steps: Mapping[str, Step], findings: Findings) -> None:
    arguments = JsonObject(step.arguments, f"{step.json_path}.Arguments", findings)
    arguments.allow("Resources")
    resources = arguments.child("Resources")
    resources.allow("S3")
    resources.filled("S3", "source")
    before = {dependency.step for dependency in step.depends_on}
    for source in resources.children("S3"):
        source.allow("StepName", "S3Uris")
        name = source.require("StepName", str, "")
        if name not in steps:
            source.note("StepName", f"there is no step {shown(name)}.{did_you_mean(name, steps)}")
            continue
        if name not in before:
            source.note("StepName", f"{name} must be in the DependsOn of {step.name}: it has to run before.")
        _check_source(source, steps[name])


def _check_source(source: JsonObject, step: Step) -> None:
    if step.type not in FOUND + NAMED:
        types = ", ".join(FOUND + NAMED)
        source.note(
            "StepName",
            f"only the outputs of {types} steps can be cleaned up, and {step.name} is a {step.type} step.",
        )
        return
    network = step.arguments.get("NetworkConfig")
    if step.arguments.get("VpcConfig") or (isinstance(network, Mapping) and network.get("VpcConfig")):
        source.note(
            "StepName", f"SageMaker does not clean up after steps with a VpcConfig, such as {step.name}."
        )
    if (step.type in FOUND) == ("S3Uris" in source.value):
        wanted = "is left out" if step.type in FOUND else "names the objects to delete"
        source.note("S3Uris", f"after a {step.type} step it {wanted}.")
        return
    uris = source.get("S3Uris", list, [])
    if "S3Uris" in source.value and not uris:
        source.note("S3Uris", "must have at least one address.")
    for index, uri in enumerate(uris):
        if not is_expression(uri) and not (isinstance(uri, str) and uri.startswith("s3://")):
            place = child(child(source.path, "S3Uris"), index)
            source.findings.add(place, f"must be s3://bucket/key, not {shown(uri)}.")


CLEANUP = StepType(
    name="Cleanup",
    runs="call",
    runner="pipeline.local.jobs.cleanup:clean_up",
    check_among=_check,
    properties=lambda step: [],
)
