"""The definition of the pipeline `fashion-mnist-batch`: one Transform step, with a model that is there already.

Written out and not compiled with the SDK: a step that is a CreateTransformJob request needs none of it, and
importing it takes longer than scoring ten thousand images. The tests hold it against the service's model and a
golden file.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.definition.settings import Settings

BATCH = "batch"
PIPELINE_SUFFIX = f"-{BATCH}"
STEP = "Score"
DEFAULT_INSTANCE = "ml.c5.xlarge"
# Of one request: some 2,700 images as JSON. Four at once keep the model busy while others are read and written.
PAYLOAD_MB, AT_ONCE = 6, 4
JSON_LINES = "application/jsonlines"
# The stack deletes requests and answers after 14 days.
CACHED = "P7D"
# As pipeline.definition.sdk_policies has them for the other pipeline's steps.
_RETRIES = (
    (2.0, 5, 5, ("Step.SERVICE_FAULT", "Step.THROTTLING")),
    (2.0, 10, 3, ("SageMaker.JOB_INTERNAL_ERROR",)),
    (2.0, 60, 6, ("SageMaker.CAPACITY_ERROR",)),
    (1.5, 60, 10, ("SageMaker.RESOURCE_LIMIT",)),
)


def pipeline_name(project: str) -> str:
    """The pipeline's name, for the name of the other one."""
    return project + PIPELINE_SUFFIX


def batch_definition(settings: Settings) -> str:
    """The definition, as indented JSON with a newline at its end; byte-identical for identical settings."""
    name = pipeline_name(settings.pipeline_name)
    tags = {**settings.cost_tags(Step=STEP), "Pipeline": name}
    document: dict[str, Any] = {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": [
            {"Name": "ModelName", "Type": "String"},
            {"Name": "InputUri", "Type": "String"},
            {"Name": "InstanceType", "Type": "String", "DefaultValue": DEFAULT_INSTANCE},
            {"Name": "InstanceCount", "Type": "Integer", "DefaultValue": 1},
        ],
        "PipelineExperimentConfig": None,
        "Steps": [
            {
                "Name": STEP,
                "Type": "Transform",
                "Arguments": _request(settings, tags),
                "Description": "Asks the model for the probabilities of every image.",
                "RetryPolicies": [
                    {
                        "BackoffRate": rate,
                        "IntervalSeconds": seconds,
                        "MaxAttempts": attempts,
                        "ExceptionType": list(faults),
                    }
                    for rate, seconds, attempts, faults in _RETRIES
                ],
                "CacheConfig": {"Enabled": True, "ExpireAfter": CACHED},
            }
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _request(settings: Settings, tags: dict[str, str]) -> dict[str, Any]:
    output = {
        "Std:Join": {
            "On": "/",
            "Values": [settings.uri(BATCH, "answers"), {"Get": "Execution.PipelineExecutionId"}],
        }
    }
    return {
        "ModelName": {"Get": "Parameters.ModelName"},
        "MaxConcurrentTransforms": AT_ONCE,
        "MaxPayloadInMB": PAYLOAD_MB,
        "BatchStrategy": "MultiRecord",
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": {"Get": "Parameters.InputUri"}}
            },
            "ContentType": JSON_LINES,
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": output,
            "Accept": JSON_LINES,
            "AssembleWith": "Line",
            **({"KmsKeyId": settings.kms_key} if settings.kms_key else {}),
        },
        "TransformResources": {
            "InstanceType": {"Get": "Parameters.InstanceType"},
            "InstanceCount": {"Get": "Parameters.InstanceCount"},
        },
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
