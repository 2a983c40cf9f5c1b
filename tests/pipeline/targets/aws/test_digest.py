from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.targets.aws.digest import make_digest
from pipeline.targets.aws.hints import (
    CAPACITY,
    CODE,
    DATA,
    GATE,
    IMAGE,
    KEY,
    MEMORY,
    NETWORK,
    QUOTA,
    ROLE,
    TIME,
    hint_for,
)
from pipeline.targets.aws.links import find_domain, job_link, studio_link
from pipeline.targets.aws.listed_steps import read_graph
from pipeline.targets.aws.records import AwsExecution, JobRef, make_execution
from tests.pipeline.targets.aws.answers import DEFINITION, described, job_arn, step
from tests.pipeline.targets.aws.stubbed import ARN, NOW, REGION, Stubbed

NOWHERE = Path("/nowhere.json")


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        (
            "ResourceLimitExceeded: The account-level service limit 'ml.g5.xlarge for training job usage' is 0 "
            "Instances, with current utilization of 0 Instances and a request delta of 1 Instances.",
            QUOTA,
        ),
        ("CapacityError: Unable to provision requested ML compute capacity", CAPACITY),
        ("ClientError: Failed to invoke CreateTrainingJob. AccessDeniedException: User is not authorized", ROLE),
        ("ValidationException: Could not assume role arn:aws:iam::1:role/x", ROLE),
        ("ClientError: No S3 objects found under S3 URL \"s3://b/x\" given in input data source", DATA),
        ("AlgorithmError: , exit code: 1. Could not read train-labels-idx1-ubyte: its gzip data are cut", DATA),
        ("ClientError: CannotPullContainerError: pull image manifest has been retried", IMAGE),
        ("The repository of the image 1.dkr.ecr.eu-west-1.amazonaws.com/x:1 does not grant pull access", IMAGE),
        ("Job exceeded MaxRuntimeInSeconds provided", TIME),
        ("AlgorithmError: Please use an instance type with more memory. OutOfMemory, exit code: 137", MEMORY),
        ("KMSAccessDeniedException: The ciphertext refers to a customer master key", KEY),
        ("ClientError: The subnet subnet-1 has no free addresses", NETWORK),
        ("The quality gate was missed: the best candidate's test accuracy is below MinAccuracy=0.95.", GATE),
        ("AlgorithmError: ExecuteUserScriptError: ExitCode 1", CODE),
        ("something new", None),
        (None, None),
    ],
)  # fmt: skip
def test_a_reason_suggests_what_helps(reason: str | None, hint: str | None) -> None:
    assert hint_for(reason) == hint


def execution(*steps: dict[str, Any], **more: Any) -> AwsExecution:
    return make_execution(described("Failed", **more), steps, [], read_graph(DEFINITION))


def logs(stubbed: Stubbed, *lines: str) -> None:
    jobs = (job_arn("training", "Train-baseline-0"), job_arn("processing", "Evaluate"))
    names = [f"{arn.rpartition('/')[2]}/algo-1-17" for arn in jobs]
    stubbed.on("logs", "describe_log_streams", {"logStreams": [{"logStreamName": name} for name in names]})
    events = [{"message": line} for line in lines]
    stubbed.on("logs", "get_log_events", {"events": events, "nextForwardToken": "f/1"})


def test_a_failed_job_comes_with_its_logs_end_a_remedy_and_a_link(stubbed: Stubbed) -> None:
    logs(stubbed, "loading", "Traceback (most recent call last):", "ValueError: no")
    stubbed.on("sagemaker", "list_domains", {"Domains": [{"DomainId": "d-abc"}]})
    failed = step("Train-baseline-0", "Failed", FailureReason="AlgorithmError: ExitCode 1")
    digest = make_digest(stubbed.account(), execution(step("NormalizeData"), failed))
    assert digest.tails == {
        "Train-baseline-0": ["loading", "Traceback (most recent call last):", "ValueError: no"]
    }
    name = job_arn("training", "Train-baseline-0").rpartition("/")[2]
    assert digest.remarks == {
        "Train-baseline-0": [
            ("Likely", CODE),
            (
                "Console",
                f"https://{REGION}.console.aws.amazon.com/sagemaker/home?region={REGION}#/jobs/{name}",
            ),
        ]
    }
    assert digest.general == [
        ("Studio", f"https://studio-d-abc.studio.{REGION}.sagemaker.aws/pipelines/view/fashion-mnist")
    ]


def test_where_the_reason_says_nothing_the_log_decides(stubbed: Stubbed) -> None:
    logs(stubbed, "MemoryError")
    stubbed.on("sagemaker", "list_domains", {"Domains": []})
    digest = make_digest(stubbed.account(), execution(step("Evaluate", "Failed", FailureReason="Job failed")))
    assert ("Likely", MEMORY) in digest.remarks["Evaluate"]
    assert digest.general == [("Studio", "Pipelines → fashion-mnist → abc123def456")]


def test_a_log_that_may_not_be_read_does_not_hide_the_rest(stubbed: Stubbed) -> None:
    stubbed.fails("logs", "describe_log_streams", "AccessDeniedException", "not for you")
    stubbed.fails("sagemaker", "list_domains", "AccessDeniedException")
    failed = step("Evaluate", "Failed", FailureReason="CapacityError: none")
    remarks = make_digest(stubbed.account(), execution(failed)).remarks["Evaluate"]
    assert [label for label, _ in remarks] == ["Log", "Likely", "Console"]


def test_an_execution_that_failed_as_a_whole_gets_a_remedy_too(stubbed: Stubbed) -> None:
    stubbed.on("sagemaker", "list_domains", {"Domains": []})
    digest = make_digest(stubbed.account(), execution(FailureReason="Could not assume role x"))
    assert digest.general[0] == ("Likely", ROLE)


def test_links_lead_to_the_partitions_own_console() -> None:
    job = JobRef("ProcessingJob", f"{ARN}:processing-job/p", own=True)
    assert str(job_link(job, "aws-cn", "cn-north-1")).startswith("https://cn-north-1.console.amazonaws.cn/")
    assert job_link(job, "aws-iso", "us-iso-east-1") is None
    assert studio_link("d-1", "eu-west-1", "p").startswith(
        "https://studio-d-1.studio.eu-west-1.sagemaker.aws/"
    )


def test_inside_studio_the_domain_is_known(stubbed: Stubbed, tmp_path: Path) -> None:
    metadata = tmp_path / "resource-metadata.json"
    metadata.write_text(json.dumps({"DomainId": "d-here"}))
    assert find_domain(stubbed.client("sagemaker"), metadata) == "d-here"
    several = [{"DomainId": "d-1", "CreationTime": NOW}, {"DomainId": "d-2", "CreationTime": NOW}]
    stubbed.on("sagemaker", "list_domains", {"Domains": several})
    assert find_domain(stubbed.client("sagemaker"), NOWHERE) is None
