from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)

from pipeline.errors import AwsError, CredentialsError
from pipeline.targets.aws.aws_errors import code_of, explain, is_missing, is_passing, translate_errors


def answer(code: str, message: str = "because") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeThing")


@pytest.mark.parametrize(
    ("error", "kind", "remedy"),
    [
        (NoCredentialsError(), CredentialsError, "aws sso login"),
        (PartialCredentialsError(provider="env", cred_var="AWS_SECRET"), CredentialsError, "aws sso login"),
        (ProfileNotFound(profile="prod"), CredentialsError, "aws configure list-profiles"),
        (UnauthorizedSSOTokenError(), CredentialsError, "aws sso login"),
        (SSOTokenLoadError(error_msg="expired"), CredentialsError, "aws sso login"),
        (NoRegionError(), CredentialsError, "AWS_REGION"),
        (answer("ExpiredToken"), CredentialsError, "aws sso login"),
        (answer("ExpiredTokenException"), CredentialsError, "aws sso login"),
        (answer("UnrecognizedClientException"), CredentialsError, "aws sso login"),
        (answer("InvalidClientTokenId"), CredentialsError, "aws sso login"),
        (answer("AccessDeniedException"), AwsError, "docs/permissions.md"),
        (answer("AccessDenied"), AwsError, "docs/permissions.md"),
        (answer("ThrottlingException"), AwsError, "in a minute"),
        (answer("ServiceUnavailable"), AwsError, "in a few minutes"),
        (answer("ValidationException"), AwsError, "Correct what it names"),
        (EndpointConnectionError(endpoint_url="https://api"), AwsError, "Check the network"),
        (ConnectTimeoutError(endpoint_url="https://api"), AwsError, "Check the network"),
    ],
)
def test_every_error_says_what_was_done_what_came_back_and_what_to_do(
    error: Exception, kind: type[Exception], remedy: str
) -> None:
    with pytest.raises(kind) as raised, translate_errors("Doing the thing"):
        raise error
    assert str(raised.value).startswith("Doing the thing: ")
    said = (
        f"AWS refused DescribeThing: {code_of(error)} because."
        if kind is AwsError and code_of(error)
        else str(error)
    )
    assert said.rstrip(".") in str(raised.value)
    assert remedy in str(raised.value)
    assert ".." not in str(raised.value)


def test_setting_wrong_credentials_is_wrong_usage_and_a_failure_of_aws_is_not() -> None:
    assert CredentialsError.exit_status == 2
    assert explain(answer("AccessDenied"), "x").exit_status == 1


def test_a_bug_is_not_dressed_up() -> None:
    with pytest.raises(KeyError), translate_errors("Doing the thing"):
        raise KeyError("a bug")


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (answer("ThrottlingException"), True),
        (answer("503"), True),
        (ConnectTimeoutError(endpoint_url="https://api"), True),
        (answer("AccessDenied"), False),
        (answer("ExpiredToken"), False),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(error: Exception, passing: bool) -> None:
    assert is_passing(error) is passing


def test_what_is_missing_is_known_by_code_or_message() -> None:
    assert is_missing(answer("ResourceNotFound"))
    assert is_missing(answer("ValidationException", "ModelPackageGroup x does not exist."))
    assert is_missing(answer("NoSuchBucket"), "NoSuchBucket")
    assert not is_missing(answer("ValidationException", "1 validation error"))
    assert not is_missing(answer("AccessDenied", "x does not exist"))
