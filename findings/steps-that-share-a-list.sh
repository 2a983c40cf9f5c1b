#!/usr/bin/env bash
# Library:  SageMaker Python SDK v3: sagemaker-mlops 1.27.0 and sagemaker-core 2.27.0 (of sagemaker 3.27.0).
# Guess:    add_depends_on() changes the step that it is called on.
# Found:    A step keeps the very list that it was given as depends_on. Steps that were made with one list, as in
#           "after = [prepare]; steps = [Train(depends_on=after), …]", all get what is added to one of them, also those that are
#           made later, and a step that should wait for its sibling waits for itself. The SDK compiles it, and says nothing:
#           its check for cycles is made when a graph is asked for.
# Output:   Report  ['Prepare', 'Report']
#           Notify  ['Prepare', 'Report']
#           Archive ['Prepare', 'Report']
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    sagemaker-core==2.27.0 graphene==3.4.3 docker==7.2.0 tqdm==4.70.1 psutil==7.2.2
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps \
    sagemaker-mlops==1.27.0 sagemaker-train==1.27.0 sagemaker-serve==1.27.0
cd "$work"
AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none \
    "$work/venv/bin/python" -W ignore - <<'PYTHON'
import json
import sys

from sagemaker.core.helper.session_helper import Session
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline

QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
prepare = FailStep("Prepare", error_message="stands for any step")
after = [prepare]
report = FailStep("Report", depends_on=after)
notify = FailStep("Notify", depends_on=after)
notify.add_depends_on([report])  # only Notify is to wait for Report
archive = FailStep("Archive", depends_on=after)
session = Session(sagemaker_config=QUIET)
pipeline = Pipeline(name="shared", steps=[prepare, report, notify, archive], sagemaker_session=session)
seen = {step["Name"]: step.get("DependsOn") for step in json.loads(pipeline.definition())["Steps"]}
for name in ("Report", "Notify", "Archive"):
    print(f"{name:7} {seen[name]}")
if any(seen[name] != ["Prepare", "Report"] for name in ("Report", "Notify", "Archive")):
    sys.exit("The behaviour has changed.")
PYTHON
