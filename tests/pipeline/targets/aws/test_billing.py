from __future__ import annotations

from typing import Any

import pytest

from pipeline.targets.aws.billing import read_bill, used
from pipeline.targets.aws.listed_steps import read_graph
from pipeline.targets.aws.prices import Prices
from pipeline.targets.aws.records import AwsExecution, JobRef, make_execution
from tests.pipeline.targets.aws.answers import DEFINITION, EARLIER, after, described, job_arn, step
from tests.pipeline.targets.aws.cloud.account import product
from tests.pipeline.targets.aws.stubbed import NOW, Stubbed


def training(billable: int, instances: int = 1, spot: int | None = None) -> dict[str, Any]:
    return {
        "TrainingJobName": "job",
        "TrainingJobArn": job_arn("training", "x"),
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"},
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": instances, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "CreationTime": NOW,
        "BillableTimeInSeconds": billable,
        **({} if spot is None else {"TrainingTimeInSeconds": spot, "EnableManagedSpotTraining": True}),
    }


def processing(seconds: float | None) -> dict[str, Any]:
    times = {} if seconds is None else {"ProcessingStartTime": NOW, "ProcessingEndTime": after(seconds)}
    cluster = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
    return {
        "ProcessingJobName": "job",
        "ProcessingJobArn": job_arn("processing", "x"),
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": "image"},
        "ProcessingJobStatus": "Completed",
        "CreationTime": NOW,
        **times,
    }


def execution(*steps: dict[str, Any]) -> AwsExecution:
    return make_execution(described("Succeeded"), steps, [], read_graph(DEFINITION))


def costs(stubbed: Stubbed, name: str, kind: str, usd: float) -> None:
    stubbed.on("pricing", "get_products", {"PriceList": [product(name, kind, usd)]})


def test_billable_seconds_count_for_every_instance(stubbed: Stubbed) -> None:
    stubbed.on("sagemaker", "describe_training_job", training(1800, instances=2))
    job = JobRef("TrainingJob", job_arn("training", "x"), own=True)
    assert used(job, stubbed.client("sagemaker")).billed == 3600


def test_a_job_that_never_began_cost_nothing(stubbed: Stubbed) -> None:
    stubbed.on("sagemaker", "describe_processing_job", processing(None))
    job = JobRef("ProcessingJob", job_arn("processing", "x"), own=True)
    assert used(job, stubbed.client("sagemaker")).billed == 0


def test_the_bill_is_seconds_times_price_of_own_jobs_alone(stubbed: Stubbed) -> None:
    made = execution(
        step("NormalizeData", CacheHitResult={"SourcePipelineExecutionArn": EARLIER}),
        step("Train-baseline-0"),
    )
    stubbed.on("sagemaker", "describe_training_job", training(1800))
    costs(stubbed, "ml.g5.xlarge", "Training", 2.0)
    bill = read_bill(stubbed.client("sagemaker"), made, Prices(stubbed.account()))
    assert bill is not None
    assert bill.usd == pytest.approx(1.0)
    assert str(bill) == "1.00 USD for 30 min 00 s of instances, by AWS's price list"


def test_what_spot_spared_is_said(stubbed: Stubbed) -> None:
    stubbed.on("sagemaker", "describe_training_job", training(900, spot=3600))
    costs(stubbed, "ml.g5.xlarge", "Training", 2.0)
    bill = read_bill(
        stubbed.client("sagemaker"), execution(step("Train-baseline-0")), Prices(stubbed.account())
    )
    assert bill is not None
    assert bill.usd == pytest.approx(0.5)
    assert "spot saved 75 %" in str(bill)


def test_everything_reused_has_no_bill(stubbed: Stubbed) -> None:
    made = execution(step("NormalizeData", CacheHitResult={"SourcePipelineExecutionArn": EARLIER}))
    assert read_bill(stubbed.client("sagemaker"), made, Prices(stubbed.account())) is None


def test_jobs_that_cannot_be_read_are_counted_and_a_missing_price_is_said(stubbed: Stubbed) -> None:
    stubbed.fails("sagemaker", "describe_training_job", "AccessDeniedException")
    bill = read_bill(
        stubbed.client("sagemaker"), execution(step("Train-baseline-0")), Prices(stubbed.account())
    )
    assert "1 job could not be read" in str(bill)
    strange = training(60) | {"ResourceConfig": {"InstanceType": "ml.p5.48xlarge", "VolumeSizeInGB": 30}}
    stubbed.on("sagemaker", "describe_training_job", strange)
    stubbed.on("pricing", "get_products", {"PriceList": []})
    bill = read_bill(
        stubbed.client("sagemaker"), execution(step("Train-baseline-0")), Prices(stubbed.account())
    )
    assert str(bill) == "at an unknown price for 1 min 00 s of instances"
