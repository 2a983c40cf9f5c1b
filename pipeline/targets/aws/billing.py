"""What an execution has cost by now: its jobs' billable seconds, at the prices of an hour."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pipeline.formatting import duration, plural
from pipeline.targets.aws.aws_errors import AWS_ERRORS
from pipeline.targets.aws.cost import HOUR, dollars
from pipeline.targets.aws.jobs import describe
from pipeline.targets.aws.plan import Kind
from pipeline.targets.aws.prices import FROM_LIST, Price, Prices
from pipeline.targets.aws.records import AwsExecution, JobRef

_READERS = 4


@dataclass(frozen=True)
class Bill:
    """Seconds of instances that are paid for, of the jobs that an execution ran itself, and their price.

    `usd` is None when a price is unknown; `saved` is what managed spot training spared, as a fraction; `unread`
    counts jobs that could not be looked at.
    """

    seconds: float
    usd: float | None
    source: str
    saved: float | None
    unread: int

    def __str__(self) -> str:
        cost = "at an unknown price" if self.usd is None else dollars(self.usd)
        text = f"{cost} for {duration(self.seconds)} of instances"
        if self.usd is not None:
            text += f", by {self.source}" + ("" if self.source == FROM_LIST else ": a guess")
        if self.saved is not None:
            text += f"; spot saved {self.saved * 100:.0f} % of the price of training"
        if self.unread:
            text += f"; {plural(self.unread, 'job')} could not be read"
        return text


@dataclass(frozen=True)
class Used:
    """Instance seconds that a job is billed for, and those that it ran (spot bills fewer)."""

    kind: Kind
    instance_type: str
    billed: float
    ran: float


def read_bill(client: Any, execution: AwsExecution, prices: Prices) -> Bill | None:
    """The bill of the jobs that have ended; None when the execution ran none."""
    jobs = [job for job in execution.jobs.values() if job.own]

    def read(job: JobRef) -> Used | None:
        try:
            return used(job, client)
        except AWS_ERRORS:
            return None

    with ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(read, jobs))
    known = [each for each in found if each is not None]
    if not jobs:
        return None
    paid: list[tuple[Used, Price | None]] = [
        (each, prices.hourly(each.instance_type, each.kind)) for each in known
    ]
    usd = None
    if all(price is not None for _, price in paid):
        usd = sum(price.usd * each.billed / HOUR for each, price in paid if price is not None)
    ran = sum(each.ran for each in known)
    billed = sum(each.billed for each in known)
    sources = dict.fromkeys(price.source for _, price in paid if price is not None)
    return Bill(
        seconds=billed,
        usd=usd,
        source=" and ".join(sources),
        saved=1 - billed / ran if ran > billed + 1 else None,
        unread=len(found) - len(known),
    )


def used(job: JobRef, client: Any) -> Used:
    """What the job used, by its Describe response."""
    use = training_use if job.kind == "TrainingJob" else processing_use
    return use(describe(client, job))


def training_use(described: Mapping[str, Any]) -> Used:
    """BillableTimeInSeconds counts one instance (API reference, DescribeTrainingJob)."""
    resources = described["ResourceConfig"]
    count = resources.get("SelectedInstanceCount") or resources.get("InstanceCount", 1)
    billed = float(described.get("BillableTimeInSeconds", 0))
    ran = float(described.get("TrainingTimeInSeconds", billed))
    # Only spot training tells the two apart on purpose.
    if not described.get("EnableManagedSpotTraining"):
        ran = billed
    kind = resources.get("SelectedInstanceType") or resources.get("InstanceType", "")
    return Used("Training", kind, billed * count, ran * count)


def processing_use(described: Mapping[str, Any]) -> Used:
    """From the container's start to its end, which is what is billed, as far as AWS tells."""
    cluster = described["ProcessingResources"]["ClusterConfig"]
    start, end = described.get("ProcessingStartTime"), described.get("ProcessingEndTime")
    seconds = 0.0 if start is None or end is None else max(0.0, (end - start).total_seconds())
    seconds *= cluster.get("SelectedInstanceCount") or cluster["InstanceCount"]
    return Used(
        "Processing", cluster.get("SelectedInstanceType") or cluster["InstanceType"], seconds, seconds
    )
