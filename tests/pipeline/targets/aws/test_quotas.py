from __future__ import annotations

from pipeline.targets.aws.plan import Job
from pipeline.targets.aws.quotas import Need, Quota, needs, quota_name, read_quotas, shortages
from tests.pipeline.targets.aws.stubbed import Stubbed

GPU, CPU = "ml.g5.xlarge for training job usage", "ml.m5.xlarge for processing job usage"


def training(step: str, instances: int = 1, spot: bool = False) -> Job:
    return Job(step, "Training", "ml.g5.xlarge", instances, 3600, spot)


JOBS = (
    Job("NormalizeData", "Processing", "ml.m5.xlarge", 1, 1800),
    training("a"),
    training("b"),
    training("c"),
    Job("Evaluate", "Processing", "ml.m5.xlarge", 1, 1800),
)


def test_trainings_run_at_once_and_processing_one_by_one() -> None:
    assert needs(JOBS, None) == {CPU: Need(1, 1), GPU: Need(3, 1)}
    assert needs(JOBS, 2) == {CPU: Need(1, 1), GPU: Need(2, 1)}
    assert needs((training("a", 2), training("b", 2)), 1) == {GPU: Need(2, 2)}


def test_spot_has_a_quota_of_its_own() -> None:
    assert quota_name(training("a", spot=True)) == "ml.g5.xlarge for spot training job usage"


def test_a_warm_pool_has_a_quota_of_its_own_too() -> None:
    job = Job("a", "Training", "ml.g5.xlarge", 1, 3600, kept_seconds=600)
    assert set(needs([job], None)) == {GPU, "ml.g5.xlarge for training warm pool usage"}


def page(*quotas: tuple[str, float], token: str | None = None) -> dict[str, object]:
    listed = [{"QuotaName": name, "QuotaCode": f"L-{name[3:6]}", "Value": value} for name, value in quotas]
    return {"Quotas": listed, **({"NextToken": token} if token else {})}


def test_pages_are_read_until_all_are_found(stubbed: Stubbed) -> None:
    ask = {"ServiceCode": "sagemaker", "MaxResults": 100}
    stubbed.on("service-quotas", "list_service_quotas", page((GPU, 3), token="more"), **ask)
    stubbed.on(
        "service-quotas", "list_service_quotas", page((CPU, 8), token="evenmore"), NextToken="more", **ask
    )
    found = read_quotas(stubbed.client("service-quotas"), [GPU, CPU])
    assert {name: quota.value for name, quota in found.items()} == {GPU: 3, CPU: 8}


def test_a_quota_that_is_too_small_comes_with_the_command_that_asks_for_more() -> None:
    ((hopeless, what, hint),) = shortages({GPU: Need(3, 1)}, {GPU: Quota("L-1", 0)}, "eu-west-1")
    assert hopeless
    assert what == f"{GPU}: 0, and this run wants 3 at once"
    assert (
        "request-service-quota-increase --region eu-west-1 --service-code sagemaker --quota-code L-1" in hint
    )
    assert "--desired-value 3" in hint
    assert "TrainingInstanceType" in hint


def test_with_some_instances_fewer_jobs_at_once_help() -> None:
    ((hopeless, _, hint),) = shortages({GPU: Need(6, 2)}, {GPU: Quota("L-1", 5)}, "eu-west-1")
    assert not hopeless
    assert "--parallel 2" in hint


def test_enough_and_unknown_are_no_shortage() -> None:
    assert shortages({GPU: Need(3, 1), CPU: Need(1, 1)}, {GPU: Quota("L-1", 3)}, "eu-west-1") == []
