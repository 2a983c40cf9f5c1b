"""The RegisterModel step: a CreateModelPackage request."""

from __future__ import annotations

from pipeline.spec.argument_rules import Never
from pipeline.spec.step_types.step_type import Operation, StepType

REGISTER_MODEL = StepType(
    name="RegisterModel",
    runs="call",
    runner="pipeline.local.jobs.register_model:register_model",
    keys=("RetryPolicies",),
    operation=Operation("CreateModelPackage", "DescribeModelPackage"),
    needs=("ModelPackageGroupName",),
    # Versions of a group only; nothing is validated by a transform job.
    rules=(
        Never("ModelPackageName"),
        Never("CertifyForMarketplace"),
        Never("SourceAlgorithmSpecification"),
        Never("ValidationSpecification"),
    ),
    inputs=(
        "InferenceSpecification.Containers.*.ModelDataUrl",
        "InferenceSpecification.Containers.*.ModelDataSource.S3DataSource.S3Uri",
    ),
)
