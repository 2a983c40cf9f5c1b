"""Somebody's script for SageMaker SDK 2: compiles a pipeline of two functions (`@step`) into the folder it runs in.

What it uploads stays in the local S3.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sagemaker.workflow.function_step import step
from sagemaker.workflow.parameters import ParameterInteger
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession


def double(number: int) -> int:
    """A step."""
    print("doubling", number)
    return number * 2


def add(number: int, other: int) -> int:
    """A step after it."""
    print("sum", number + other)
    return number + other


def main() -> None:
    """Compile."""
    settings: dict[str, Any] = {
        "role": "arn:aws:iam::123456789012:role/jobs",
        "instance_type": "ml.m5.large",
        "image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/python:3",
    }
    number = ParameterInteger("Number", 4)
    first = step(double, name="double", **settings)(number)
    last = step(add, name="add", **settings)(first, 3)
    pipeline = Pipeline("steps", parameters=[number], steps=[last], sagemaker_session=PipelineSession())
    Path("definition.json").write_text(pipeline.definition())


if __name__ == "__main__":
    main()
