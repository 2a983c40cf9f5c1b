#!/usr/bin/env bash
# Library:  SageMaker Python SDK v3: sagemaker-mlops 1.27.0 and sagemaker-core 2.27.0 (of sagemaker 3.27.0), against
#           moto 5.2.5.
# Guess:    put_triggers([nightly, hourly]) makes two schedules, as it takes a list; and one PipelineSchedule can be given
#           to two pipelines.
# Found:    A schedule without a name gets its pipeline's, and an existing schedule of that name is updated: of two
#           schedules the last one remains. The name is written into the object: given to a second pipeline, it takes the first
#           pipeline's schedule over, which then starts the second one only. Each call says that it succeeded.
# Output:   two schedules of one pipeline: [('daily', 'pipeline/daily', 'cron(0 * * * ? *)')]
#           one schedule, two pipelines:   [('first', 'pipeline/second', 'rate(1 day)')]
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


def schedules(scheduler):
    """Name, target and expression of each schedule; all are removed."""
    found = []
    for each in scheduler.list_schedules()["Schedules"]:
        schedule = scheduler.get_schedule(Name=each["Name"])
        target = schedule["Target"]["Arn"].rsplit(":", 1)[1]
        found.append((each["Name"], target, schedule["ScheduleExpression"]))
        scheduler.delete_schedule(Name=each["Name"])
    return found


with mock_aws():
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.triggers import PipelineSchedule

    role = boto3.client("iam").create_role(
        RoleName="SageMakerRole", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    )["Role"]["Arn"]
    scheduler = boto3.client("scheduler")
    session = Session(sagemaker_config=QUIET)
    daily, first, second = (
        Pipeline(name=name, steps=[FailStep("Step")], sagemaker_session=session) for name in ("daily", "first", "second")
    )
    for pipeline in (daily, first, second):
        pipeline.create(role)

    daily.put_triggers([PipelineSchedule(rate=(1, "day")), PipelineSchedule(cron="0 * * * ? *")], role_arn=role)
    two = schedules(scheduler)
    print("two schedules of one pipeline:", two)

    shared = PipelineSchedule(rate=(1, "day"))
    first.put_triggers([shared], role_arn=role)
    second.put_triggers([shared], role_arn=role)
    one = schedules(scheduler)
    print("one schedule, two pipelines:  ", one)
if two != [("daily", "pipeline/daily", "cron(0 * * * ? *)")] or one != [("first", "pipeline/second", "rate(1 day)")]:
    sys.exit("The behaviour has changed.")
PYTHON
