"""What is likely to help, by SageMaker's own reason why an endpoint failed. Pure: texts in, a text out."""

from __future__ import annotations

import re

# In this order: the first that a reason matches is the likeliest.
CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"ResourceLimitExceeded|service limit|endpoint usage",
        "the account may not have so many of these instances for endpoints. Take another --instance-type, "
        "--serverless, or ask for more under Service Quotas, Amazon SageMaker (… for endpoint usage)",
    ),
    (
        r"InsufficientCapacity|CapacityError|insufficient capacity|unable to provision",
        "AWS has no such instance free in this region now. Try again later, or take another --instance-type or "
        "--serverless",
    ),
    (
        r"ping|health check|did not pass",
        "the container did not come up: its own words are in CloudWatch, log group /aws/sagemaker/Endpoints/"
        "{name}. With --serverless, more --memory may help",
    ),
    (
        r"memory|OutOfMemory",
        "the model needs more memory: take a larger --instance-type, or more --memory with --serverless",
    ),
    (
        r"dkr\.ecr|\bECR\b|image",
        "the container's image could not be pulled: bring the stack up to date with make infra-deploy, whose "
        "endpoint role may pull it",
    ),
    (
        r"s3|model data|AccessDenied|not authorized|assume|role|kms",
        "the endpoint's role may not read the model: bring the stack up to date with make infra-deploy; "
        "docs/permissions.md says what it may do",
    ),
)
OTHERWISE = "the container's own words are in CloudWatch, log group /aws/sagemaker/Endpoints/{name}"


def hosting_hint(reason: str, endpoint: str) -> str:
    """What to do about a failure's reason, for the endpoint of that name."""
    for pattern, hint in CAUSES:
        if re.search(pattern, reason, re.IGNORECASE):
            return hint.format(name=endpoint)
    return OTHERWISE.format(name=endpoint)
