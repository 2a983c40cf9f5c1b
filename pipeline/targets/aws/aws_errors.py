"""AWS's errors in plain words: what was being done, what AWS said, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from pipeline.errors import AwsError, CredentialsError, FashionError
from pipeline.printable import printable
from pipeline.targets.aws.answers import NoAnswerError, OddAnswerError

_SHOWN = 300  # characters of what came from elsewhere
# What clients raise. The last two are none of botocore's own: for answers that are not AWS's, such as a web page.
AWS_ERRORS = (ClientError, BotoCoreError, ResponseParserError, OddAnswerError)

SIGN_IN = "Sign in (aws login, aws sso login) or set AWS_PROFILE; `aws sts get-caller-identity` must work."
NAME_A_REGION = (
    "Name one: set AWS_REGION, or give the profile one (aws configure set region REGION). It must be the one "
    "where the stack is."
)

EXPIRED = (
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
)
FORBIDDEN = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403")
THROTTLED = (
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
)
BUSY = ("InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable", "500", "502", "503")


def code_of(error: BaseException) -> str:
    """AWS's code of the error; "" when it is none of AWS's answers."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_forbidden(error: BaseException) -> bool:
    """Whether the credentials lack a permission."""
    return code_of(error) in FORBIDDEN


def is_missing(error: BaseException, *codes: str) -> bool:
    """Whether AWS says that there is no such thing, by its message or by one of `codes`."""
    known = (*codes, "ResourceNotFound", "ResourceNotFoundException", "NoSuchEntity", "NoSuchKey", "404")
    said = str(error).lower()
    return code_of(error) in known or (
        code_of(error) in ("ValidationException", "ValidationError")
        and any(word in said for word in ("does not exist", "not found", "could not find"))
    )


def is_passing(error: BaseException) -> bool:
    """Whether the same request may well succeed a little later: AWS is busy, or the network is away."""
    return code_of(error) in (*THROTTLED, *BUSY) or isinstance(
        error, ConnectionError | HTTPClientError | NoAnswerError
    )


@contextmanager
def translate_errors(doing: str) -> Iterator[None]:
    """Turns what boto3 raises within the block into a FashionError; `doing` begins its message."""
    try:
        yield
    except AWS_ERRORS as error:
        raise explain(error, doing) from error


def likely_hint(error: BaseException) -> str:
    """What to do about an answer of AWS."""
    if is_forbidden(error):
        return (
            "These credentials lack that permission: assume the deployer role (docs/permissions.md says who may), "
            "or ask an administrator of the account."
        )
    if code_of(error) in THROTTLED:
        return "The account makes too many requests at once: run the same command again in a minute."
    if code_of(error) in BUSY:
        return "AWS has a problem: run the same command again in a few minutes."
    return "Correct what it names, then run the same command again."


def explain(
    error: BaseException, doing: str, hint: Callable[[BaseException], str] = likely_hint
) -> FashionError:
    """The error to show for what boto3 raised; `hint` says what to do about an answer of AWS."""
    said = str(error).strip().rstrip(".")
    if isinstance(error, OddAnswerError):
        return AwsError(f"{doing}: {error}")
    if isinstance(error, NoRegionError | InvalidRegionError):
        return CredentialsError(f"{doing}: no region is set, or it is not valid: {said}. {NAME_A_REGION}")
    if isinstance(error, ProfileNotFound):
        return CredentialsError(
            f"{doing}: there is no such profile in ~/.aws/config: {said}. Correct AWS_PROFILE; `aws "
            "configure list-profiles` lists them."
        )
    signed_out = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, SSOError)
    if isinstance(error, (*signed_out, TokenRetrievalError)) or code_of(error) in EXPIRED:
        return CredentialsError(f"{doing}: there are no valid AWS credentials: {said}. {SIGN_IN}")
    if isinstance(error, ResponseParserError):
        return AwsError(
            f"{doing}: the answer is not one of AWS's: {printable(said)[:_SHOWN]}. Is it AWS that answers "
            "there? Look at proxies and AWS_ENDPOINT_URL."
        )
    if isinstance(error, ParamValidationError):
        return AwsError(f"{doing}: that is not a request that AWS accepts: {said}. Correct what it names.")
    if isinstance(error, ConnectionError | HTTPClientError | NoAnswerError):
        return AwsError(
            f"{doing}: could not reach AWS: {said}. Check the network, proxies and the region's name; then "
            "run the same command again."
        )
    if isinstance(error, ClientError):
        message = str(error.response["Error"].get("Message") or "").strip().rstrip(".")
        refused = f"{error.operation_name}: {code_of(error)} {message}".rstrip()
        return AwsError(f"{doing}: AWS refused {refused}. {hint(error)}")
    return AwsError(f"{doing} failed: {said}. {hint(error)}")
