"""A job as SageMaker describes it, found by whichever form of its name Describe takes."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from pipeline.targets.aws.aws_errors import is_missing
from pipeline.targets.aws.records import JobRef


def describe(client: Any, job: JobRef) -> dict[str, Any]:
    """DescribeTrainingJob's or DescribeProcessingJob's answer, which has the job's own name.

    ARNs may have a job's name in small letters. AWS does not say whether Describe takes it so: where it finds none,
    the step's own letters are tried.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: SageMaker refuses, or has no such job.
    """
    missing: ClientError | None = None
    for name in job.names:
        try:
            if job.kind == "TrainingJob":
                found: dict[str, Any] = client.describe_training_job(TrainingJobName=name)
            else:
                found = client.describe_processing_job(ProcessingJobName=name)
            return found
        except ClientError as error:
            if not is_missing(error):
                raise
            missing = missing or error
    assert missing is not None
    raise missing
