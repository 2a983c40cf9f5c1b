"""Puts a report where the registry's entry says it lies: beside the evaluation, in the bucket."""

from __future__ import annotations

from pathlib import Path

from pipeline.targets.aws.account import Account
from pipeline.targets.aws.aws_errors import translate_errors
from pipeline.targets.aws.jobs import describe
from pipeline.targets.aws.records import AwsExecution
from pipeline.targets.aws.results import EVALUATION_STEP, OUTPUT, output_uri


def upload_report(account: Account, execution: AwsExecution, report: Path) -> str | None:
    """Uploads the report and returns its S3 URI; None when the evaluation is another execution's, or unknown.

    That one's registry entry links to its own report, which is not to be replaced by this one.

    Raises:
        CredentialsError, AwsError: the bucket does not take it.
    """
    record = execution.record
    step = next((each for each in record.steps if each.name == EVALUATION_STEP), None)
    job = execution.jobs.get(EVALUATION_STEP)
    if step is None or job is None or step.reused_from is not None:
        return None
    with translate_errors(f"Uploading the report of execution {record.execution_id}"):
        uri = output_uri(describe(account.client("sagemaker"), job), OUTPUT)
        if uri is None:
            return None
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        account.client("s3").put_object(
            Bucket=bucket,
            Key=f"{prefix}/{report.name}",
            Body=report.read_bytes(),
            ContentType="text/html; charset=utf-8",
        )
    return f"{uri}/{report.name}"
