"""A job is found whichever way Describe wants its name, and only what is missing is looked for twice."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.targets.aws.jobs import describe
from pipeline.targets.aws.records import JobRef
from tests.pipeline.targets.aws.stubbed import ARN, Stubbed

NAME = "pipelines-8f3a2c9d41e7-Train-cnn-3x3-1-AbC"
MISSING = ("ValidationException", "Requested resource not found.")


def job(name: str, step: str = "Train-cnn-3x3-1") -> JobRef:
    return JobRef("TrainingJob", f"{ARN}:training-job/{name}", own=True, step=step)


def found(stubbed: Stubbed, name: str) -> None:
    answer: dict[str, Any] = {
        "TrainingJobName": name,
        "TrainingJobArn": f"{ARN}:training-job/{name}",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/model.tar.gz"},
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 1},
        "StoppingCondition": {},
        "CreationTime": 0,
    }
    stubbed.on("sagemaker", "describe_training_job", answer, TrainingJobName=name)


def test_the_name_of_the_arn_goes_first(stubbed: Stubbed) -> None:
    found(stubbed, NAME.lower())
    assert describe(stubbed.client("sagemaker"), job(NAME.lower()))["TrainingJobName"] == NAME.lower()


def test_where_it_is_not_found_the_steps_own_letters_are_tried(stubbed: Stubbed) -> None:
    own = "pipelines-8f3a2c9d41e7-Train-cnn-3x3-1-abc"
    stubbed.fails("sagemaker", "describe_training_job", *MISSING)
    found(stubbed, own)
    assert describe(stubbed.client("sagemaker"), job(NAME.lower()))["TrainingJobName"] == own


def test_a_steps_name_may_be_cut() -> None:
    cut = job("pipelines-8f3a2c9d41e7-train-cnn-abc")
    assert cut.names == (cut.name, "pipelines-8f3a2c9d41e7-Train-cnn-abc")


@pytest.mark.parametrize("name", ["my-job", "pipelines-8f3a2c9d41e7-another-abc", NAME])
def test_other_names_are_taken_as_they_are(name: str) -> None:
    assert job(name).names == (name,)


def test_other_refusals_are_not_asked_about_again(stubbed: Stubbed) -> None:
    stubbed.fails("sagemaker", "describe_training_job", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        describe(stubbed.client("sagemaker"), job(NAME.lower()))


def test_one_that_is_nowhere_is_missing(stubbed: Stubbed) -> None:
    for _ in range(2):
        stubbed.fails("sagemaker", "describe_training_job", *MISSING)
    with pytest.raises(ClientError, match="not found"):
        describe(stubbed.client("sagemaker"), job(NAME.lower()))
