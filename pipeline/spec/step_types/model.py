"""The Model step, which the SDK calls CreateModel: a CreateModel request."""

from __future__ import annotations

from pipeline.spec.step_types.step_type import Operation, StepType

MODEL = StepType(
    name="Model",
    runs="call",
    runner="pipeline.local.jobs.create_model:create_model",
    keys=("RetryPolicies",),
    operation=Operation("CreateModel", "DescribeModel", "ModelName"),
    inputs=(
        "PrimaryContainer.ModelDataUrl",
        "PrimaryContainer.ModelDataSource.S3DataSource.S3Uri",
        "Containers.*.ModelDataUrl",
    ),
)
