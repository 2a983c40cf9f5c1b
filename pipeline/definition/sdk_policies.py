"""When the pipeline's jobs are reused and when they are tried again: the same for every job."""

from __future__ import annotations

from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig

# Equal code, settings and inputs give equal results; after this time they are made again all the same.
CACHE = CacheConfig(enable_caching=True, expire_after="P30D")

# Each bounded by attempts: `max_attempts=0` would mean no bound at all.
RETRIES = (
    # The service or S3 was busy or failed: 5, 10, … 80 s, within 3 minutes.
    StepRetryPolicy(
        exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
        interval_seconds=5,
        backoff_rate=2.0,
        max_attempts=5,
    ),
    # The machine failed, or the system killed the job: a training goes on from its checkpoint.
    SageMakerJobStepRetryPolicy(
        failure_reason_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR],
        interval_seconds=10,
        backoff_rate=2.0,
        max_attempts=3,
    ),
    # No instance of the type was free: 1, 2, … 32 minutes, within about an hour.
    SageMakerJobStepRetryPolicy(
        exception_types=[SageMakerJobExceptionTypeEnum.CAPACITY_ERROR],
        interval_seconds=60,
        backoff_rate=2.0,
        max_attempts=6,
    ),
    # All instances that the account's quota allows are taken, perhaps by this pipeline's other jobs: wait for one,
    # 1, 1.5, … 38 minutes, within about two hours.
    SageMakerJobStepRetryPolicy(
        exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT],
        interval_seconds=60,
        backoff_rate=1.5,
        max_attempts=10,
    ),
)
