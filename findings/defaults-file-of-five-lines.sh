#!/usr/bin/env bash
# Library:  SageMaker SDK v3 (sagemaker 3.27.0: sagemaker-core 2.27.0, sagemaker-mlops 1.27.0), jsonschema 4.26.0 below it.
# Guess:    A file of defaults, which is also the only way to turn telemetry off, is read and checked once in a session. A
#           pipeline takes as long to compile with it as without.
# Found:    Every look at a default, and a step takes some twenty, checks the whole file against the schema of all that there could
#           be, and before that the schema itself, a thousand lines of JSON, against the schema of schemas. With five lines that say nothing
#           but "no telemetry" a pipeline takes several times as long to compile; without a file nothing is checked. If the schema is taken
#           for right the definition is the same, in the time that it takes without the file. moto 5.2.5 stands for S3.
# Output:   20 steps                             checks of the schema   CPU, of that without a file
#           without a file                                          0                           1.0
#           telemetry turned off                                  423                           5.3
#           the same, schema taken for right                        0                           1.0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check sagemaker-core==2.27.0 sagemaker-mlops==1.27.0 \
    sagemaker-train==1.27.0 sagemaker-serve==1.27.0 sagemaker==3.27.0 jsonschema==4.26.0 "moto[s3]==5.2.5"
cd "$work"
cat >off.yaml <<'YAML'
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
YAML
echo "print()" >clean.py
export HOME="$work" AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_EC2_METADATA_DISABLED=true
"$work/venv/bin/python" -W ignore - 2>"$work/log" <<'PYTHON' || { tail -n 5 "$work/log" >&2; exit 1; }
import logging
import os
import sys
import time

import boto3
import jsonschema
from moto import mock_aws
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep

logging.disable(logging.CRITICAL)
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
STEPS = 20
KIND = jsonschema.Draft202012Validator
check, checks = KIND.check_schema, []


def counted(schema, **more):
    checks.append(len(str(schema)))
    return check(schema, **more)


def compiled():
    session = PipelineSession(boto_session=boto3.Session(), default_bucket="bucket")
    steps = []
    for number in range(STEPS):
        processor = ScriptProcessor(
            role=ROLE, image_uri="image", command=["python3"], instance_count=1, instance_type="ml.m5.large",
            sagemaker_session=session,
        )
        steps.append(ProcessingStep(name=f"Clean{number}", step_args=processor.run(code="clean.py")))
    return Pipeline(name="cleaning", steps=steps, sagemaker_session=session).definition()


def measured(file, checking):
    """How often the schema is checked, the seconds of CPU, and the definition."""
    os.environ.pop("SAGEMAKER_USER_CONFIG_OVERRIDE", None)
    if file:
        os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = file
    KIND.check_schema = checking
    checks.clear()
    began = time.process_time()
    definition = compiled()
    return len(checks), time.process_time() - began, definition


with mock_aws():
    boto3.client("s3").create_bucket(Bucket="bucket")
    compiled()
    seen = {
        "without a file": measured(None, counted),
        "telemetry turned off": measured("off.yaml", counted),
        "the same, schema taken for right": measured("off.yaml", lambda schema, **more: None),
    }
(none, plain, _), (many, slow, definition), (_, trusting, same) = seen.values()
print(f"{f'{STEPS} steps':36} {'checks of the schema':>20}   CPU, of that without a file")
for title, (count, seconds, _) in seen.items():
    print(f"{title:36} {count:20}   {seconds / plain:27.1f}")
if none or many < 10 * STEPS or slow < 3 * plain or trusting > 2 * plain or definition != same:
    sys.exit(f"The behaviour has changed: {none}, {many}, {plain:.1f} s, {slow:.1f} s, {trusting:.1f} s")
PYTHON
