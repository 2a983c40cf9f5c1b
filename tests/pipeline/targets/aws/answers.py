"""What SageMaker says of one execution, made up but consistent: the answers that the tests begin with."""

from __future__ import annotations

import datetime
import json
from typing import Any

from tests.pipeline.targets.aws.stubbed import ARN, NOW, PIPELINE, Stubbed

EXECUTION = f"{PIPELINE}/execution/abc123def456"
EARLIER = f"{PIPELINE}/execution/earlier00000"
DEFINITION = json.dumps(
    {
        "Version": "2020-12-01",
        "Parameters": [
            {"Name": "Epochs", "Type": "Integer", "DefaultValue": 12},
            {"Name": "MinAccuracy", "Type": "Float", "DefaultValue": 0.9},
            {"Name": "ChampionModelPackage", "Type": "String", "DefaultValue": "none"},
        ],
        "Steps": [
            {
                "Name": "NormalizeData",
                "Type": "Processing",
                "Arguments": {},
                "CacheConfig": {"Enabled": True},
            },
            {
                "Name": "Train-baseline-0",
                "Type": "Training",
                "Arguments": {},
                "CacheConfig": {"Enabled": True},
            },
            {"Name": "Evaluate", "Type": "Processing", "Arguments": {}},
            {
                "Name": "QualityGate",
                "Type": "Condition",
                "Arguments": {
                    "IfSteps": [],
                    "ElseSteps": [{"Name": "GateMissed", "Type": "Fail", "Arguments": {}}],
                },
            },
        ],
    }
)


def after(seconds: float) -> datetime.datetime:
    return NOW + datetime.timedelta(seconds=seconds)


def job_arn(kind: str, step: str) -> str:
    return f"{ARN}:{kind}-job/pipelines-abc123def456-{step}-xyz"


def described(status: str = "Executing", **more: Any) -> dict[str, Any]:
    return {
        "PipelineArn": PIPELINE,
        "PipelineExecutionArn": EXECUTION,
        "PipelineExecutionStatus": status,
        "CreationTime": NOW,
        "LastModifiedTime": after(300),
        **more,
    }


def step(
    name: str, status: str = "Succeeded", begin: float = 0, end: float | None = 60, **more: Any
) -> dict[str, Any]:
    listed = {"StepName": name, "StepStatus": status, "StartTime": after(begin), "AttemptCount": 1}
    if end is not None:
        listed["EndTime"] = after(end)
    kind = "training" if name.startswith("Train") else "processing"
    if name != "QualityGate":
        listed["Metadata"] = {f"{kind.title()}Job": {"Arn": job_arn(kind, name)}}
    return {**listed, **more}


def gate(outcome: str) -> dict[str, Any]:
    return step("QualityGate", Metadata={"Condition": {"Outcome": outcome}})


def reads(stubbed: Stubbed, execution: dict[str, Any], *steps: dict[str, Any], first: bool = True) -> None:
    """The answers for one reading of the execution; definition and parameters are asked for the first time only."""
    stubbed.on("sagemaker", "describe_pipeline_execution", execution, PipelineExecutionArn=EXECUTION)
    stubbed.on(
        "sagemaker",
        "list_pipeline_execution_steps",
        {"PipelineExecutionSteps": list(steps)},
        PipelineExecutionArn=EXECUTION,
        SortOrder="Ascending",
        MaxResults=100,
    )
    if not first:
        return
    stubbed.on("sagemaker", "describe_pipeline_definition_for_execution", {"PipelineDefinition": DEFINITION})
    given = [{"Name": "Epochs", "Value": "3"}, {"Name": "MinAccuracy", "Value": "0.5"}]
    stubbed.on("sagemaker", "list_pipeline_parameters_for_execution", {"PipelineParameters": given})
