"""The Training step: a CreateTrainingJob request."""

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

TRAINING = StepType(
    name="Training",
    runs="job",
    runner="pipeline.local.jobs.training_job:TRAINING",
    keys=("CacheConfig", "RetryPolicies"),
    operation=Operation("CreateTrainingJob", "DescribeTrainingJob", "TrainingJobName"),
    needs=(
        "AlgorithmSpecification",
        "AlgorithmSpecification.MetricDefinitions.*.Name",
        "AlgorithmSpecification.MetricDefinitions.*.Regex",
        "InputDataConfig.*.ChannelName",
        "InputDataConfig.*.DataSource",
        "InputDataConfig.*.DataSource.S3DataSource",
        "InputDataConfig.*.DataSource.S3DataSource.S3Uri",
        "OutputDataConfig",
        "OutputDataConfig.S3OutputPath",
        "ResourceConfig",
        "ResourceConfig.InstanceType",
        "CheckpointConfig.S3Uri",
    ),
    rules=(
        Between("ResourceConfig.InstanceCount", *INSTANCES),
        Never("ResourceConfig.InstanceGroups"),
        Only("AlgorithmSpecification.TrainingInputMode", AS_FILES),
        Never("AlgorithmSpecification.AlgorithmName"),
        Folder("CheckpointConfig.LocalPath"),
        Only("InputDataConfig.*.InputMode", AS_FILES),
        Only("InputDataConfig.*.CompressionType", NOT_PACKED),
        Only("InputDataConfig.*.RecordWrapperType", NOT_PACKED),
        Never("InputDataConfig.*.ShuffleConfig"),
        Never("InputDataConfig.*.DataSource.FileSystemDataSource"),
        Never("InputDataConfig.*.DataSource.DatasetSource"),
        Only("InputDataConfig.*.DataSource.S3DataSource.S3DataType", S3_DATA),
        Address("InputDataConfig.*.DataSource.S3DataSource.S3Uri"),
        Only("InputDataConfig.*.DataSource.S3DataSource.S3DataDistributionType", DISTRIBUTIONS),
        Address("OutputDataConfig.S3OutputPath"),
        Address("CheckpointConfig.S3Uri"),
        Only("OutputDataConfig.CompressionType", ("GZIP", "NONE")),
        Never("ModelPackageConfig"),
        Never("ServerlessJobConfig"),
    ),
    image=("AlgorithmSpecification", "TrainingImage"),
    inputs=("InputDataConfig.*.DataSource.S3DataSource.S3Uri",),
    outputs=("OutputDataConfig.S3OutputPath", "CheckpointConfig.S3Uri"),
    # Developer guide, "Default cache key attributes by pipeline step type".
    cache_attributes=(
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
)
