#!/usr/bin/env bash
# Library:  SageMaker SDK v3 (sagemaker-mlops 1.27.0, of sagemaker 3.27.0), Pipeline.upsert, against moto 5.2.5.
# Guess:    upsert(tags=TAGS) gives the pipeline these tags and keeps the ones it has; TAGS, a constant of the module that all
#           pipelines are tagged with, stays as it is.
# Found:    Where the pipeline is there already its old tags are appended to the caller's list. The next pipeline that is
#           upserted with the same list gets them: the first one's owner, cost centre, or what access goes by. With tags given
#           as a dict nothing travels.
# Output:   TAGS before        team=vision
#           TAGS after         team=vision owner=alice
#           second, a list     team=vision owner=alice
#           second, a dict     team=vision
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


def told(tags):
    return " ".join(f"{tag['Key']}={tag['Value']}" for tag in tags)


def tagged(tags):
    """What the caller's tags are in the end, and the tags of the second of two pipelines that were upserted with them."""
    with mock_aws():
        from sagemaker.core.helper.session_helper import Session
        from sagemaker.mlops.workflow.fail_step import FailStep
        from sagemaker.mlops.workflow.pipeline import Pipeline

        role = boto3.client("iam").create_role(
            RoleName="SageMakerRole",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]}),
        )["Role"]["Arn"]
        session = Session(sagemaker_config=QUIET)
        first, second = (Pipeline(name=name, steps=[FailStep("Step")], sagemaker_session=session) for name in ("a", "b"))
        first.create(role, tags=[{"Key": "owner", "Value": "alice"}])
        first.upsert(role, tags=tags)
        second.upsert(role, tags=tags)
        client = boto3.client("sagemaker")
        arn = client.describe_pipeline(PipelineName="b")["PipelineArn"]
        return tags, told(client.list_tags(ResourceArn=arn)["Tags"])


TAGS = [{"Key": "team", "Value": "vision"}]
before = told(TAGS)
after, of_list = tagged(TAGS)
_, of_dict = tagged({"team": "vision"})
seen = [before, told(after), of_list, of_dict]
for title, tags in zip(("TAGS before", "TAGS after", "second, a list", "second, a dict"), seen, strict=True):
    print(f"{title:18} {tags}")
both = "team=vision owner=alice"
if seen != ["team=vision", both, both, "team=vision"]:
    sys.exit("The behaviour has changed.")
PYTHON
