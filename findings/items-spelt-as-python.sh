#!/usr/bin/env bash
# Library:  SageMaker SDK v3 (sagemaker-mlops 1.27.0, of sagemaker 3.27.0), Pipeline.start and ForEachStep, against moto 5.2.5.
# Guess:    start(parameters={"Items": ["a", "b"]}) sends the list as the JSON text that a ForEachStep wants of its parameter,
#           or refuses it, as ParameterString refuses such a default. None leaves the default.
# Found:    Whatever is given is sent as Python writes it, unchecked: a list in single quotes, which is no JSON, for a step
#           whose documentation wants "a JSON list string"; None as the four letters "None", which a text parameter takes;
#           True as "True".
# Output:   default=["a", "b"]   TypeError
#           Items                "['a', 'b']", which is no JSON
#           Champion             "None"
#           Publish              "True"
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    sagemaker-core==2.27.0 graphene==3.4.3 docker==7.2.0 tqdm==4.70.1 psutil==7.2.2 'moto==5.2.5'
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps \
    sagemaker-mlops==1.27.0 sagemaker-train==1.27.0 sagemaker-serve==1.27.0
cd "$work"
AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none SAGEMAKER_VALIDATE_ROLE=false \
    "$work/venv/bin/python" -W ignore - <<'PYTHON'
import json
import logging
import sys

import boto3
from moto import mock_aws

logging.disable(logging.CRITICAL)
QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}

with mock_aws():
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.lambda_helper import Lambda
    from sagemaker.core.workflow.parameters import ParameterBoolean, ParameterString
    from sagemaker.mlops.workflow.for_each_step import CurrentItem, ForEachStep
    from sagemaker.mlops.workflow.lambda_step import LambdaStep
    from sagemaker.mlops.workflow.pipeline import Pipeline

    role = boto3.client("iam").create_role(
        RoleName="SageMakerRole", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    )["Role"]["Arn"]
    try:
        ParameterString("Items", ["a", "b"])
        default = "taken"
    except TypeError as error:
        default = type(error).__name__
    session = Session(sagemaker_config=QUIET)
    items, champion = ParameterString("Items", '["a"]'), ParameterString("Champion", "latest")
    publish = ParameterBoolean("Publish", default_value=False)
    call = Lambda(function_arn="arn:aws:lambda:us-east-1:123456789012:function:say", session=session)
    body = LambdaStep("Say", lambda_func=call, inputs={"item": CurrentItem(), "champion": champion, "publish": publish})
    loop = ForEachStep("Loop", iterable_items=items, max_concurrency=1, for_each_body=[body])
    pipeline = Pipeline(name="each", parameters=[items, champion, publish], steps=[loop], sagemaker_session=session)
    pipeline.create(role)
    execution = pipeline.start(parameters={"Items": ["a", "b"], "Champion": None, "Publish": True})
    sent = {each["Name"]: each["Value"] for each in execution.list_parameters()["PipelineParameters"]}
try:
    json.loads(sent["Items"])
    read = "which is JSON"
except ValueError:
    read = "which is no JSON"
print('default=["a", "b"]  ', default)
for name, value in sent.items():
    print(f'{name:20} "{value}"' + (f", {read}" if name == "Items" else ""))
if (default, read) != ("TypeError", "which is no JSON") or sent != {
    "Items": "['a', 'b']",
    "Champion": "None",
    "Publish": "True",
}:
    sys.exit("The behaviour has changed.")
PYTHON
