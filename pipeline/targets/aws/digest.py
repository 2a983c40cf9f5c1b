"""Why an execution failed on AWS: for each failed step the end of its log, where to look, and what likely helps."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.targets.aws.account import Account
from pipeline.targets.aws.aws_errors import AWS_ERRORS
from pipeline.targets.aws.hints import hint_for
from pipeline.targets.aws.joblogs import JobLog
from pipeline.targets.aws.links import find_domain, job_link, studio_link
from pipeline.targets.aws.records import AwsExecution

TAIL_LINES = 20
Remark = tuple[str, str]


@dataclass(frozen=True)
class Digest:
    """Log tails and remarks by failed step, and remarks about the execution as a whole."""

    tails: dict[str, list[str]] = field(default_factory=dict)
    remarks: dict[str, list[Remark]] = field(default_factory=dict)
    general: list[Remark] = field(default_factory=list)


def make_digest(account: Account, execution: AwsExecution) -> Digest:
    """The digest of an execution that did not succeed. What cannot be read is left out."""
    digest = Digest()
    record = execution.record
    for step in record.steps:
        if step.status != "Failed":
            continue
        remarks: list[Remark] = []
        job = execution.jobs.get(step.name)
        tail: list[str] = []
        if job is not None:
            try:
                tail = JobLog(account.client("logs"), job).tail(TAIL_LINES)
            except AWS_ERRORS as error:
                remarks.append(("Log", f"could not be read: {error}"))
            if tail:
                digest.tails[step.name] = tail
        # The reason decides; only where it says nothing does the log.
        hint = hint_for(step.failure_reason) or hint_for("\n".join(tail))
        if hint is not None:
            remarks.append(("Likely", hint))
        if job is not None and (link := job_link(job, account.partition, account.region)) is not None:
            remarks.append(("Console", link))
        digest.remarks[step.name] = remarks
    if not digest.remarks and (hint := hint_for(record.failure_reason)) is not None:
        digest.general.append(("Likely", hint))
    domain = find_domain(account.client("sagemaker"))
    where = (
        f"Pipelines → {record.pipeline_name} → {record.execution_id}"
        if domain is None
        else studio_link(domain, account.region, record.pipeline_name)
    )
    digest.general.append(("Studio", where))
    return digest
