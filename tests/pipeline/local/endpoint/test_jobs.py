"""Jobs, of pipelines and by themselves, their logs, models, and the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.pipeline.local.endpoint.conftest import BUCKET, QUICKLY, ROLE, User, shell_step, until

PROCESSING = "/aws/sagemaker/ProcessingJobs"


def events(user: User, group: str, job: str, **more: Any) -> list[str]:
    """What the only log stream of a job says."""
    (stream,) = user.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")[
        "logStreams"
    ]
    said = user.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], **more)
    return [event["message"] for event in said["events"]]


def processing(user: User, script: str, **more: Any) -> str:
    """Start a processing job by itself; returns its name, the user's own."""
    arguments = shell_step("x", script)["Arguments"]
    user.sagemaker.create_processing_job(ProcessingJobName=user.name[-63:].strip("-"), **arguments, **more)
    return user.name[-63:].strip("-")


def test_a_failed_attempt_and_its_last_are_jobs_of_their_own(user: User) -> None:
    policy = {"ExceptionType": ["Step.SERVICE_FAULT", "SageMaker.JOB_INTERNAL_ERROR"], "MaxAttempts": 2}
    script = "f=/var/tmp/{}; echo attempt; test -e $f || {{ touch $f; kill -9 $$; }}; rm $f"
    user.create(
        shell_step("Flaky", script.format(user.name), RetryPolicies=[policy | {"IntervalSeconds": 1}])
    )
    arn = user.start()
    user.end(arn)
    step = user.steps(arn)["Flaky"]
    execution_id = arn.rpartition("/")[2]
    listed = user.sagemaker.list_processing_jobs(NameContains=execution_id, SortOrder="Ascending")
    jobs = [each["ProcessingJobName"] for each in listed["ProcessingJobSummaries"]]
    assert len(jobs) == step["AttemptCount"]
    described = [user.sagemaker.describe_processing_job(ProcessingJobName=job) for job in jobs]
    assert described[0]["ProcessingJobStatus"] == "Failed"
    assert described[0]["FailureReason"]
    assert step["Metadata"]["ProcessingJob"]["Arn"] == described[-1]["ProcessingJobArn"]
    for job in jobs:
        said = events(user, PROCESSING, job, startFromHead=True)
        assert said[0].startswith(f"[local] processing job {job} on ")
        assert said.count("attempt") == 1


def test_a_job_by_itself_runs_and_its_waiter_ends(user: User) -> None:
    output = {
        "S3Uri": f"s3://{BUCKET}/{user.name}",
        "LocalPath": "/opt/ml/processing/o",
        "S3UploadMode": "EndOfJob",
    }
    name = processing(
        user,
        "echo $WHO; echo made > /opt/ml/processing/o/file",
        Environment={"WHO": "me"},
        ProcessingOutputConfig={"Outputs": [{"OutputName": "o", "S3Output": output}]},
        Tags=[{"Key": "k", "Value": "v"}],
    )
    started = user.sagemaker.describe_processing_job(ProcessingJobName=name)
    assert started["ProcessingResources"]["ClusterConfig"]["InstanceType"] == "ml.m5.xlarge"
    user.sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName=name, WaiterConfig=QUICKLY
    )
    ended = user.sagemaker.describe_processing_job(ProcessingJobName=name)
    assert ended["ProcessingJobStatus"] == "Completed"
    assert ended["ProcessingJobArn"] == f"arn:aws:sagemaker:us-east-1:123456789012:processing-job/{name}"
    assert "me" in events(user, PROCESSING, name)
    assert user.sagemaker.list_tags(ResourceArn=ended["ProcessingJobArn"])["Tags"] == [
        {"Key": "k", "Value": "v"}
    ]
    body = user.server.client("s3").get_object(Bucket=BUCKET, Key=f"{user.name}/file")["Body"].read()
    assert body == b"made\n"
    with pytest.raises(user.sagemaker.exceptions.ResourceInUse, match="already exists"):
        processing(user, "true")
    assert name in [
        each["ProcessingJobName"]
        for each in user.sagemaker.list_processing_jobs(NameContains=name, StatusEquals="Completed")[
            "ProcessingJobSummaries"
        ]
    ]


def test_a_job_by_itself_fails_with_its_reason(user: User) -> None:
    name = processing(user, "echo because >&2; exit 3")
    waiter = user.sagemaker.get_waiter("processing_job_completed_or_stopped")
    with pytest.raises(WaiterError, match="terminal failure"):
        waiter.wait(ProcessingJobName=name, WaiterConfig=QUICKLY)
    reason = user.sagemaker.describe_processing_job(ProcessingJobName=name)["FailureReason"]
    assert "exit status 3" in reason or "status 3" in reason
    assert "because" in reason


def test_a_job_by_itself_is_stopped(user: User) -> None:
    name = processing(user, "echo asleep; sleep 60")
    user.sagemaker.stop_processing_job(ProcessingJobName=name)
    ended = until(
        lambda: user.sagemaker.describe_processing_job(ProcessingJobName=name),
        lambda said: said["ProcessingJobStatus"] not in ("InProgress", "Stopping"),
    )
    assert ended["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="Stopped"):
        user.sagemaker.stop_processing_job(ProcessingJobName=name)


def test_a_job_of_a_pipeline_is_stopped_and_the_rest_goes_on(user: User) -> None:
    mark = Path(f"/var/tmp/{user.name}")
    user.create(
        shell_step("Sleep", f"echo asleep; test -e {mark} || sleep 60"),
        shell_step("Next", "true", DependsOn=["Sleep"]),
        shell_step("Instead", "true", DependsOn=[{"Step": "Sleep", "Trigger": "Stopped"}]),
    )
    arn = user.start()
    step = until(lambda: user.steps(arn), lambda steps: "Metadata" in steps.get("Sleep", {}))["Sleep"]
    job = step["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    user.sagemaker.stop_processing_job(ProcessingJobName=job)
    assert user.steps(arn)["Sleep"]["StepStatus"] in ("Stopping", "Stopped")
    user.end(arn)
    steps = {name: each["StepStatus"] for name, each in user.steps(arn).items()}
    assert steps == {"Sleep": "Stopped", "Instead": "Succeeded"}
    assert user.sagemaker.describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match=f"{job} is in status Stopped"):
        user.sagemaker.stop_processing_job(ProcessingJobName=job)


def test_a_training_job_by_itself_leaves_a_model(user: User) -> None:
    name = user.name[-63:].strip("-")
    user.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c"],
            "ContainerArguments": ["echo loss=0.5; echo w > /opt/ml/model/w"],
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/{user.name}"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        RoleArn=ROLE,
    )
    user.sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=name, WaiterConfig=QUICKLY
    )
    said = user.sagemaker.describe_training_job(TrainingJobName=name)
    assert (said["TrainingJobStatus"], said["SecondaryStatus"]) == ("Completed", "Completed")
    assert (
        said["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/{user.name}/{name}/output/model.tar.gz"
    )
    assert [(each["MetricName"], each["Value"]) for each in said["FinalMetricDataList"]] == [("loss", 0.5)]
    assert [each["Status"] for each in said["SecondaryStatusTransitions"]] == ["Training", "Completed"]
    assert "loss=0.5" in events(user, "/aws/sagemaker/TrainingJobs", name)


def test_a_job_that_the_engine_does_not_run_is_refused_by_name(user: User) -> None:
    arguments = shell_step("x", "true")["Arguments"]
    arguments["AppSpecification"] = {"ImageUri": "image"}
    with pytest.raises(ClientError, match=r"(?s)ValidationException.*image"):
        user.sagemaker.create_processing_job(ProcessingJobName=user.name[-63:].strip("-"), **arguments)
    with pytest.raises(ClientError, match="Could not find the requested job"):
        user.sagemaker.describe_processing_job(ProcessingJobName=user.name[-63:].strip("-"))


def test_a_log_is_read_in_parts_that_make_the_whole(user: User) -> None:
    name = processing(user, "for n in $(seq 25); do echo line $n; done")
    user.sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName=name, WaiterConfig=QUICKLY
    )
    (stream,) = user.logs.describe_log_streams(logGroupName=PROCESSING, logStreamNamePrefix=f"{name}/")[
        "logStreams"
    ]
    which = {"logGroupName": PROCESSING, "logStreamName": stream["logStreamName"]}
    read: list[str] = []
    token: dict[str, str] = {}
    while True:
        said = user.logs.get_log_events(**which, startFromHead=True, limit=10, **token)
        read += [event["message"] for event in said["events"]]
        if token.get("nextToken") == said["nextForwardToken"]:
            break
        token = {"nextToken": said["nextForwardToken"]}
    assert [line for line in read if not line.startswith("[local]")] == [f"line {n}" for n in range(1, 26)]
    last = user.logs.get_log_events(**which, limit=2)
    assert [event["message"] for event in last["events"]][-1] == "line 25"
    # Backwards from there, the same lines come in the same order and with the same times.
    whole = user.logs.get_log_events(**which, startFromHead=True)["events"]
    back = last["events"]
    while True:
        said = user.logs.get_log_events(**which, limit=10, nextToken=last["nextBackwardToken"])
        if said["nextBackwardToken"] == last["nextBackwardToken"]:
            break
        back, last = [*said["events"], *back], said
    assert back == whole
    # And so does a search, of this stream or of all, whichever end it begins at, with the times of the lines.
    search = user.logs.get_paginator("filter_log_events")
    where = {"logGroupName": PROCESSING, "interleaved": True, "logStreamNamePrefix": f"{name}/"}
    for forwards in (True, False):
        pages = list(search.paginate(**where, startFromHead=forwards, PaginationConfig={"PageSize": 10}))
        found = [event for page in pages for event in page["events"]]
        assert len(pages) > 2
        assert len({event.pop("eventId") for event in found}) == len(found)
        assert {event.pop("logStreamName") for event in found} == {stream["logStreamName"]}
        assert (found if forwards else found[::-1]) == whole
    some = user.logs.filter_log_events(**where, filterPattern='line "1" -12 ?nothing')["events"]
    assert [event["message"] for event in some] == [f"line {n}" for n in (1, 10, 11, *range(13, 20), 21)]
    later = user.logs.filter_log_events(**where, startTime=whole[-2]["timestamp"])["events"]
    assert [event["message"] for event in later] == ["line 24", "line 25"]
    # As clients follow a log: from the time of the last event that they have, which comes again.
    times = [event["timestamp"] for event in whole]
    assert times == sorted(set(times))
    part = user.logs.get_log_events(**which, startTime=times[5], endTime=times[9], startFromHead=True)
    assert part["events"] == whole[5:9]
    for wrong, message in (({"limit": 10_001}, "limit"), ({"nextToken": "x"}, "nextToken is invalid")):
        with pytest.raises(user.logs.exceptions.InvalidParameterException, match=message):
            user.logs.get_log_events(**which, **wrong)
    with pytest.raises(user.logs.exceptions.ResourceNotFoundException, match="log stream does not exist"):
        user.logs.get_log_events(logGroupName=PROCESSING, logStreamName=f"{name}/algo-2-1")
    with pytest.raises(user.logs.exceptions.ResourceNotFoundException, match="log group does not exist"):
        user.logs.describe_log_streams(logGroupName="/aws/sagemaker/Nothing")


def test_a_log_comes_in_parts_of_a_megabyte_and_a_longer_line_whole(user: User) -> None:
    sizes = (600_000, 600_000, 1_500_000, 10)
    script = "".join(f"head -c {size} /dev/zero | tr '\\0' x; echo; " for size in sizes)
    name = processing(user, script)
    user.sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName=name, WaiterConfig=QUICKLY
    )
    (stream,) = user.logs.describe_log_streams(logGroupName=PROCESSING, logStreamNamePrefix=f"{name}/")[
        "logStreams"
    ]
    for from_head in (True, False):
        which = {"logGroupName": PROCESSING, "logStreamName": stream["logStreamName"]}
        token, read = "nextForwardToken" if from_head else "nextBackwardToken", []
        said = user.logs.get_log_events(**which, startFromHead=from_head)
        while said["events"]:
            read.append([len(each["message"]) for each in said["events"] if each["message"][0] == "x"])
            said = user.logs.get_log_events(**which, nextToken=said[token])
        parts = [[600_000], [600_000], [1_500_000], [10]]
        assert [part for part in read if part] == (parts if from_head else parts[::-1])


def test_models_and_packages_are_there_once_they_are_made(user: User) -> None:
    s3 = user.server.client("s3")
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"model")
    container = {"Image": "image", "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    name = user.name[-63:].strip("-")
    user.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert user.sagemaker.describe_model(ModelName=name)["PrimaryContainer"] == container
    assert [each["ModelName"] for each in user.sagemaker.list_models(NameContains=name)["Models"]] == [name]
    with pytest.raises(ClientError, match="already existing model"):
        user.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    user.sagemaker.delete_model(ModelName=name)
    with pytest.raises(ClientError, match="Could not find model"):
        user.sagemaker.describe_model(ModelName=name)
    user.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn = user.sagemaker.create_model_package(
        ModelPackageGroupName=name,
        InferenceSpecification=specification,
        ModelApprovalStatus="PendingManualApproval",
    )["ModelPackageArn"]
    user.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    cycle = {"Stage": "Staging", "StageStatus": "Approved"}
    user.sagemaker.update_model_package(ModelPackageArn=arn, ModelLifeCycle=cycle)
    described = user.sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ModelLifeCycle"] == cycle
    assert described["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}
