"""Executions: started once for a token, stopped, retried, selective, and what is told of them."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.pipeline.local.endpoint.conftest import (
    BUCKET,
    ROLE,
    User,
    definition,
    fail_step,
    shell_step,
    until,
)

PARAMETERS = (
    {"Name": "Count", "Type": "Integer", "DefaultValue": 2},
    {"Name": "Word", "Type": "String", "DefaultValue": "a"},
    {"Name": "Really", "Type": "Boolean", "DefaultValue": True},
)
SLEEP = shell_step("Sleep", "echo asleep; sleep 60")


def test_an_execution_has_what_it_was_started_with(user: User) -> None:
    user.create(fail_step(), parameters=PARAMETERS)
    arn = user.start(
        PipelineExecutionDisplayName="Tuesday",
        PipelineExecutionDescription="About it",
        PipelineParameters=[{"Name": "Count", "Value": "7"}],
        ParallelismConfiguration={"MaxParallelExecutionSteps": 3},
    )
    said = user.end(arn)
    assert said["PipelineExecutionStatus"] == "Failed"
    assert said["FailureReason"] == "Step No failed: No fails"
    assert said["PipelineArn"] == arn.partition("/execution/")[0]
    assert said["PipelineExecutionDisplayName"] == "Tuesday"
    assert said["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 3}
    assert said["PipelineVersionId"] == 1
    assert said["LastModifiedTime"] >= said["CreationTime"]
    pages = user.sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(
        PipelineExecutionArn=arn, PaginationConfig={"PageSize": 2}
    )
    values = [each for page in pages for each in page["PipelineParameters"]]
    assert values == [
        {"Name": "Count", "Value": "7"},
        {"Name": "Word", "Value": "a"},
        {"Name": "Really", "Value": "true"},
    ]
    user.sagemaker.update_pipeline(PipelineName=user.name, PipelineDefinition=definition(fail_step("Other")))
    ran = user.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert json.loads(ran["PipelineDefinition"])["Steps"] == [fail_step()]
    user.sagemaker.update_pipeline_execution(PipelineExecutionArn=arn, PipelineExecutionDescription="Anew")
    described = user.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["PipelineExecutionDescription"] == "Anew"
    (summary,) = user.sagemaker.list_pipeline_executions(PipelineName=user.name)["PipelineExecutionSummaries"]
    assert summary["PipelineExecutionArn"] == arn
    assert summary["PipelineExecutionFailureReason"] == "Step No failed: No fails"


def test_an_execution_without_a_name_has_one_of_its_time_and_tells_of_its_experiment(user: User) -> None:
    experiment = {
        "ExperimentName": {"Get": "Parameters.Word"},
        "TrialName": {"Std:Join": {"On": "-", "Values": ["try", {"Get": "Execution.PipelineExecutionId"}]}},
    }
    text = json.loads(definition(fail_step(), parameters=PARAMETERS)) | {
        "PipelineExperimentConfig": experiment
    }
    user.sagemaker.create_pipeline(PipelineName=user.name, PipelineDefinition=json.dumps(text), RoleArn=ROLE)
    arns = [user.start(), user.start(PipelineParameters=[{"Name": "Word", "Value": "b"}])]
    for arn, word in zip(arns, "ab", strict=True):
        said = user.end(arn)
        trial = f"try-{arn.rpartition('/')[2]}"
        assert said["PipelineExperimentConfig"] == {"ExperimentName": word, "TrialName": trial}
        assert re.fullmatch(r"execution-\d{13}", said["PipelineExecutionDisplayName"])
    listed = user.sagemaker.list_pipeline_executions(PipelineName=user.name)["PipelineExecutionSummaries"]
    assert all(each["PipelineExecutionDisplayName"].startswith("execution-") for each in listed)


def test_a_token_starts_one_execution_however_often_it_is_sent(user: User) -> None:
    user.create(fail_step())
    token = "t" * 40
    with ThreadPoolExecutor(8) as threads:
        arns = list(threads.map(lambda _: user.start(ClientRequestToken=token), range(8)))
    assert len(set(arns)) == 1
    other = user.start()
    assert other != arns[0]
    user.end(other)
    listed = user.sagemaker.list_pipeline_executions(PipelineName=user.name)["PipelineExecutionSummaries"]
    assert [each["PipelineExecutionArn"] for each in listed] == [other, arns[0]]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"PipelineParameters": [{"Name": "Cuont", "Value": "7"}]}, "Cuont"),
        ({"PipelineParameters": [{"Name": "Count", "Value": "seven"}]}, "Count"),
        ({"PipelineParameters": [{"Name": "Count", "Value": "7"}] * 2}, "Count is given twice"),
        ({"PipelineParameters": [{"Name": "Word", "Value": ""}]}, "too short"),
        (
            {"SelectiveExecutionConfig": {"SelectedSteps": [{"StepName": "No"}]}},
            "no execution that has ended",
        ),
    ],
)
def test_a_start_that_cannot_be_leaves_nothing(user: User, more: dict[str, object], said: str) -> None:
    user.create(fail_step(), parameters=PARAMETERS)
    with pytest.raises(ClientError, match=f"(?s)ValidationException.*{said}"):
        user.start(**more)
    assert user.sagemaker.list_pipeline_executions(PipelineName=user.name)["PipelineExecutionSummaries"] == []


def test_an_execution_is_stopped_and_retried(user: User) -> None:
    mark = f"/var/tmp/{user.name}"
    user.create(
        shell_step("First", "true"), shell_step("Sleep", f"test -e {mark} || sleep 60", DependsOn=["First"])
    )
    arn = user.start()
    until(lambda: user.steps(arn).get("Sleep", {}).get("StepStatus"), lambda status: status == "Executing")
    with pytest.raises(user.sagemaker.exceptions.ConflictException, match="Stop it first"):
        user.sagemaker.delete_pipeline(PipelineName=user.name)
    with pytest.raises(
        user.sagemaker.exceptions.ConflictException, match="cannot be retried: it is Executing"
    ):
        user.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
    user.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
    status = user.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
    assert status in ("Stopping", "Stopped")
    assert user.end(arn)["PipelineExecutionStatus"] == "Stopped"
    user.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
    with pytest.raises(user.sagemaker.exceptions.ConflictException, match="cannot be stopped: it is Stopped"):
        user.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    before = user.steps(arn)["First"]
    Path(mark).touch()
    try:
        for _ in range(2):
            said = user.sagemaker.retry_pipeline_execution(
                PipelineExecutionArn=arn,
                ClientRequestToken="r" * 32,
                ParallelismConfiguration={"MaxParallelExecutionSteps": 1},
            )
            assert said["PipelineExecutionArn"] == arn
        ended = user.end(arn)
    finally:
        Path(mark).unlink()
    assert ended["PipelineExecutionStatus"] == "Succeeded"
    assert ended["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 1}
    steps = user.steps(arn)
    assert steps["First"] == before
    assert steps["Sleep"]["AttemptCount"] == 2
    user.sagemaker.delete_pipeline(PipelineName=user.name)
    with pytest.raises(user.sagemaker.exceptions.ResourceNotFound):
        user.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)


def test_selected_steps_run_on_what_an_earlier_execution_left(user: User) -> None:
    user.create(shell_step("First", "true"), shell_step("Second", "true", DependsOn=["First"]))
    first = user.start()
    assert user.end(first)["PipelineExecutionStatus"] == "Succeeded"
    arn = user.start(SelectiveExecutionConfig={"SelectedSteps": [{"StepName": "Second"}]})
    ended = user.end(arn)
    assert ended["PipelineExecutionStatus"] == "Succeeded", ended
    assert ended["SelectiveExecutionConfig"]["SourcePipelineExecutionArn"] == first
    steps = user.steps(arn)
    assert steps["First"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": first}
    assert "CacheHitResult" not in steps["First"]
    assert "SelectiveExecutionResult" not in steps["Second"]


def test_steps_have_what_the_service_tells_of_each(user: User) -> None:
    cached = {"Enabled": True, "ExpireAfter": "P1D"}
    user.create(
        shell_step("Make", "true", CacheConfig=cached, DisplayName="Makes it", Description="About it"),
        {
            "Name": "Choose",
            "Type": "Condition",
            "DependsOn": ["Make"],
            "Arguments": {
                "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 2}],
                "IfSteps": [shell_step("Never", "true")],
                "ElseSteps": [fail_step("Refuse")],
            },
        },
    )
    first, second = user.start(), None
    user.end(first)
    second = user.start()
    user.end(second)
    steps = user.steps(second, SortOrder="Ascending", PaginationConfig={"PageSize": 1})
    assert list(steps) == ["Make", "Choose", "Refuse"]
    assert list(user.steps(second)) == ["Refuse", "Choose", "Make"]
    assert steps["Make"]["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
    assert steps["Make"]["StepDisplayName"] == "Makes it"
    assert steps["Make"]["StepDescription"] == "About it"
    assert steps["Choose"]["Metadata"] == {"Condition": {"Outcome": "False"}}
    assert steps["Refuse"]["Metadata"] == {"Fail": {"ErrorMessage": "Refuse fails"}}
    assert steps["Refuse"]["FailureReason"] == "Refuse fails"
    made = user.steps(first)["Make"]
    assert "CacheHitResult" not in made
    job = made["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert made["Metadata"] == steps["Make"]["Metadata"]
    assert user.sagemaker.describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"] == "Completed"


def test_what_is_not_there_is_named(user: User) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{user.name.lower()}/execution/abcdefghijkl"
    for operation in (
        "describe_pipeline_execution", "list_pipeline_execution_steps", "stop_pipeline_execution",
        "retry_pipeline_execution", "list_pipeline_parameters_for_execution",
        "describe_pipeline_definition_for_execution", "update_pipeline_execution",
    ):  # fmt: skip
        with pytest.raises(user.sagemaker.exceptions.ResourceNotFound, match=f"'{arn}' does not exist"):
            getattr(user.sagemaker, operation)(PipelineExecutionArn=arn)
    with pytest.raises(user.sagemaker.exceptions.ResourceNotFound):
        user.start()


def test_many_executions_at_once_all_end_right(user: User) -> None:
    script = 'cd /opt/ml/processing/o; echo "$WORD" > word; date +%s%N > from; sleep 0.01; date +%s%N > to'
    step = shell_step("Say", script)
    step["Arguments"] |= {
        "Environment": {"WORD": {"Get": "Parameters.Word"}},
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "o",
                    "S3Output": {
                        "S3Uri": {"Std:Join": {"On": "/", "Values": [
                            f"s3://{BUCKET}", {"Get": "Execution.PipelineExecutionId"}]}},
                        "LocalPath": "/opt/ml/processing/o",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    }  # fmt: skip
    user.create(step, parameters=PARAMETERS)
    words = [f"word{number}" for number in range(20)]
    with ThreadPoolExecutor(len(words)) as threads:
        arns = list(
            threads.map(lambda word: user.start(PipelineParameters=[{"Name": "Word", "Value": word}]), words)
        )
    s3 = user.server.client("s3")

    def written(arn: str, name: str) -> str:
        body: bytes = s3.get_object(Bucket=BUCKET, Key=f"{arn.rpartition('/')[2]}/{name}")["Body"].read()
        return body.decode().strip()

    for word, arn in zip(words, arns, strict=True):
        assert user.end(arn)["PipelineExecutionStatus"] == "Succeeded"
        assert written(arn, "word") == word
    # Each job is alone in its execution, so it has all the cores: no two ran at once.
    ran = sorted((int(written(arn, "from")), int(written(arn, "to"))) for arn in arns)
    assert [end for _, end in ran] == sorted(end for _, end in ran)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(ran))
