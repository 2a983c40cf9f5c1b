"""Somebody's pipeline, made with SageMaker Python SDK 3.27: clean → fit → judge → good enough?

It knows nothing of this project, and this project nothing of it: the image is never pulled here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode

HERE = Path(__file__).parent
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/houses:1"
ROLE = "arn:aws:iam::123456789012:role/houses"
LOCAL = "/opt/ml/processing"
CACHE = CacheConfig(enable_caching=True, expire_after="P7D")


def build(session: Any) -> Pipeline:
    """The pipeline; its code is uploaded by the session when it is compiled."""
    data = ParameterString("InputDataUri")
    most = ParameterFloat("LargestError", default_value=5.0)
    processor = ScriptProcessor(
        role=ROLE,
        image_uri=IMAGE,
        command=["python3"],
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    clean = ProcessingStep(
        "Clean",
        processor.run(
            code=str(HERE / "clean.py"),
            arguments=[f"{LOCAL}/raw", f"{LOCAL}/clean"],
            inputs=[given("raw", data)],
            outputs=[made("clean", session.default_bucket())],
        ),
        cache_config=CACHE,
    )
    cleaned = clean.properties.ProcessingOutputConfig.Outputs["clean"].S3Output.S3Uri
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=IMAGE,
        source_code=SourceCode(source_dir=str(HERE), entry_script="fit.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=30),
        base_job_name="houses",
    )
    fit = TrainingStep(
        "Fit",
        trainer.train(
            input_data_config=[InputData(channel_name="train", data_source=part(cleaned, "train"))]
        ),
    )
    report = PropertyFile(name="Report", output_name="report", path="report.json")
    judge = ProcessingStep(
        "Judge",
        processor.run(
            code=str(HERE / "judge.py"),
            inputs=[
                given("model", fit.properties.ModelArtifacts.S3ModelArtifacts),
                given("test", part(cleaned, "test")),
            ],
            outputs=[made("report", session.default_bucket())],
        ),
        property_files=[report],
    )
    enough = ConditionStep(
        "GoodEnough",
        conditions=[
            ConditionLessThanOrEqualTo(
                left=JsonGet(step_name=judge.name, property_file=report, json_path="error"), right=most
            )
        ],
        if_steps=[],
        else_steps=[FailStep("TooFarOff", error_message="The error is larger than LargestError.")],
    )
    return Pipeline(
        "Houses", parameters=[data, most], steps=[clean, fit, judge, enough], sagemaker_session=session
    )


def part(uri: Any, name: str) -> Any:
    """A folder below an output of another step."""
    return Join(on="/", values=[uri, name])


def given(name: str, uri: Any) -> ProcessingInput:
    source = ProcessingS3Input(
        s3_uri=uri, local_path=f"{LOCAL}/{name}", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    return ProcessingInput(input_name=name, s3_input=source)


def made(name: str, bucket: str) -> ProcessingOutput:
    uri = Join(on="/", values=[f"s3://{bucket}/houses", ExecutionVariables.PIPELINE_EXECUTION_ID, name])
    target = ProcessingS3Output(s3_uri=uri, local_path=f"{LOCAL}/{name}", s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=target)
