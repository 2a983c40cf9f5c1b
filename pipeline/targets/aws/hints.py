"""What is likely to help, by what SageMaker gives as the reason of a failure. Pure: texts in, a text out."""

from __future__ import annotations

import re

QUOTA = (
    "quota: the account may not have so many instances of that type at once. Run fewer with --parallel N, take "
    "another with --param TrainingInstanceType=…, or ask for more under Service Quotas, Amazon SageMaker."
)
CAPACITY = (
    "capacity: AWS has no such instance free in this region now. Try again later with resume, or take another type "
    "with --param TrainingInstanceType=… or ProcessingInstanceType=…"
)
ROLE = (
    "role: a role lacks a permission, or cannot be assumed. Bring the stack up to date with make infra-deploy; "
    "docs/permissions.md says what each role may do."
)
KEY = "key: a role may not use the KMS key, or it is disabled. Bring the stack up to date with make infra-deploy."
IMAGE = (
    "image: the container could not be pulled or started. Check --param TrainingImageUri and ProcessingImageUri, "
    "and that the role may pull them."
)
DATA = (
    "data: an input is not where the job looks for it, or not what it expects. Check --param InputDataUri, or "
    "leave it out so that the data set is uploaded again."
)
TIME = (
    "time: the job ran into its time limit. Fewer epochs (--param Epochs=…) or a faster instance type help."
)
MEMORY = (
    "memory: the job needed more than the instance has. Take a larger instance type, or a smaller BatchSize."
)
NETWORK = (
    "network: the job could not reach what it needs from its VPC. Check subnets, security groups, endpoints."
)
GATE = "the quality gate: no model was good enough. Train longer (--param Epochs=…), or lower --param MinAccuracy=…"
CODE = "code: the script itself failed; the end of its log says where."

# In this order: the first that a reason matches is the likeliest.
CAUSES: tuple[tuple[str, str], ...] = (
    (r"quality gate was missed", GATE),
    (r"ResourceLimitExceeded|account-level service limit|job usage' is [0-9]", QUOTA),
    (r"CapacityError|InsufficientCapacity|insufficient capacity|unable to provision requested", CAPACITY),
    (r"MaxRuntime|MaxWaitTime|exceeded .{0,40}runtime", TIME),
    (r"OutOfMemory|out of memory|\bOOM\b|exit code:? ?137|MemoryError|ResourceExhausted", MEMORY),
    (r"\bkms\b|KMSAccessDenied|KMSInvalidState", KEY),
    (
        r"CannotPullContainer|CannotStartContainer|ImageNotFound|\bECR\b|dkr\.ecr|image .{0,80}(not|n't) ",
        IMAGE,
    ),
    (
        r"subnet|security group|ENI\b|timed? out .{0,60}(s3|endpoint)|ConnectTimeout|EndpointConnection",
        NETWORK,
    ),
    (r"AccessDenied|not authorized|assume.{0,10}role|role.{0,60}(permission|trust|assum)|\b403\b", ROLE),
    (
        r"No S3 objects|NoSuchKey|NoSuchBucket|S3 URL|\b404\b|manifest\.json|idx[13]-ubyte|data set|DataDownload|"
        r"digest",
        DATA,
    ),
    (r"AlgorithmError|ExitCode|exit code|Traceback|ExecuteUserScriptError", CODE),
)


def hint_for(reason: str | None) -> str | None:
    """The hint for a failure's reason; None for a reason that is not known."""
    if not reason:
        return None
    for pattern, hint in CAUSES:
        if re.search(pattern, reason, re.IGNORECASE):
            return hint
    return None
