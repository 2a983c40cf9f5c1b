"""The checks on JSON that the SageMaker SDK really compiles, with options that the pipeline may come to use."""

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipeline.spec.validation import validate_definition

# The SDK warns while it is imported and when it compiles.
pytestmark = pytest.mark.filterwarnings("ignore")

BUCKET = "a-bucket"
ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.21.0-gpu-py312"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "SAGEMAKER_VALIDATE_ROLE": "false",
}


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    """Three cached spot trainings in a VPC, two of them with a mistake, and a job that reads a model."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        from sagemaker.core.processing import Processor
        from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
        from sagemaker.core.workflow.execution_variables import ExecutionVariables
        from sagemaker.core.workflow.functions import Join
        from sagemaker.core.workflow.parameters import ParameterInteger
        from sagemaker.core.workflow.pipeline_context import PipelineSession
        from sagemaker.mlops.workflow.pipeline import Pipeline
        from sagemaker.mlops.workflow.retry import SageMakerJobExceptionTypeEnum, SageMakerJobStepRetryPolicy
        from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
        from sagemaker.train import ModelTrainer, configs

        aws = boto3.Session(region_name="us-east-1")
        aws.client("s3").create_bucket(Bucket=BUCKET)
        session = PipelineSession(boto_session=aws, default_bucket=BUCKET, sagemaker_config=NO_TELEMETRY)
        epochs = ParameterInteger("Epochs", 3)
        execution_id = ExecutionVariables.PIPELINE_EXECUTION_ID
        cache = CacheConfig(enable_caching=True, expire_after="P30D")
        retry = SageMakerJobStepRetryPolicy([SageMakerJobExceptionTypeEnum.CAPACITY_ERROR], max_attempts=5)

        def training(name: str, epochs: object, environment: object) -> TrainingStep:
            trainer = ModelTrainer(
                sagemaker_session=session,
                role=ROLE,
                training_image=IMAGE,
                compute=configs.Compute(
                    instance_type="ml.m5.xlarge", enable_managed_spot_training=True, volume_kms_key_id=KEY
                ),
                networking=configs.Networking(subnets=["subnet-1"], security_group_ids=["sg-1"]),
                stopping_condition=configs.StoppingCondition(
                    max_runtime_in_seconds=3600, max_wait_time_in_seconds=7200
                ),
                output_data_config=configs.OutputDataConfig(
                    s3_output_path=f"s3://{BUCKET}/models", kms_key_id=KEY
                ),
                checkpoint_config=configs.CheckpointConfig(s3_uri=f"s3://{BUCKET}/checkpoints"),
                hyperparameters={"epochs": epochs},
                environment={"VALUE": environment},
                tags=[configs.Tag(key="team", value="Équipe 1")],
            )
            channel = configs.InputData(channel_name="train", data_source=f"s3://{BUCKET}/train/")
            request = trainer.train(input_data_config=[channel])
            return TrainingStep(name, request, cache_config=cache, retry_policies=[retry])

        train = training("Train", epochs.to_string(), "plain")
        place = ProcessingS3Output(
            s3_uri=Join(on="/", values=[f"s3://{BUCKET}", execution_id, "out"]),
            local_path="/opt/ml/processing/out",
            s3_upload_mode="EndOfJob",
        )
        read = Processor(
            role=ROLE,
            image_uri=IMAGE,
            instance_count=1,
            instance_type="ml.m5.xlarge",
            entrypoint=["python3", "read.py"],
            sagemaker_session=session,
        ).run(
            outputs=[ProcessingOutput(output_name="out", s3_output=place)],
            arguments=["--model", train.properties.ModelArtifacts.S3ModelArtifacts],
        )
        steps = [
            train,
            training("BareNumber", epochs, "plain"),
            training("ExecutionId", epochs.to_string(), execution_id),
            ProcessingStep("Read", read, cache_config=cache),
        ]
        text = Pipeline("p", parameters=[epochs], steps=steps, sagemaker_session=session).definition()
        return dict(json.loads(text))


def test_what_the_sdk_compiles_is_valid_but_for_its_mistakes(compiled: dict[str, Any]) -> None:
    assert [(problem.rule, problem.path) for problem in validate_definition(compiled)] == [
        ("model-type", "$.Steps[1].Arguments.HyperParameters.epochs"),
        ("cache-key-has-no-execution-id", "$.Steps[2].Arguments.Environment.VALUE"),
    ]
