"""The Processing step: a CreateProcessingJob request."""

from __future__ import annotations

from pipeline.spec.argument_rules import (
    AS_FILES,
    DISTRIBUTIONS,
    INSTANCES,
    NOT_PACKED,
    S3_DATA,
    Address,
    Between,
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
    needs=(
        "AppSpecification",
        "AppSpecification.ImageUri",
        "ProcessingResources",
        "ProcessingResources.ClusterConfig",
        "ProcessingResources.ClusterConfig.InstanceType",
        "ProcessingInputs.*.InputName",
        "ProcessingInputs.*.S3Input",
        "ProcessingInputs.*.S3Input.S3Uri",
        "ProcessingInputs.*.S3Input.LocalPath",
        "ProcessingOutputConfig.Outputs.*.OutputName",
        "ProcessingOutputConfig.Outputs.*.S3Output",
        "ProcessingOutputConfig.Outputs.*.S3Output.S3Uri",
        "ProcessingOutputConfig.Outputs.*.S3Output.LocalPath",
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
