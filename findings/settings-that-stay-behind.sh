#!/usr/bin/env bash
# Library:  stepfunctions 2.3.0 (the AWS Step Functions Data Science SDK), SageMaker SDK v2 (sagemaker 2.257.7).
# Guess:    TrainingStep(estimator=…) makes the training job that estimator.fit() makes, as it says ("The estimator for the
#           training step"); a setting that it cannot carry is refused.
# Found:    The request is built by a function of the SDK that was written for Airflow and knows a part of the estimator: the
#           checkpoints, the environment and the retries stay behind, without a word. Spot instances are kept, so that an
#           interrupted training begins anew each time, and is paid for each time; and a script that reads its seed from the
#           environment has none. sagemaker.workflow.airflow.training_config, which Airflow's users call themselves, leaves
#           out the same.
# Output:                               fit()   TrainingStep
#           EnableManagedSpotTraining   yes     yes
#           CheckpointConfig            yes     no
#           Environment                 yes     no
#           RetryStrategy               yes     no
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    stepfunctions==2.3.0 sagemaker==2.257.7 setuptools==79.0.1
cd "$work"
export HOME="$work" AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_EC2_METADATA_DISABLED=true
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import logging
import sys

logging.disable(logging.CRITICAL)

import boto3
from sagemaker import Session
from sagemaker.estimator import Estimator
from sagemaker.workflow.airflow import training_config
from stepfunctions.steps import TrainingStep

sent = []
session = Session(boto3.Session(), default_bucket="bucket")
# What fit() would send is kept instead; nothing asks the service.
session.sagemaker_client.create_training_job = lambda **request: sent.append(request)
session.sagemaker_client.describe_training_job = lambda **request: {}
session._default_bucket = "bucket"
estimator = Estimator(
    image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/train:1",
    role="arn:aws:iam::123456789012:role/train",
    instance_count=2,
    instance_type="ml.g5.xlarge",
    output_path="s3://bucket/models",
    sagemaker_session=session,
    use_spot_instances=True,
    max_run=3600,
    max_wait=7200,
    checkpoint_s3_uri="s3://bucket/checkpoints",
    environment={"PYTHONHASHSEED": "7"},
    max_retry_attempts=3,
)
channels = {"train": "s3://bucket/train"}
estimator.fit(channels, job_name="train-1", wait=False)
step = TrainingStep("Train", estimator, "train-1", data=channels).to_dict()["Parameters"]
config = training_config(estimator, channels, job_name="train-1")
fields = ("EnableManagedSpotTraining", "CheckpointConfig", "Environment", "RetryStrategy")
print(f"{'':28}fit()   TrainingStep")
for field in fields:
    print(f"{field:28}{'yes' if field in sent[0] else 'no':8}{'yes' if field in step else 'no'}")
left = [field for field in fields if field not in step]
if len(sent) != 1 or not all(field in sent[0] for field in fields) or left != list(fields[1:]):
    sys.exit("The behaviour has changed.")
if any(field in config for field in left):
    sys.exit("The behaviour has changed.")
PYTHON
