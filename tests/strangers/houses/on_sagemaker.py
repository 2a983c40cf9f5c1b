"""Somebody's script: puts data into S3 and a pipeline into SageMaker, runs it there, and prints how it went."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
from houses_pipeline import IMAGE, ROLE, build  # type: ignore[import-not-found]
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, SourceCode


def main() -> None:
    session = PipelineSession()
    bucket = session.default_bucket()
    rows = "".join(f"{area},{3 * area + 7}\n" for area in range(50, 150))
    boto3.client("s3").put_object(Bucket=bucket, Key="raw/houses.csv", Body=f"area,price\n{rows}".encode())

    pipeline = build(session)
    pipeline.upsert(role_arn=ROLE, tags=[{"Key": "team", "Value": "houses"}])
    pipeline.upsert(role_arn=ROLE, description="anew", tags=[{"Key": "cost", "Value": "none"}])
    execution = pipeline.start(
        parameters={"InputDataUri": f"s3://{bucket}/raw/"}, execution_display_name="Tuesday"
    )
    execution.wait(delay=1, max_attempts=600)
    stopped = pipeline.start(parameters={"InputDataUri": f"s3://{bucket}/raw/"})
    stopped.stop()

    # Jobs without a pipeline, as notebooks make them.
    from sagemaker.core.helper.session_helper import Session

    direct = Session()
    processor = ScriptProcessor(
        role=ROLE, image_uri=IMAGE, command=["python3"], instance_count=1, instance_type="ml.m5.large",
        sagemaker_session=direct,
    )  # fmt: skip
    Path("hello.py").write_text("print('hello of a processor')\n")
    processor.run(code="hello.py", logs=True)
    trainer = ModelTrainer(
        sagemaker_session=direct,
        role=ROLE,
        training_image=IMAGE,
        source_code=SourceCode(command="echo hello of a trainer; echo x > /opt/ml/model/x"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=30),
        base_job_name="direct",
    )
    trainer.train(wait=True, logs=True)
    said = {
        "execution": execution.describe()["PipelineExecutionStatus"],
        "name": execution.describe()["PipelineExecutionDisplayName"],
        "description": pipeline.describe()["PipelineDescription"],
        "steps": {step["StepName"]: step["StepStatus"] for step in execution.list_steps()},
        "trained": trainer._latest_training_job.training_job_status,
    }
    print("\n" + json.dumps(said))


if __name__ == "__main__":
    main()
