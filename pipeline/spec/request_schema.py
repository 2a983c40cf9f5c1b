"""The form of a step's request: what must be and what may be in it, and where SageMaker takes strings or whole
numbers only.

What the form allows but the local engine cannot do is in refusals.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.json_path import child
from pipeline.near_match import did_you_mean
from pipeline.shown import shown
from pipeline.spec.definition import Json, ParameterType
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression, references


@dataclass(frozen=True)
class Field:
    """A field of a request; "*" in `place` is every entry. A `required` one must be there if its parent is."""

    place: str
    type: ParameterType | None = "String"
    required: bool = True


_OBJECT = None
_LIMIT = Field("StoppingCondition.MaxRuntimeInSeconds", "Integer", required=False)
_ENVIRONMENT = Field("Environment.*", required=False)
# The members of CreateProcessingJob, CreateTrainingJob, CreateModelPackage and CreateModel: what is none of them is
# a misspelt name, or newer than this.
_MEMBERS: Mapping[str, frozenset[str]] = {
    step_type: frozenset(members.split())
    for step_type, members in {
        "Processing": "AppSpecification Environment ExperimentConfig NetworkConfig ProcessingInputs"
        " ProcessingJobName ProcessingOutputConfig ProcessingResources RoleArn StoppingCondition Tags",
        "Training": "AlgorithmSpecification CheckpointConfig DebugHookConfig DebugRuleConfigurations"
        " EnableInterContainerTrafficEncryption EnableManagedSpotTraining EnableNetworkIsolation Environment"
        " ExperimentConfig HyperParameters InfraCheckConfig InputDataConfig MlflowConfig ModelPackageConfig"
        " OutputDataConfig ProfilerConfig ProfilerRuleConfigurations RemoteDebugConfig ResourceConfig RetryStrategy"
        " RoleArn ServerlessJobConfig SessionChainingConfig StoppingCondition Tags TensorBoardOutputConfig"
        " TrainingJobName VpcConfig",
        "RegisterModel": "AdditionalInferenceSpecifications CertifyForMarketplace ClientToken"
        " CustomerMetadataProperties Domain DriftCheckBaselines InferenceSpecification ManagedStorageType"
        " MetadataProperties ModelApprovalStatus ModelCard ModelLifeCycle ModelMetrics ModelPackageDescription"
        " ModelPackageGroupName ModelPackageName ModelPackageRegistrationType SamplePayloadUrl SecurityConfig"
        " SkipModelValidation SourceAlgorithmSpecification SourceUri Tags Task ValidationSpecification",
        "Model": "Containers EnableNetworkIsolation ExecutionRoleArn InferenceExecutionConfig ModelName"
        " PrimaryContainer Tags VpcConfig",
    }.items()
}
_FIELDS: Mapping[str, tuple[Field, ...]] = {
    "Processing": (
        Field("AppSpecification", _OBJECT),
        Field("AppSpecification.ImageUri"),
        Field("AppSpecification.ContainerEntrypoint.*", required=False),
        Field("AppSpecification.ContainerArguments.*", required=False),
        Field("ProcessingResources", _OBJECT),
        Field("ProcessingResources.ClusterConfig", _OBJECT),
        Field("ProcessingResources.ClusterConfig.InstanceType"),
        Field("ProcessingInputs.*.InputName"),
        Field("ProcessingInputs.*.S3Input", _OBJECT),
        Field("ProcessingInputs.*.S3Input.S3Uri"),
        Field("ProcessingInputs.*.S3Input.LocalPath"),
        Field("ProcessingOutputConfig.Outputs.*.OutputName"),
        Field("ProcessingOutputConfig.Outputs.*.S3Output", _OBJECT),
        Field("ProcessingOutputConfig.Outputs.*.S3Output.S3Uri"),
        Field("ProcessingOutputConfig.Outputs.*.S3Output.LocalPath"),
        _ENVIRONMENT,
        _LIMIT,
    ),
    "Training": (
        Field("AlgorithmSpecification", _OBJECT),
        Field("AlgorithmSpecification.ContainerEntrypoint.*", required=False),
        Field("AlgorithmSpecification.ContainerArguments.*", required=False),
        Field("AlgorithmSpecification.MetricDefinitions.*.Name"),
        Field("AlgorithmSpecification.MetricDefinitions.*.Regex"),
        Field("HyperParameters.*", required=False),
        Field("InputDataConfig.*.ChannelName"),
        Field("InputDataConfig.*.DataSource", _OBJECT),
        Field("InputDataConfig.*.DataSource.S3DataSource", _OBJECT),
        Field("InputDataConfig.*.DataSource.S3DataSource.S3Uri"),
        Field("OutputDataConfig", _OBJECT),
        Field("OutputDataConfig.S3OutputPath"),
        Field("ResourceConfig", _OBJECT),
        Field("ResourceConfig.InstanceType"),
        Field("CheckpointConfig.S3Uri"),
        _ENVIRONMENT,
        _LIMIT,
    ),
    "RegisterModel": (
        Field("ModelPackageGroupName"),
        Field("ModelApprovalStatus", required=False),
        Field("InferenceSpecification.Containers.*.Image", required=False),
        Field("InferenceSpecification.Containers.*.ModelDataUrl", required=False),
        Field("InferenceSpecification.Containers.*.Environment.*", required=False),
        Field("CustomerMetadataProperties.*", required=False),
    ),
    "Model": (
        Field("PrimaryContainer.Image", required=False),
        Field("PrimaryContainer.ModelDataUrl", required=False),
        Field("PrimaryContainer.Environment.*", required=False),
        Field("Containers.*.Image", required=False),
        Field("Containers.*.ModelDataUrl", required=False),
        Field("Containers.*.Environment.*", required=False),
    ),
}


def check_request(
    step_type: str,
    request: Json,
    parameter_types: Mapping[str, ParameterType],
    path: str,
    findings: Findings,
) -> None:
    """Notes what a request at `path` lacks, what it should not have, and which of its values have the wrong type.

    A bare Get of an Integer where a string belongs is refused, as the service refuses it when the pipeline is
    created; what a property of another step will be is not known yet and not checked.
    """
    if members := _MEMBERS.get(step_type):
        for key in request:
            if key not in members:
                findings.add(
                    child(path, key), f"{step_type} steps have no such argument.{did_you_mean(key, members)}"
                )
    for field in _FIELDS.get(step_type, ()):
        for place, value in _places(request, field.place.split("."), path, required=field.required):
            if problem := _problem(value, field.type, parameter_types):
                findings.add(place, problem)


_ABSENT = object()


def _problem(
    value: Json, type_: ParameterType | None, parameter_types: Mapping[str, ParameterType]
) -> str | None:
    if value is _ABSENT:
        return "missing."
    if isinstance(value, _Misplaced):
        return f"expected an object or a list. Received: {shown(value.value)}"
    if type_ is _OBJECT:
        return None if isinstance(value, Mapping) else f"expected an object. Received: {shown(value)}"
    expected = {"String": "a string", "Integer": "a whole number"}[type_]
    if not is_expression(value):
        fits = isinstance(value, str) if type_ == "String" else type(value) is int
        return None if fits else f"expected {expected}. Received: {shown(value)}"
    if "Get" in value:
        for reference in references(value):
            given = parameter_types.get(reference.name) if reference.root == "Parameters" else None
            if given not in (None, type_):
                hint = " Write it with .to_string()." if type_ == "String" else ""
                return f"expected {expected}. Received: {value['Get']}, which is of type {given}.{hint}"
    return None


@dataclass(frozen=True)
class _Misplaced:
    """A value where an object or a list should be."""

    value: Json


def _places(value: Json, keys: list[str], path: str, *, required: bool) -> Iterator[tuple[str, Json]]:
    """Every value at the place `keys` under `value` with its path; _ABSENT where only the last key is missing."""
    if not keys:
        yield path, value
        return
    key, *rest = keys
    if is_expression(value):
        return
    if key == "*" and isinstance(value, list | Mapping):
        entries = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, entry in entries:
            yield from _places(entry, rest, child(path, name), required=required)
    elif not isinstance(value, Mapping):
        yield path, _Misplaced(value)
    elif key in value:
        yield from _places(value[key], rest, child(path, key), required=required)
    elif required and not rest:
        yield child(path, key), _ABSENT
