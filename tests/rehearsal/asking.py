"""Who asks AWS for what, in the rehearsal: one ask is one decision of IAM's, with the policies of resources.

Names in asks are those of infra.resolving: its account, its names of roles and keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.resolving import ACCOUNT, REGION
from pipeline.targets.aws.iam_evaluator import Request
from tests.infra.requests_of_roles import BUCKET, FOR_AWS, KEY, TO_SAGEMAKER, VIA_S3, VIA_SAGEMAKER

ADMINISTRATOR = "administrator"
SAGEMAKER_ITSELF = "sagemaker.amazonaws.com"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
ENCRYPTION = "s3:x-amz-server-side-encryption"


@dataclass(frozen=True)
class Ask:
    """`who` (a role, the administrator, a service) asks in the act `act`; `wanted`: whether it must be allowed."""

    act: str
    who: str
    request: Request
    wanted: bool = True

    def __str__(self) -> str:
        context = "".join(f", {key}={value}" for key, value in sorted(self.request.context.items()))
        return f"{self.who} asks for {self.request.action} on {self.request.resource}{context}"


@dataclass(frozen=True)
class Put:
    """How an object is sent to S3: the headers that say which encryption; none: the bucket's own."""

    encryption: str | None = None
    key: str | None = None

    @property
    def context(self) -> dict[str, str]:
        """The condition keys that S3 gives the request."""
        given = {ENCRYPTION: self.encryption, f"{ENCRYPTION}-aws-kms-key-id": self.key}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def uses_our_key(self) -> bool:
        """Whether S3 encrypts with the bucket's key: asked for by name, or by default."""
        return self.key == KEY or (self.encryption is None and self.key is None)


def reading(resource: str, context: Mapping[str, str] = VIA_S3) -> list[Request]:
    """Reading an object of the project's bucket, which its key encrypts."""
    return [Request("s3:GetObject", resource), Request("kms:Decrypt", KEY, context)]


def writing(resource: str, put: Put, context: Mapping[str, str] = VIA_S3) -> list[Request]:
    """Writing an object into the project's bucket."""
    asked = [Request("s3:PutObject", resource, put.context)]
    return [*asked, Request("kms:GenerateDataKey", KEY, context)] if put.uses_our_key else asked


def passing(role: str) -> Request:
    """Giving a role, an ARN, to SageMaker."""
    return Request("iam:PassRole", role, TO_SAGEMAKER)


def taking(role: str, source: str) -> Request:
    """SageMaker takes a role for something of its own, an ARN."""
    return Request("sts:AssumeRole", role, {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": source})


def object_arn(uri: str) -> str:
    """The ARN of what lies at an s3:// URI."""
    return f"arn:aws:s3:::{uri.removeprefix('s3://')}"


@dataclass
class Doubtful:
    """What AWS does not document: each way may be the service's, so each must be allowed."""

    grants: tuple[Mapping[str, str], ...] = field(default=(FOR_AWS, VIA_SAGEMAKER))
    through: tuple[Mapping[str, str], ...] = field(default=(VIA_S3, VIA_SAGEMAKER, {}))


EITHER = Doubtful()

__all__ = [
    "ADMINISTRATOR", "ARN", "BUCKET", "EITHER", "KEY", "ROLE", "SAGEMAKER_ITSELF", "Ask", "Put", "object_arn",
    "passing", "reading", "taking", "writing",
]  # fmt: skip
