#!/usr/bin/env bash
# Library:  SageMaker SDK v3 (sagemaker-mlops 1.27.0, of sagemaker 3.27.0), LambdaOutput; CallbackOutput is written alike.
# Guess:    A LambdaOutput that is given to a later step stands for that output of the step that it was given to, as the step's
#           properties.Outputs[name] does; the later step waits for it; where the steps stand makes no difference.
# Found:    Outputs are looked up by their name alone. With two Lambda steps that both have an output "status" the first one's
#           object compiles to the last one's value, without a word. Within a ConditionStep the lookup fails with a KeyError
#           that says only the name, although properties.Outputs[name] works in both places.
# Output:   first's LambdaOutput            {'Get': "Steps.Second.OutputParameters['status']"}
#           first's properties.Outputs      {'Get': "Steps.First.OutputParameters['status']"}
#           in a branch, LambdaOutput       KeyError: 'status'
#           in a branch, properties         {'Get': "Steps.First.OutputParameters['status']"}
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
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaStep
from sagemaker.mlops.workflow.pipeline import Pipeline

QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
session = Session(sagemaker_config=QUIET)


def calls(name, inputs=None, outputs=()):
    """A step that calls a function that is there already."""
    function = Lambda(function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}", session=session)
    return LambdaStep(name, lambda_func=function, inputs=inputs, outputs=list(outputs))


def compiled(*steps):
    """The steps of the definition, or the error."""
    try:
        return json.loads(Pipeline(name="two", steps=list(steps), sagemaker_session=session).definition())["Steps"]
    except KeyError as error:
        return f"KeyError: {error}"


of_first = LambdaOutput("status")
first, second = calls("First", outputs=[of_first]), calls("Second", outputs=[LambdaOutput("status")])
by_name = first.properties.Outputs["status"]
report = calls("Report", {"output": of_first, "property": by_name})
seen = [*compiled(first, second, report)[-1]["Arguments"].values()]


def in_a_branch(value):
    return compiled(ConditionStep("If", conditions=[ConditionEquals(1, 1)], if_steps=[first, calls("Tell", {"it": value})]))


seen.append(in_a_branch(of_first))
seen.append(in_a_branch(by_name)[0]["Arguments"]["IfSteps"][1]["Arguments"]["it"])
titles = "first's LambdaOutput", "first's properties.Outputs", "in a branch, LambdaOutput", "in a branch, properties"
for title, value in zip(titles, seen, strict=True):
    print(f"{title:31} {value}")
right, wrong = ({"Get": f"Steps.{step}.OutputParameters['status']"} for step in ("First", "Second"))
if seen != [wrong, right, "KeyError: 'status'", right]:
    sys.exit("The behaviour has changed.")
PYTHON
