"""The monitor pipeline's parameters: what the command, a schedule and Studio's form can set."""

from __future__ import annotations

from pipeline.definition.parameters import PARAMETERS, PipelineParameter

NEWEST = "newest"
ALL_HOURS = 0
MOST_HOURS = 24 * 366

_SHARED = ("ProcessingInstanceType", "ProcessingImageUri", "ModelPackageGroupName")

MONITOR_PARAMETERS = (
    PipelineParameter(
        "CaptureUri",
        "String",
        None,
        "S3 folder that captured requests lie below",
        form=("s3://bucket/folder", r"s3://[^/]+/.+"),
    ),
    PipelineParameter("EndpointName", "String", None, "whose requests are meant; others are left out"),
    PipelineParameter(
        "ModelVersion",
        "String",
        NEWEST,
        "registered version that answered, or the one of the newest requests",
        form=(f"{NEWEST}, or a version's number", rf"{NEWEST}|[1-9][0-9]*"),
    ),
    PipelineParameter(
        "CaptureHours",
        "Integer",
        ALL_HOURS,
        "how many hours back requests are read; 0: all there are",
        at_least=0,
        at_most=MOST_HOURS,
    ),
    *(parameter for parameter in PARAMETERS if parameter.name in _SHARED),
)
