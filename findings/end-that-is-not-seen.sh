#!/usr/bin/env bash
# Library:  SageMaker SDK v3: sagemaker-mlops 1.27.0 and sagemaker-core 2.27.0 (of sagemaker 3.27.0), waiting for an execution.
# Guess:    execution.wait() returns, or raises, when the execution has ended, however it did: the service has the ends
#           Succeeded, Failed, Stopped and CompletedWithFailures, the last of which the SDK's own StepDependency leads to.
# Found:    Two of the four are ends. Of an execution that was stopped, or that completed with failures, wait() asks on, 60 times
#           by default, half an hour, and then raises what it raises of one that still runs; result() waits so, too.
#           wait_for_status("Succeeded") of sagemaker-core's PipelineExecution asks on for ever, as it has no time-out unless one
#           is given; the end CompletedWithFailures cannot be waited for at all.
#           Here a hook answers in the service's place, the same at each request.
# Output:   the execution is        wait(max_attempts=5)          wait_for_status("Succeeded", timeout=3)
#           Succeeded               1 request, returns            returns
#           Failed                  1 request, WaiterError        FailedStatusError
#           Stopped                 5 requests, WaiterError       TimeoutExceededError
#           CompletedWithFailures   5 requests, WaiterError       TimeoutExceededError
#           wait_for_status("CompletedWithFailures"): ValidationError
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
import logging
import sys
from types import SimpleNamespace

import boto3

logging.disable(logging.CRITICAL)
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import PipelineExecution as Resource
from sagemaker.mlops.workflow.pipeline import PipelineExecution

QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abcdefghijkl"
asked = []
boto = boto3.Session()


def answer(model, **_):
    """Answer in the service's place."""
    asked.append(model.name)
    return SimpleNamespace(status_code=200), {"PipelineExecutionArn": ARN, "PipelineExecutionStatus": status}


def end_of(wait):
    """How the waiting ends."""
    try:
        wait()
    except Exception as error:
        return type(error).__name__
    return "returns"


boto.events.register("before-call.sagemaker.DescribePipelineExecution", answer)
execution = PipelineExecution(ARN, Session(boto_session=boto, sagemaker_config=QUIET))
seen = {}
print(f"{'the execution is':23} {'wait(max_attempts=5)':29} wait_for_status(\"Succeeded\", timeout=3)")
for status in ("Succeeded", "Failed", "Stopped", "CompletedWithFailures"):
    asked.clear()
    of_sdk, requests = end_of(lambda: execution.wait(delay=0, max_attempts=5)), len(asked)
    resource = Resource.get(ARN, session=boto)
    of_core = end_of(lambda: resource.wait_for_status("Succeeded", poll=1, timeout=3))
    seen[status] = requests, of_sdk, of_core
    waited = f"{requests} request{'s' * (requests > 1)}, {of_sdk}"
    print(f"{status:23} {waited:29} {of_core}")
itself = end_of(lambda: resource.wait_for_status("CompletedWithFailures", poll=1, timeout=3))
print(f'wait_for_status("CompletedWithFailures"): {itself}')
never = 5, "WaiterError", "TimeoutExceededError"
ends = [(1, "returns", "returns"), (1, "WaiterError", "FailedStatusError")]
if [*seen.values(), itself] != [*ends, never, never, "ValidationError"]:
    sys.exit("The behaviour has changed.")
PYTHON
