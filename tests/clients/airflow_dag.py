"""Somebody's DAG: starts a pipeline of SageMaker's, waits for its end, trains once more; run by dag.test()."""

from __future__ import annotations

import json
import os
from datetime import datetime

from airflow.providers.amazon.aws.operators.sagemaker import (  # type: ignore[import-not-found]
    SageMakerStartPipelineOperator,
    SageMakerTrainingOperator,
)
from airflow.providers.amazon.aws.sensors.sagemaker import (  # type: ignore[import-not-found]
    SageMakerPipelineSensor,
)
from airflow.sdk import DAG  # type: ignore[import-not-found]

ROLE, BUCKET = os.environ["ROLE"], os.environ["BUCKET"]
TRAINING = {
    "TrainingJobName": "airflow-training",
    "AlgorithmSpecification": {
        "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/houses:1",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["sh", "-c"],
        "ContainerArguments": [
            "for n in 1 2 3; do echo line $n of the training; done; echo x > /opt/ml/model/x"
        ],
    },
    "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/airflow"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    "RoleArn": ROLE,
}

with DAG("sagemaker", start_date=datetime(2026, 1, 1), schedule=None) as dag:
    start = SageMakerStartPipelineOperator(
        task_id="start", pipeline_name="Nightly", pipeline_params={"Word": "spoken"}
    )
    wait = SageMakerPipelineSensor(task_id="wait", pipeline_exec_arn=start.output, poke_interval=1)
    train = SageMakerTrainingOperator(task_id="train", config=TRAINING, print_log=True, check_interval=1)
    start >> wait >> train

if __name__ == "__main__":
    run = dag.test()
    states = {each.task_id: str(each.state) for each in run.get_task_instances()}
    print("\n" + json.dumps({"dag": str(run.state), "tasks": states}))
