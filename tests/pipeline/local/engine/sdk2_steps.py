"""Compiles a pipeline of two functions with SageMaker SDK 2 in a made-up account; needs that and moto.

Writes the definition and all that was uploaded to the folder that is the argument.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

BUCKET = "sdk2-steps"


def double(number: int) -> int:
    """A step."""
    print("doubling", number)
    return number * 2


def add(number: int, other: int) -> int:
    """A step after it."""
    print("sum", number + other)
    return number + other


def main(folder: Path) -> None:
    """Compile, and write everything to `folder`."""
    import boto3
    from moto import mock_aws

    with mock_aws():
        from sagemaker.workflow.function_step import step
        from sagemaker.workflow.parameters import ParameterInteger
        from sagemaker.workflow.pipeline import Pipeline
        from sagemaker.workflow.pipeline_context import PipelineSession

        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        settings: dict[str, Any] = {
            "role": "arn:aws:iam::123456789012:role/jobs",
            "instance_type": "ml.m5.large",
            "image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/python:3",
        }
        number = ParameterInteger("Number", 4)
        first = step(double, name="double", **settings)(number)
        last = step(add, name="add", **settings)(first, 3)
        session = PipelineSession(default_bucket=BUCKET)
        pipeline = Pipeline("steps", parameters=[number], steps=[last], sagemaker_session=session)
        (folder / "definition.json").write_text(pipeline.definition())
        for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
            file = folder / "uploaded" / entry["Key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
