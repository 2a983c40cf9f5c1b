#!/usr/bin/env bash
# Library:  SageMaker SDK v3: sagemaker-mlops 1.27.0 and sagemaker-core 2.27.0 (of sagemaker 3.27.0), LambdaStep and Lambda.
# Guess:    Lambda.upsert(), "create a lambda function or update it if it already exists", leaves the function as it was given:
#           a longer time-out, more memory, another handler are there afterwards. And pipeline.definition() only says what would
#           be sent.
# Found:    Of a function that is there the code alone is updated: all the rest that was given is dropped without a word, so that
#           new code runs with the old handler, variables and time-out. It is definition() that deploys, and not the upsert of
#           the pipeline: whoever compares or prints a definition has replaced the code that the running pipeline calls.
#           Here a hook answers in the place of Lambda and keeps what it is told.
# Output:   calls of definition(), when the function is not there     CreateFunction
#           calls of definition(), when it is                         CreateFunction (refused), UpdateFunctionCode
#                        first          given then     has
#           Code         version 1      version 2      version 2
#           Handler      notify.handler notify.main    notify.handler
#           Timeout      120            900            120
#           MemorySize   128            1024           128
#           Runtime      python3.12     python3.13     python3.12
#           Environment  CHANNEL=test   CHANNEL=live   CHANNEL=test
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    sagemaker-core==2.27.0 boto3==1.44.5 botocore==1.44.5 graphene==3.4.3 docker==7.2.0 tqdm==4.70.1 psutil==7.2.2
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps \
    sagemaker-mlops==1.27.0 sagemaker-train==1.27.0 sagemaker-serve==1.27.0
cd "$work"
AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none \
    "$work/venv/bin/python" -W ignore - <<'PYTHON'
import base64
import io
import json
import logging
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import boto3

logging.disable(logging.CRITICAL)
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.lambda_helper import Lambda
from sagemaker.mlops.workflow.lambda_step import LambdaStep
from sagemaker.mlops.workflow.pipeline import Pipeline

QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
ROLE = "arn:aws:iam::123456789012:role/any"
ARN = {"FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:notify"}
there, calls = {}, []


def answer(model, params, **_):
    """Answer in Lambda's place, by what its operations are documented to do."""
    calls.append(model.name)
    told = json.loads(params["body"])
    if model.name == "CreateFunction" and there:
        calls[-1] += " (refused)"
        error = {"Code": "ResourceConflictException", "Message": "Function already exist: notify"}
        return SimpleNamespace(status_code=409), {"Error": error, "ResponseMetadata": {}}
    if "ZipFile" in told:
        told["Code"] = {"ZipFile": told.pop("ZipFile")}
    there.update(told)
    return SimpleNamespace(status_code=200), {**ARN, "ResponseMetadata": {}}


def settings():
    """What the function has, as text."""
    code = zipfile.ZipFile(io.BytesIO(base64.b64decode(there["Code"]["ZipFile"]))).read("notify.py").decode().strip("# \n")
    variables = ",".join(f"{name}={value}" for name, value in there["Environment"]["Variables"].items())
    names = ("Handler", "Timeout", "MemorySize", "Runtime")
    return {"Code": code, **{name: str(there[name]) for name in names}, "Environment": variables}


def compile_with(text, **given):
    """The calls that come of looking at a definition in which a LambdaStep has such a function."""
    calls.clear()
    Path("notify.py").write_text(f"# {text}\n")
    function = Lambda(
        function_name="notify", script="notify.py", execution_role_arn=ROLE, session=session, **given
    )
    Pipeline("p", steps=[LambdaStep("Notify", lambda_func=function)], sagemaker_session=session).definition()
    return ", ".join(calls)


boto = boto3.Session()
boto.events.register("before-call.lambda", answer)
session = Session(boto_session=boto, sagemaker_config=QUIET)
one = {"handler": "notify.handler", "timeout": 120, "memory_size": 128, "runtime": "python3.12"}
two = {"handler": "notify.main", "timeout": 900, "memory_size": 1024, "runtime": "python3.13"}
made = compile_with("version 1", **one, environment={"Variables": {"CHANNEL": "test"}})
first = settings()
updated = compile_with("version 2", **two, environment={"Variables": {"CHANNEL": "live"}})
has = settings()
given = dict(zip(has, ("version 2", *map(str, two.values()), "CHANNEL=live"), strict=True))
print(f"calls of definition(), when the function is not there     {made}")
print(f"calls of definition(), when it is                         {updated}")
print(f"{'':12} {'first':14} {'given then':14} has")
for name in has:
    print(f"{name:12} {first[name]:14} {given[name]:14} {has[name]}")
if (made, updated) != ("CreateFunction", "CreateFunction (refused), UpdateFunctionCode") or has != {
    **first,
    "Code": "version 2",
}:
    sys.exit("The behaviour has changed.")
PYTHON
