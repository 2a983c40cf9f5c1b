#!/usr/bin/env bash
# Library:  Airflow's Amazon provider 9.39.0 (apache-airflow 3.3.2).
# Guess:    SageMakerStartPipelineOperator(wait_for_completion=True) and SageMakerPipelineSensor succeed when the execution
#           did; an execution that somebody stopped fails the task, as a training job that was stopped does; and the sensor
#           says why an execution failed, as its documentation has it ("raise AirflowException with the failure reason").
# Found:    What is neither "Executing", "Stopping" nor "Failed" is a success: tasks after a pipeline that was stopped, and
#           has made no model, run. (The same was reported, and mended, of trainings and of processing jobs.) Of a failed
#           execution the sensor says "Unknown", though the answer has its FailureReason.
# Output:   operator, Stopped:  succeeds
#           operator, Failed:   AirflowException: SageMaker resource failed because Step Train failed
#           sensor, Stopped:    succeeds
#           sensor, Failed:     AirflowException: Sagemaker pipeline failed for the following reason: Unknown
#           failures, says the same hook of trainings: ['Failed', 'Stopped']
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    apache-airflow==3.3.2 apache-airflow-providers-amazon==9.39.0 botocore==1.44.8
cd "$work"
export AIRFLOW_HOME="$work/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__LOGGING__LOGGING_LEVEL=CRITICAL
export AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_EC2_METADATA_DISABLED=true
"$work/venv/bin/python" -m airflow db migrate >/dev/null 2>&1
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import structlog
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerStartPipelineOperator
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerPipelineSensor
from botocore.session import get_session
from botocore.stub import Stubber

# Only what is printed below; a task outside of a run warns.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/nightly/execution/abcdefghijkl"


def stubbed(*answers):
    """A client of SageMaker that gives these answers, which fit the service's model, in order."""
    client = get_session().create_client("sagemaker")
    stub = Stubber(client)
    for operation, answer in answers:
        stub.add_response(operation, {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}})
    stub.activate()
    return client


def described(status):
    more = {"FailureReason": "Step Train failed"} if status == "Failed" else {}
    return "describe_pipeline_execution", {"PipelineExecutionStatus": status, **more}


def ended(task, client):
    """How the task ends with such a client."""
    task.hook.conn = client
    try:
        task.execute({}) if isinstance(task, SageMakerStartPipelineOperator) else task.poke({})
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "succeeds"


seen = {}
for status in ("Stopped", "Failed"):
    operator = SageMakerStartPipelineOperator(
        task_id="start", pipeline_name="nightly", wait_for_completion=True, check_interval=0, verbose=False
    )
    started = "start_pipeline_execution", {"PipelineExecutionArn": ARN}
    seen["operator", status] = ended(operator, stubbed(started, described(status)))
    sensor = SageMakerPipelineSensor(task_id="wait", pipeline_exec_arn=ARN, verbose=False)
    seen["sensor", status] = ended(sensor, stubbed(described(status)))
for who in ("operator", "sensor"):
    for status in ("Stopped", "Failed"):
        print(f"{who + ', ' + status + ':':20}{seen[who, status]}")
trainings = sorted(SageMakerHook.training_failed_states)
print("failures, says the same hook of trainings:", trainings)
right = {
    ("operator", "Stopped"): "succeeds",
    ("operator", "Failed"): "AirflowException: SageMaker resource failed because Step Train failed",
    ("sensor", "Stopped"): "succeeds",
    ("sensor", "Failed"): "AirflowException: Sagemaker pipeline failed for the following reason: Unknown",
}
if seen != right or trainings != ["Failed", "Stopped"]:
    sys.exit("The behaviour has changed.")
PYTHON
