#!/usr/bin/env bash
# Library:  SageMaker SDK v3 (sagemaker-mlops 1.27.0, of sagemaker 3.27.0), Pipeline.start and SelectiveExecutionConfig.
# Guess:    SelectiveExecutionConfig(selected_steps=["Evaluate"]), whose reference_latest_execution is True by default, runs the
#           step on what the latest execution left, at each start that it is given to.
# Found:    The first start writes the execution that was the latest then into the object, and every later start takes that one:
#           what was trained since is not what is evaluated, and another pipeline is sent an execution that is not its own.
#           Nothing is said. An object that is made for each start names the latest.
#           Here a hook answers in the service's place, with executions called run-1, run-2 and so on.
# Output:   start                         latest before       sent as the source
#           churn, Evaluate alone         churn/run-1         churn/run-1
#           churn, all steps              churn/run-2         none
#           churn, Evaluate alone again   churn/run-3         churn/run-1
#           churn, with a new object      churn/run-4         churn/run-4
#           fraud, Evaluate alone         fraud/run-1         churn/run-1
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
import json
import logging
import sys
from types import SimpleNamespace

import boto3

logging.disable(logging.CRITICAL)
from sagemaker.core.helper.session_helper import Session
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.selective_execution_config import SelectiveExecutionConfig

QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
executions = {"churn": ["run-1"], "fraud": ["run-1"]}
sources = []


def arn(pipeline, execution):
    return f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{pipeline}/execution/{execution}"


def answer(model, params, **_):
    """Answer in the service's place; the list begins with the latest, as it is asked to."""
    request = json.loads(params["body"])
    name = request["PipelineName"]
    there = executions[name]
    if model.name == "ListPipelineExecutions":
        listed = [{"PipelineExecutionArn": arn(name, each)} for each in there[::-1]]
        return SimpleNamespace(status_code=200), {"PipelineExecutionSummaries": listed[: request["MaxResults"]]}
    sources.append(request.get("SelectiveExecutionConfig", {}).get("SourcePipelineExecutionArn"))
    there.append(f"run-{len(there) + 1}")
    return SimpleNamespace(status_code=200), {"PipelineExecutionArn": arn(name, there[-1])}


def start(title, name, selection):
    """Start, and show which execution is named."""
    latest = f"{name}/{executions[name][-1]}"
    Pipeline(name, sagemaker_session=session).start(selective_execution_config=selection)
    source = sources[-1].partition(":pipeline/")[2].replace("/execution", "") if sources[-1] else "none"
    print(f"{f'{name}, {title}':29} {latest:19} {source}")
    return source


boto = boto3.Session()
boto.events.register("before-call.sagemaker", answer)
session = Session(boto_session=boto, sagemaker_config=QUIET)
kept = SelectiveExecutionConfig(selected_steps=["Evaluate"])
print(f"{'start':29} {'latest before':19} sent as the source")
seen = [
    start("Evaluate alone", "churn", kept),
    start("all steps", "churn", None),
    start("Evaluate alone again", "churn", kept),
    start("with a new object", "churn", SelectiveExecutionConfig(selected_steps=["Evaluate"])),
    start("Evaluate alone", "fraud", kept),
]
if seen != ["churn/run-1", "none", "churn/run-1", "churn/run-4", "churn/run-1"]:
    sys.exit("The behaviour has changed.")
PYTHON
