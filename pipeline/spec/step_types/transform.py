"""The Transform step: a CreateTransformJob request. Checked for AWS, not executed here."""

from __future__ import annotations

from pipeline.spec.step_types.step_type import Operation, StepType

TRANSFORM = StepType(
    name="Transform",
    runs="nowhere",
    operation=Operation("CreateTransformJob", "DescribeTransformJob", "TransformJobName"),
    cache_attributes=("DataProcessing", "Environment", "ModelName", "TransformInput"),
)
