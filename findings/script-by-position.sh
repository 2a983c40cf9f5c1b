#!/usr/bin/env bash
# Library:  SageMaker SDK v3: sagemaker-mlops 1.27.0 and sagemaker-core 2.27.0 (of sagemaker 3.27.0), against moto 5.2.5.
# Guess:    A ScriptProcessor's local script is uploaded under a hash of what it holds, so that a pipeline that is compiled again
#           says the same and cached steps are reused; how the script is handed over does not matter.
# Found:    It matters twice. run("evaluate.py") is uploaded under a name with the time in it, and no cached step is ever found
#           again; only with the keyword, run(code="evaluate.py"), is there a hash. And the hash is of the path as it is written,
#           too: "evaluate.py", "./evaluate.py" and the absolute path of one file are three, so that a checkout in another
#           folder, such as a build server's, reuses nothing where scripts are named by __file__.
# Output:   run('evaluate.py'), twice                  two addresses, with the time
#           run(code='evaluate.py'), twice             one address, with a hash
#           code='./evaluate.py'                       another hash
#           code='/…/evaluate.py', in two checkouts    two hashes
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    sagemaker-core==2.27.0 graphene==3.4.3 docker==7.2.0 tqdm==4.70.1 psutil==7.2.2 'moto[s3]==5.2.5'
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps \
    sagemaker-mlops==1.27.0 sagemaker-train==1.27.0 sagemaker-serve==1.27.0
mkdir "$work/one" "$work/two"
echo 'print("evaluated")' | tee "$work/one/evaluate.py" >"$work/two/evaluate.py"
cd "$work/one"
AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none SAGEMAKER_VALIDATE_ROLE=false \
    "$work/venv/bin/python" -W ignore - <<'PYTHON'
import json
import logging
import os
import sys

import boto3
from moto import mock_aws

logging.disable(logging.CRITICAL)
QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}

with mock_aws():
    from sagemaker.core.processing import ScriptProcessor
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.steps import ProcessingStep

    boto3.client("s3").create_bucket(Bucket="bkt-one")
    session = PipelineSession(default_bucket="bkt-one", sagemaker_config=QUIET)

    def address(*script, **named):
        """Where a pipeline whose one step runs the script has it, without the bucket."""
        processor = ScriptProcessor(
            image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/evaluator:1", command=["python3"],
            role="arn:aws:iam::123456789012:role/sagemaker", instance_count=1, instance_type="ml.m5.large",
            sagemaker_session=session,
        )
        step = ProcessingStep(name="Evaluate", step_args=processor.run(*script, **named))
        definition = Pipeline(name="nightly", steps=[step], sagemaker_session=session).definition()
        (code,) = json.loads(definition)["Steps"][0]["Arguments"]["ProcessingInputs"]
        return code["S3Input"]["S3Uri"].removeprefix("s3://bkt-one/")

    position = [address("evaluate.py"), address("evaluate.py")]
    keyword = [address(code="evaluate.py"), address(code="evaluate.py")]
    dotted = address(code="./evaluate.py")
    checkouts = [address(code=os.path.abspath(f"../{checkout}/evaluate.py")) for checkout in ("one", "two")]
for title, found in (
    ("run('evaluate.py'), twice", position),
    ("run(code='evaluate.py'), twice", keyword),
    ("code='./evaluate.py'", [dotted]),
    ("code='/…/evaluate.py', in two checkouts", checkouts),
):
    print(f"{title:42} {found[0]}", *(f"{'':42} {other}" for other in found[1:]), sep="\n")
hashed = [keyword[0], dotted, *checkouts]
if not (
    all(name.startswith("evaluator-20") for name in position)
    and position[0] != position[1]
    and keyword[0] == keyword[1]
    and all(name.startswith("nightly/code/") for name in hashed)
    and len(set(hashed)) == 4
):
    sys.exit("The behaviour has changed.")
PYTHON
