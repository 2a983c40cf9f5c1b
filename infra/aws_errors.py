"""AWS's errors in plain words: what was being done, what AWS said, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from infra.aws import CREDENTIALS_HINT
from infra.stack import InfraError
from pipeline.printable import printable

EXPIRED = (
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
)
SHOWN = 300  # characters of what came from elsewhere
FORBIDDEN = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@contextmanager
def translate_errors(command: str) -> Iterator[None]:
    """Turns what boto3 raises within the block into InfraError."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise InfraError(
            f"infra {command}: there are no AWS credentials: {error}. {CREDENTIALS_HINT}"
        ) from error
    except ProfileNotFound as error:
        raise InfraError(
            f"infra {command}: there is no such profile in ~/.aws/config: {error}. `aws configure "
            "list-profiles` lists them."
        ) from error
    except NoRegionError as error:
        raise InfraError(
            f"infra {command}: no region is set: {error}. Name one, for example --region us-east-1."
        ) from error
    except EndpointConnectionError as error:
        raise InfraError(
            f"infra {command}: could not reach AWS: {error}. Check the network and the region's name."
        ) from error
    except ClientError as error:
        told = error.response["Error"]
        message = str(told.get("Message") or "").rstrip(".")
        refused = f"{error.operation_name}: {told.get('Code')} {message}".rstrip()
        raise InfraError(f"infra {command}: AWS refused {refused}. {hint(error)}") from error
    except ResponseParserError as error:
        raise InfraError(
            f"infra {command}: the answer is not one of AWS's: {printable(str(error))[:SHOWN]}. Is it AWS "
            "that answers there? Look at proxies and AWS_ENDPOINT_URL."
        ) from error
    except BotoCoreError as error:
        raise InfraError(
            f"infra {command}: AWS did not answer: {error}. Run the same command again."
        ) from error


def hint(error: ClientError) -> str:
    """What to do about an answer of AWS."""
    code = error.response["Error"]["Code"]
    if code in EXPIRED:
        return CREDENTIALS_HINT
    if code in FORBIDDEN:
        return "These credentials lack that permission: use an administrator's of this account, or ask one."
    if code == "ValidationError":
        return "Correct what it names, then run the same command again."
    return "CloudFormation continues what it has begun. Watch it: python -m infra status"
