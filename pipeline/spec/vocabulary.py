"""The words of a definition that its schema and the service know: types of steps, execution variables."""

from __future__ import annotations

from collections.abc import Mapping

# Definition schema, Steps; the StepTypeEnum of the SageMaker SDK; API reference, PipelineExecutionStepMetadata.
SERVICE_STEP_TYPES = (
    "Processing",
    "Training",
    "Transform",
    "Model",
    "RegisterModel",
    "Condition",
    "Fail",
    "Lambda",
    "Callback",
    "Tuning",
    "AutoML",
    "ClarifyCheck",
    "QualityCheck",
    "EMR",
    "EMRServerless",
    "Lineage",
    "Job",
    "Cleanup",
    "ForEach",
    "Endpoint",
    "EndpointConfig",
    "InferenceComponent",
    "Athena",
    "HubContent",
    "BedrockCustomModel",
    "BedrockCustomModelDeployment",
    "BedrockModelImport",
    "BedrockProvisionedModelThroughput",
)

# SageMaker SDK 3.27.0, TriggerCondition.
TRIGGERS = ("Completed", "Failed", "Stopped", "Any")

# SageMaker SDK, ExecutionVariables.
EXECUTION_VARIABLES = (
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "PipelineName",
    "PipelineArn",
    "StartDateTime",
    "CurrentDateTime",
)
# The name of the step's own job, which steps of this type alone have.
JOB_NAME_VARIABLES: Mapping[str, str] = {"Training": "TrainingJobName", "Processing": "ProcessingJobName"}

# Where a property of a job is a list, a string subscript picks the entry with that name, as in SageMaker's own
# examples (Outputs['train'], FinalMetricDataList['val:acc']).
ITEM_NAMES = ("OutputName", "InputName", "ChannelName", "MetricName", "Name")

# A parameter that says no Type is a String: definition schema, StringParameter, which requires Name alone.
DEFAULT_PARAMETER_TYPE = "String"


def execution_variables(step_type: str | None) -> tuple[str, ...]:
    """The execution variables that a step of this type can read; None: what stands outside of steps."""
    own = JOB_NAME_VARIABLES.get(step_type or "")
    return EXECUTION_VARIABLES if own is None else (*EXECUTION_VARIABLES, own)
