"""The Transform step: a CreateTransformJob request.

Which model answers says another step, or an earlier execution: pipeline/local/jobs/transform/models.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.spec.argument_rules import (
    INSTANCES,
    S3_DATA,
    Address,
    Between,
    Never,
    Only,
    Selects,
)
from pipeline.spec.expressions import is_expression
from pipeline.spec.json_object import JsonObject
from pipeline.spec.step_types.step_type import Operation, StepType

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
# Developer guide, "Associate Prediction Results with Input Records".
RECORD_FORMATS = (CSV, JSON, JSON_LINES)
# API reference, CreateTransformJob, MaxPayloadInMB.
DEFAULT_PAYLOAD_MB, MOST_PAYLOAD_MB = 6, 100


def format_of(content_type: str) -> str:
    """A content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def request_problems(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What of a request does not go together, each with its place; what is not known yet is left out."""
    processing = request.get("DataProcessing") or {}
    given, output = request.get("TransformInput") or {}, request.get("TransformOutput") or {}
    most, at_once = request.get("MaxPayloadInMB"), request.get("MaxConcurrentTransforms")
    if (
        isinstance(most, int)
        and most * (at_once if isinstance(at_once, int) and at_once else 1) > MOST_PAYLOAD_MB
    ):
        yield (
            "MaxPayloadInMB",
            f"{most} times MaxConcurrentTransforms is more than the {MOST_PAYLOAD_MB} that SageMaker allows.",
        )
    if not processing or is_expression(processing):
        return
    joined = processing.get("JoinSource") == "Input"
    taken, made = given.get("ContentType"), output.get("Accept")
    filtered = {
        "TransformInput.ContentType": (taken, joined or processing.get("InputFilter", "$") != "$"),
        "TransformOutput.Accept": (made, joined or processing.get("OutputFilter", "$") != "$"),
    }
    for place, (value, used) in filtered.items():
        if used and isinstance(value, str) and format_of(value) not in RECORD_FORMATS:
            formats = ", ".join(RECORD_FORMATS)
            yield place, f"filters and joins work on {formats} only, not {value!r}."
    known = isinstance(taken, str) and isinstance(made, str)
    if joined and known and (format_of(str(taken)) == CSV) != (format_of(str(made)) == CSV):
        yield (
            "DataProcessing.JoinSource",
            f"input and output must have the same format to be joined, not {taken!r} and {made!r}.",
        )
    used = filtered["TransformInput.ContentType"][1]
    if used and given.get("SplitType", "None") == "None" and format_of(str(taken)) == CSV:
        yield "TransformInput.SplitType", "filters and joins of text/csv need Line."


def _check(entry: JsonObject) -> None:
    arguments = entry.value.get("Arguments")
    if isinstance(arguments, Mapping) and all(
        isinstance(arguments.get(name, {}), Mapping)
        for name in ("DataProcessing", "TransformInput", "TransformOutput")
    ):
        for place, problem in request_problems(arguments):
            entry.findings.add(f"{entry.path}.Arguments.{place}", problem)


TRANSFORM = StepType(
    name="Transform",
    runs="job",
    runner="pipeline.local.jobs.transform.transform_job:TRANSFORM",
    keys=("CacheConfig", "RetryPolicies"),
    operation=Operation("CreateTransformJob", "DescribeTransformJob", "TransformJobName"),
    needs=(
        "ModelName",
        "TransformInput",
        "TransformInput.DataSource",
        "TransformInput.DataSource.S3DataSource",
        "TransformInput.DataSource.S3DataSource.S3Uri",
        "TransformOutput",
        "TransformOutput.S3OutputPath",
        "TransformResources",
        "TransformResources.InstanceType",
    ),
    rules=(
        Between("TransformResources.InstanceCount", *INSTANCES),
        Only("TransformInput.DataSource.S3DataSource.S3DataType", S3_DATA),
        Address("TransformInput.DataSource.S3DataSource.S3Uri"),
        Only("TransformInput.CompressionType", ("None", "Gzip")),
        Only("TransformInput.SplitType", ("None", "Line", "RecordIO", "TFRecord")),
        Only("BatchStrategy", ("MultiRecord", "SingleRecord")),
        Address("TransformOutput.S3OutputPath"),
        Only("TransformOutput.AssembleWith", ("None", "Line")),
        Selects("DataProcessing.InputFilter"),
        Selects("DataProcessing.OutputFilter"),
        Only("DataProcessing.JoinSource", ("None", "Input")),
        Never("DataCaptureConfig"),
    ),
    # Of the model that ModelName names.
    image=("PrimaryContainer", "Image"),
    inputs=("TransformInput.DataSource.S3DataSource.S3Uri",),
    outputs=("TransformOutput.S3OutputPath",),
    # Developer guide, "Default cache key attributes by pipeline step type".
    cache_attributes=("DataProcessing", "Environment", "ModelName", "TransformInput"),
    check=_check,
)
