"""Somebody's script for SageMaker SDK 2: a pipeline, and jobs without one; prints how it went.

Its steps are those of tests/strangers/houses, written for SDK 2: clean → fit → judge → good enough?
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.session import Session
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep

HOUSES = Path(__file__).resolve().parents[1] / "strangers" / "houses"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/houses:1"
LOCAL = "/opt/ml/processing"


def build(session: PipelineSession, role: str) -> Pipeline:
    """The pipeline; its code is uploaded when it is compiled."""
    data, most = ParameterString("InputDataUri"), ParameterFloat("LargestError", 5.0)
    machine = {"role": role, "image_uri": IMAGE, "instance_count": 1, "instance_type": "ml.m5.large"}
    processor = ScriptProcessor(command=["python3"], sagemaker_session=session, **machine)
    clean = ProcessingStep(
        "Clean",
        step_args=processor.run(
            code=str(HOUSES / "clean.py"),
            arguments=[f"{LOCAL}/raw", f"{LOCAL}/clean"],
            inputs=[ProcessingInput(source=data, destination=f"{LOCAL}/raw", input_name="raw")],
            outputs=[ProcessingOutput(source=f"{LOCAL}/clean", output_name="clean")],
        ),
        cache_config=CacheConfig(enable_caching=True, expire_after="P7D"),
    )
    cleaned = clean.properties.ProcessingOutputConfig.Outputs["clean"].S3Output.S3Uri
    estimator = Estimator(entry_point="fit.py", source_dir=str(HOUSES), sagemaker_session=session, **machine)
    train = TrainingInput(Join(on="/", values=[cleaned, "train"]))
    fit = TrainingStep("Fit", step_args=estimator.fit({"train": train}))
    report = PropertyFile("Report", output_name="report", path="report.json")
    judge = ProcessingStep(
        "Judge",
        step_args=processor.run(
            code=str(HOUSES / "judge.py"),
            inputs=[
                ProcessingInput(fit.properties.ModelArtifacts.S3ModelArtifacts, f"{LOCAL}/model", "model"),
                ProcessingInput(Join(on="/", values=[cleaned, "test"]), f"{LOCAL}/test", "test"),
            ],
            outputs=[ProcessingOutput(source=f"{LOCAL}/report", output_name="report")],
        ),
        property_files=[report],
    )
    error = JsonGet(step_name="Judge", property_file=report, json_path="error")
    enough = ConditionStep(
        "GoodEnough",
        conditions=[ConditionLessThanOrEqualTo(error, most)],
        else_steps=[FailStep("TooFarOff", error_message="The error is larger than LargestError.")],
    )
    steps = [clean, fit, judge, enough]
    return Pipeline("Houses", parameters=[data, most], steps=steps, sagemaker_session=session)


def main(role: str) -> None:
    """Run all of it."""
    session = PipelineSession()
    bucket = session.default_bucket()
    rows = "".join(f"{area},{3 * area + 7}\n" for area in range(50, 150))
    boto3.client("s3").put_object(Bucket=bucket, Key="raw/houses.csv", Body=f"area,price\n{rows}".encode())
    data = {"InputDataUri": f"s3://{bucket}/raw/"}
    pipeline = build(session, role)
    pipeline.upsert(role_arn=role)
    pipeline.upsert(role_arn=role, description="anew")
    execution = pipeline.start(parameters=data, execution_display_name="Tuesday")
    execution.wait(delay=1, max_attempts=300)
    refused = pipeline.start(parameters={**data, "LargestError": -1.0})
    try:
        refused.wait(delay=1, max_attempts=300)
        failure = None
    except Exception as error:
        failure = type(error).__name__
    stopped = pipeline.start(parameters=data)
    stopped.stop()

    direct = Session()
    machine = {"role": role, "image_uri": IMAGE, "instance_count": 1, "instance_type": "ml.m5.large"}
    Path("hello.py").write_text("print('hello of a processor')\n")
    processor = ScriptProcessor(command=["python3"], sagemaker_session=direct, **machine)
    processor.run(code="hello.py", logs=True)
    Path("train.py").write_text("print('hello of an estimator')\nopen('/opt/ml/model/x', 'w').close()\n")
    estimator = Estimator(entry_point="train.py", sagemaker_session=direct, **machine)
    estimator.fit(logs="All")
    said = {
        "execution": execution.describe()["PipelineExecutionStatus"],
        "name": execution.describe()["PipelineExecutionDisplayName"],
        "description": pipeline.describe()["PipelineDescription"],
        "steps": {step["StepName"]: step["StepStatus"] for step in execution.list_steps()},
        "refused": [refused.describe()["PipelineExecutionStatus"], failure],
        "reused": [step["StepName"] for step in refused.list_steps() if "CacheHitResult" in step],
        "model": estimator.model_data.rpartition("/")[2],
    }
    print("\n" + json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1])
