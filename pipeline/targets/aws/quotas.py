"""SageMaker's quotas for the instances that an execution wants at the same time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.targets.aws.plan import Job


@dataclass(frozen=True)
class Quota:
    """An account's quota: how many instances, and Service Quotas' code for it."""

    code: str
    value: float


@dataclass(frozen=True)
class Need:
    """Instances wanted at once (`at_once`), and by one job alone (`by_one`)."""

    at_once: int
    by_one: int


def quota_name(job: Job) -> str:
    """What Service Quotas calls the quota that the job's instances count against."""
    kind = {"Training": "spot training" if job.spot else "training", "Processing": "processing"}[job.kind]
    return f"{job.instance_type} for {kind} job usage"


def needs(jobs: Iterable[Job], parallel: int | None) -> dict[str, Need]:
    """What the jobs need by the quota's name: trainings run at once, at most `parallel`; the others one by one."""
    by_name: dict[str, list[Job]] = {}
    for job in (replace(each, instance_type=kind) for each in jobs for kind in each.types):
        by_name.setdefault(quota_name(job), []).append(job)
        if job.kept_seconds:
            by_name.setdefault(f"{job.instance_type} for training warm pool usage", []).append(job)
    found = {}
    for name, sharing in by_name.items():
        sizes = sorted((job.instances * job.at_once for job in sharing), reverse=True)
        at_once = len(sizes) if sharing[0].kind == "Training" else 1
        found[name] = Need(
            sum(sizes[: min(at_once, parallel or at_once)]), max(job.instances for job in sharing)
        )
    return found


def read_quotas(client: Any, names: Collection[str]) -> dict[str, Quota]:
    """The quotas called `names`, of those that Service Quotas lists for the account.

    It has thousands and no search: this stops at the page that has the last of them.
    """
    found: dict[str, Quota] = {}
    wanted = set(names)
    for page in client.get_paginator("list_service_quotas").paginate(
        ServiceCode="sagemaker", PaginationConfig={"PageSize": 100}
    ):
        for each in page["Quotas"]:
            if each["QuotaName"] in wanted:
                found[each["QuotaName"]] = Quota(each["QuotaCode"], each["Value"])
        if len(found) == len(wanted):
            break
    return found


def shortages(
    needed: Mapping[str, Need], quotas: Mapping[str, Quota], region: str
) -> list[tuple[bool, str, str]]:
    """Where a quota is too small: whether no job can run at all, what is wrong, and what to do.

    Jobs that find a quota used up wait for each other, for two hours at most (sdk_policies.py).
    """
    short = []
    for name, need in needed.items():
        quota = quotas.get(name)
        if quota is None or quota.value >= need.at_once:
            continue
        hopeless = quota.value < need.by_one
        hint = (
            f"Ask for more: aws service-quotas request-service-quota-increase --region {region} --service-code "
            f"sagemaker --quota-code {quota.code} --desired-value {need.at_once}"
        )
        if hopeless:
            parameter = "TrainingInstanceType" if "training" in name else "ProcessingInstanceType"
            hint += f"\n      or take another instance type: --param {parameter}=…"
        else:
            at_once = int(quota.value // need.by_one)
            hint = (
                f"Jobs will wait for each other; --parallel {at_once} keeps them from trying in vain. {hint}"
            )
        short.append((hopeless, f"{name}: {quota.value:g}, and this run wants {need.at_once} at once", hint))
    return short
