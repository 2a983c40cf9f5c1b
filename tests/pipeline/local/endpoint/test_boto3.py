"""What boto3 itself brings for the operations that are answered: every paginator and every waiter of its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.waiter import WaiterModel

from pipeline.local.local_sagemaker import LocalSageMaker
from tests.pipeline.local.endpoint.conftest import (
    BUCKET,
    QUICKLY,
    ROLE,
    User,
    definition,
    fail_step,
    shell_step,
    until,
)

RESOURCES = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}


def training(script: str) -> dict[str, Any]:
    """What CreateTrainingJob wants beside a name."""
    return {
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c"],
            "ContainerArguments": [script],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/boto3"},
        "ResourceConfig": RESOURCES,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "RoleArn": ROLE,
    }


@pytest.fixture
def much(user: User) -> dict[str, Mapping[str, Any]]:
    """At least two of everything that lists have; what the requests for those must say."""
    sagemaker = user.sagemaker
    steps = [
        shell_step("First", "true"),
        shell_step("Second", "true"),
        *({"Name": name, "Type": "Training", "Arguments": training("true")} for name in ("Third", "Fourth")),
        fail_step(),
    ]
    parameters = tuple({"Name": name, "Type": "String", "DefaultValue": "x"} for name in ("A", "B", "C"))
    name = user.create(*steps, parameters=parameters, Tags=[{"Key": key, "Value": "v"} for key in "abc"])
    sagemaker.update_pipeline(
        PipelineName=name, PipelineDefinition=definition(*steps[1:], parameters=parameters)
    )
    sagemaker.create_pipeline(
        PipelineName=f"{name}-2", PipelineDefinition=definition(fail_step()), RoleArn=ROLE
    )
    arn = user.start()
    user.end(arn)
    user.end(user.start(PipelineParameters=[{"Name": "A", "Value": "y"}]))
    for other in ("one", "other"):
        made = f"{name[-40:]}-{other}".strip("-")
        container = {"Image": "image", "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
        user.server.client("s3").put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"model")
        sagemaker.create_model(ModelName=made, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        sagemaker.create_model_package_group(ModelPackageGroupName=made)
        for _ in range(2):
            sagemaker.create_model_package(
                ModelPackageGroupName=made,
                InferenceSpecification={
                    "Containers": [container],
                    "SupportedContentTypes": ["text/csv"],
                    "SupportedResponseMIMETypes": ["text/csv"],
                },
            )
    of_pipeline, of_execution = {"PipelineName": name}, {"PipelineExecutionArn": arn}
    return {
        "ListPipelineExecutions": of_pipeline,
        "ListPipelineVersions": of_pipeline,
        "ListPipelineExecutionSteps": of_execution,
        "ListPipelineParametersForExecution": of_execution,
        "ListModelPackages": {"ModelPackageGroupName": made},
        "ListTags": {"ResourceArn": arn.partition("/execution/")[0]},
        "DescribeLogStreams": {"logGroupName": "/aws/sagemaker/ProcessingJobs"},
        "FilterLogEvents": {"logGroupName": "/aws/sagemaker/ProcessingJobs"},
        "SimulatePrincipalPolicy": {"PolicySourceArn": ROLE, "ActionNames": ["s3:GetObject", "s3:PutObject"]},
    }


# Two of these would take more than a test of lists is worth.
MAY_BE_SHORT = {"ListTransformJobs", "ListHyperParameterTuningJobs", "ListAccountAliases"}


def test_every_paginator_gives_page_by_page_what_one_request_gives(
    server: LocalSageMaker, much: dict[str, Mapping[str, Any]]
) -> None:
    lengths = {}
    clients = {service: server.client(service) for service in {service for service, _ in server.operations}}
    for service, name in sorted(server.operations):
        client, method, wanted = clients[service], xform_name(name), much.get(name, {})
        shape = client.meta.service_model.operation_model(name).input_shape
        if not client.can_paginate(method) or not {*shape.required_members} <= {*wanted}:
            continue
        paginator = client.get_paginator(method)
        key = paginator.result_keys[0]  # FilterLogEvents has another list, which the service leaves empty
        limit = Loader().load_service_model(service, "paginators-1")["pagination"][name]["limit_key"]
        least = shape.members[limit].metadata.get("min", 0)  # ListTags gives at least fifty.
        sizes = max(1, least), 50

        def both(paginator=paginator, wanted=wanted, key=key, sizes=sizes) -> list[list[Any]]:
            return [
                list(paginator.paginate(**wanted, PaginationConfig={"PageSize": size}).search(key.expression))
                for size in sizes
            ]

        # What an earlier test has left may change its status between the two.
        in_ones, _ = until(both, lambda said: said[0] == said[1])
        lengths[name] = len(in_ones)
    listed = {
        "ListPipelines",
        "ListModels",
        "ListModelPackageGroups",
        "ListProcessingJobs",
        "ListTrainingJobs",
    }
    listed |= {*much, "DescribeLogGroups"}
    assert {*lengths} >= listed | MAY_BE_SHORT
    assert {name: length for name, length in lengths.items() if name in listed and length < 2} == {}


def waiters(server: LocalSageMaker) -> set[str]:
    """The waiters of botocore's model that ask for operations that are answered."""
    found = set()
    for service in {service for service, _ in server.operations}:
        names = {name for of, name in server.operations if of == service}
        try:
            model = WaiterModel(Loader().load_service_model(service, "waiters-2"))
        except UnknownServiceError:  # It has none.
            continue
        found |= {name for name in model.waiter_names if model.get_waiter(name).operation in names}
    return found


def test_every_waiter_ends_when_what_it_waits_for_has(server: LocalSageMaker, user: User) -> None:
    name, sagemaker = user.name[-60:].strip("-"), user.sagemaker
    processing = shell_step("x", "sleep 60")["Arguments"]
    sagemaker.create_processing_job(ProcessingJobName=name, **processing)
    sagemaker.stop_processing_job(ProcessingJobName=name)
    sagemaker.create_training_job(TrainingJobName=name, **training("sleep 60"))
    sagemaker.stop_training_job(TrainingJobName=name)
    for kind in ("processing", "training"):
        waiter = sagemaker.get_waiter(f"{kind}_job_completed_or_stopped")
        waiter.wait(**{f"{kind.capitalize()}JobName": name}, WaiterConfig=QUICKLY)
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped"
    server.client("iam").get_waiter("role_exists").wait(RoleName="Anybody", WaiterConfig=QUICKLY)
    # That of transform jobs, and those of endpoints, have tests where their jobs and endpoints are made.
    others = {"TransformJobCompletedOrStopped", "EndpointInService", "EndpointDeleted"}
    tried = {"ProcessingJobCompletedOrStopped", "TrainingJobCompletedOrStopped", "RoleExists"}
    assert tried <= waiters(server) <= tried | others
