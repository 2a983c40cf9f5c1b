"""The Processing step: a CreateProcessingJob request."""

from __future__ import annotations

from pipeline.spec.argument_rules import (
    AS_FILES,
    DISTRIBUTIONS,
    ENVIRONMENT,
    INSTANCES,
    NOT_PACKED,
    OBJECT,
    S3_DATA,
    TIME_LIMIT,
    Address,
    Between,
    Field,
    Folder,
    Never,
    Only,
)
from pipeline.spec.step_types.step_type import Operation, StepType

PROCESSING = StepType(
    name="Processing",
    runs="job",
    runner="pipeline.local.jobs.processing_job:PROCESSING",
    keys=("CacheConfig", "RetryPolicies", "PropertyFiles"),
    operation=Operation("CreateProcessingJob", "DescribeProcessingJob", "ProcessingJobName"),
    fields=(
        Field("AppSpecification", OBJECT),
        Field("AppSpecification.ImageUri"),
        Field("AppSpecification.ContainerEntrypoint.*", required=False),
        Field("AppSpecification.ContainerArguments.*", required=False),
        Field("ProcessingResources", OBJECT),
        Field("ProcessingResources.ClusterConfig", OBJECT),
        Field("ProcessingResources.ClusterConfig.InstanceType"),
        Field("ProcessingInputs.*.InputName"),
        Field("ProcessingInputs.*.S3Input", OBJECT),
        Field("ProcessingInputs.*.S3Input.S3Uri"),
        Field("ProcessingInputs.*.S3Input.LocalPath"),
        Field("ProcessingOutputConfig.Outputs.*.OutputName"),
        Field("ProcessingOutputConfig.Outputs.*.S3Output", OBJECT),
        Field("ProcessingOutputConfig.Outputs.*.S3Output.S3Uri"),
        Field("ProcessingOutputConfig.Outputs.*.S3Output.LocalPath"),
        ENVIRONMENT,
        TIME_LIMIT,
    ),
    rules=(
        Between("ProcessingResources.ClusterConfig.InstanceCount", *INSTANCES),
        Never("ProcessingInputs.*.AppManaged"),
        Never("ProcessingInputs.*.DatasetDefinition"),
        Folder("ProcessingInputs.*.S3Input.LocalPath"),
        Only("ProcessingInputs.*.S3Input.S3DataType", S3_DATA),
        Address("ProcessingInputs.*.S3Input.S3Uri"),
        Only("ProcessingInputs.*.S3Input.S3DataDistributionType", DISTRIBUTIONS),
        Only("ProcessingInputs.*.S3Input.S3CompressionType", NOT_PACKED),
        Only("ProcessingInputs.*.S3Input.S3InputMode", AS_FILES),
        Never("ProcessingOutputConfig.Outputs.*.AppManaged"),
        Never("ProcessingOutputConfig.Outputs.*.FeatureStoreOutput"),
        Folder("ProcessingOutputConfig.Outputs.*.S3Output.LocalPath"),
        Address("ProcessingOutputConfig.Outputs.*.S3Output.S3Uri"),
        Only("ProcessingOutputConfig.Outputs.*.S3Output.S3UploadMode", ("EndOfJob", "Continuous")),
    ),
    image=("AppSpecification", "ImageUri"),
    inputs=("ProcessingInputs.*.S3Input.S3Uri",),
    outputs=("ProcessingOutputConfig.Outputs.*.S3Output.S3Uri",),
    # Developer guide, "Default cache key attributes by pipeline step type".
    cache_attributes=("AppSpecification", "Environment", "ProcessingInputs"),
)
