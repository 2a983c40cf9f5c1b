#!/usr/bin/env bash
# Library:  SageMaker Python SDK v3: sagemaker-mlops 1.27.0 and sagemaker-core 2.27.0 (of sagemaker 3.27.0).
# Guess:    An Enum is looked up by its value, as for any Enum: a retry policy that is read from a settings file as
#           "SageMaker.CAPACITY_ERROR" becomes CAPACITY_ERROR, and an unknown text raises ValueError.
# Found:    The call gives the first member, whatever it is asked for, and also for what does not exist: a policy that was
#           written for capacity retries internal errors. Indexing by name works. (The same was reported, and mended by
#           leaving the metaclass out, for the types of steps.)
# Output:   'SageMaker.CAPACITY_ERROR'  ->  SageMaker.JOB_INTERNAL_ERROR
#           'Step.THROTTLING'           ->  Step.SERVICE_FAULT
#           'Float'                     ->  String
#           'LessThan'                  ->  Equals
#           'no such type'              ->  SageMaker.JOB_INTERNAL_ERROR
#           ['CAPACITY_ERROR']          ->  SageMaker.CAPACITY_ERROR
#           the policy retries ['SageMaker.JOB_INTERNAL_ERROR']
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    sagemaker-core==2.27.0 graphene==3.4.3 docker==7.2.0 tqdm==4.70.1 psutil==7.2.2
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps \
    sagemaker-mlops==1.27.0 sagemaker-train==1.27.0 sagemaker-serve==1.27.0
cd "$work"
AWS_DEFAULT_REGION=us-east-1 "$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from sagemaker.core.workflow.conditions import ConditionTypeEnum
from sagemaker.core.workflow.parameters import ParameterTypeEnum
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
)

seen = []
for kind, value in (
    (SageMakerJobExceptionTypeEnum, "SageMaker.CAPACITY_ERROR"),
    (StepExceptionTypeEnum, "Step.THROTTLING"),
    (ParameterTypeEnum, "Float"),
    (ConditionTypeEnum, "LessThan"),
    (SageMakerJobExceptionTypeEnum, "no such type"),
):
    seen.append(kind(value).value)
    print(f"{value!r:27} ->  {seen[-1]}")
by_name = SageMakerJobExceptionTypeEnum["CAPACITY_ERROR"].value
print(f"{'[' + repr('CAPACITY_ERROR') + ']':27} ->  {by_name}")
policy = SageMakerJobStepRetryPolicy(
    exception_types=[SageMakerJobExceptionTypeEnum("SageMaker.CAPACITY_ERROR")], max_attempts=3
)
retried = policy.to_request()["ExceptionType"]
print("the policy retries", retried)
internal = "SageMaker.JOB_INTERNAL_ERROR"
if seen != [internal, "Step.SERVICE_FAULT", "String", "Equals", internal] or retried != [internal]:
    sys.exit("The behaviour has changed.")
PYTHON
