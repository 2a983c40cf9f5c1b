from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from registration import PackageRequest, RegistrationError, client_token, register

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fashion"
GROUP_ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/fashion"
REQUEST = PackageRequest(
    group="fashion",
    execution_id="execution-1",
    description="a model",
    artifact_uri="s3://bucket/model.tar.gz",
    image="image:tag",
    evaluation_uri="s3://bucket/executions/execution-1/evaluation/evaluation.json",
    approval_status="PendingManualApproval",
    metadata={"candidate": "cnn-3x3", "registered_at": "2026-11-23T15:00:00+00:00"},
)
CARD = '{"model_overview":{"model_creator":"us"}}'
CREATION = {
    "ModelPackageGroupName": "fashion",
    "ModelPackageDescription": "a model",
    "ClientToken": client_token("fashion", "execution-1"),
    "ModelApprovalStatus": "PendingManualApproval",
    "Domain": "COMPUTER_VISION",
    "Task": "IMAGE_CLASSIFICATION",
    "InferenceSpecification": {
        "Containers": [{"Image": "image:tag", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
        "SupportedContentTypes": ANY,
        "SupportedResponseMIMETypes": ["application/json"],
        "SupportedRealtimeInferenceInstanceTypes": ANY,
        "SupportedTransformInstanceTypes": ANY,
    },
    "ModelMetrics": {
        "ModelQuality": {
            "Statistics": {"ContentType": "application/json", "S3Uri": REQUEST.evaluation_uri},
        }
    },
    "CustomerMetadataProperties": {**REQUEST.metadata, "execution_id": "execution-1"},
}


@pytest.fixture
def registry() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()
    client.close()


def group_exists(stubber: Stubber) -> None:
    response = {
        "ModelPackageGroupName": "fashion",
        "ModelPackageGroupArn": GROUP_ARN,
        "CreationTime": 0,
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
    }
    stubber.add_response("describe_model_package_group", response, {"ModelPackageGroupName": "fashion"})


def group_holds(
    stubber: Stubber, versions: list[int], next_token: str | None = None, token: str | None = None
) -> None:
    summaries = [
        {"ModelPackageArn": f"{ARN}/{version}", "CreationTime": 0, "ModelPackageStatus": "Completed"}
        | {"ModelPackageGroupName": "fashion", "ModelPackageVersion": version}
        for version in versions
    ]
    query = {"ModelPackageGroupName": "fashion", "SortBy": "CreationTime", "SortOrder": "Descending"}
    stubber.add_response(
        "list_model_packages",
        {"ModelPackageSummaryList": summaries} | ({"NextToken": next_token} if next_token else {}),
        query | ({"NextToken": token} if token else {}),
    )


def package_is_of(stubber: Stubber, version: int, execution_id: str | None) -> None:
    response = {
        "ModelPackageName": f"fashion/{version}",
        "ModelPackageArn": f"{ARN}/{version}",
        "CreationTime": 0,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
    }
    if execution_id:
        response["CustomerMetadataProperties"] = {"execution_id": execution_id}
    stubber.add_response("describe_model_package", response, {"ModelPackageName": f"{ARN}/{version}"})


def test_a_baseline_is_named_where_the_registry_has_a_place_for_it(registry: tuple[Any, Stubber]) -> None:
    client, stubber = registry
    digest = f"sha256:{'0' * 64}"
    statistics = {
        "ContentType": "application/json",
        "ContentDigest": digest,
        "S3Uri": "s3://bucket/baseline.json",
    }
    quality = {"ModelDataQuality": {"Statistics": statistics}}
    expected = CREATION | {
        "ModelMetrics": {**CREATION["ModelMetrics"], **quality},  # type: ignore[dict-item]
        "DriftCheckBaselines": quality,
    }
    group_exists(stubber)
    group_holds(stubber, [])
    stubber.add_response("create_model_package", {"ModelPackageArn": f"{ARN}/1"}, expected)
    request = replace(REQUEST, baseline_uri="s3://bucket/baseline.json", baseline_digest=digest)
    assert register(client, request).version == 1


def test_the_first_package_comes_with_its_group(registry: tuple[Any, Stubber]) -> None:
    client, stubber = registry
    stubber.add_client_error(
        "describe_model_package_group",
        "ValidationException",
        f"ModelPackageGroup {GROUP_ARN} does not exist.",
    )
    stubber.add_response(
        "create_model_package_group",
        {"ModelPackageGroupArn": GROUP_ARN},
        {"ModelPackageGroupName": "fashion", "ModelPackageGroupDescription": ANY},
    )
    group_holds(stubber, [])
    stubber.add_response("create_model_package", {"ModelPackageArn": f"{ARN}/1"}, CREATION)
    registration = register(client, REQUEST)
    assert (registration.model_package_arn, registration.version) == (f"{ARN}/1", 1)
    assert registration.registered
    assert registration.reason == "Version 1 of fashion is registered, PendingManualApproval."


def test_a_group_made_by_another_execution_meanwhile_is_used(registry: tuple[Any, Stubber]) -> None:
    client, stubber = registry
    stubber.add_client_error("describe_model_package_group", "ValidationException", "… does not exist.")
    stubber.add_client_error("create_model_package_group", "ValidationException", "… already exists.")
    group_holds(stubber, [])
    stubber.add_response("create_model_package", {"ModelPackageArn": f"{ARN}/1"}, CREATION)
    assert register(client, REQUEST).version == 1


def test_a_package_of_this_execution_is_found_on_any_page_and_not_made_again(
    registry: tuple[Any, Stubber],
) -> None:
    client, stubber = registry
    group_exists(stubber)
    group_holds(stubber, [4, 3], next_token="more")
    package_is_of(stubber, 4, "another")
    package_is_of(stubber, 3, None)
    group_holds(stubber, [2, 1], token="more")
    package_is_of(stubber, 2, "execution-1")
    registration = register(client, REQUEST)
    assert registration.version == 2
    assert registration.registered
    assert "earlier attempt" in registration.reason


def test_an_attempt_that_was_overtaken_finds_the_other_ones_package(registry: tuple[Any, Stubber]) -> None:
    client, stubber = registry
    group_exists(stubber)
    group_holds(stubber, [])
    stubber.add_client_error("create_model_package", "ConflictException", "the token was used")
    group_holds(stubber, [1])
    package_is_of(stubber, 1, "execution-1")
    assert register(client, REQUEST).version == 1


@pytest.mark.parametrize("code", ["AccessDeniedException", "ConflictException"])
def test_a_refusal_names_the_group_and_the_reason(registry: tuple[Any, Stubber], code: str) -> None:
    client, stubber = registry
    group_exists(stubber)
    group_holds(stubber, [])
    stubber.add_client_error("create_model_package", code, "not you")
    if code == "ConflictException":
        group_holds(stubber, [])
    with pytest.raises(RegistrationError, match=f"group 'fashion'.*{code}.*not you"):
        register(client, REQUEST)


def test_the_package_carries_its_model_card(registry: tuple[Any, Stubber]) -> None:
    client, stubber = registry
    group_exists(stubber)
    group_holds(stubber, [])
    card = {"ModelCardContent": CARD, "ModelCardStatus": "PendingReview"}
    stubber.add_response(
        "create_model_package", {"ModelPackageArn": f"{ARN}/1"}, {**CREATION, "ModelCard": card}
    )
    assert register(client, replace(REQUEST, model_card=CARD)).version == 1


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException"])
def test_a_model_whose_card_is_refused_is_registered_without_it_and_says_so(
    registry: tuple[Any, Stubber], code: str
) -> None:
    client, stubber = registry
    group_exists(stubber)
    group_holds(stubber, [])
    stubber.add_client_error("create_model_package", code, "The model card is not valid.")
    stubber.add_response("create_model_package", {"ModelPackageArn": f"{ARN}/1"}, CREATION)
    registration = register(client, replace(REQUEST, model_card=CARD))
    assert registration.registered
    assert registration.reason == (
        "Version 1 of fashion is registered, PendingManualApproval, without its model card, which the registry "
        "refused: The model card is not valid."
    )


def test_another_refusal_is_not_put_down_to_the_card(registry: tuple[Any, Stubber]) -> None:
    client, stubber = registry
    group_exists(stubber)
    group_holds(stubber, [])
    stubber.add_client_error("create_model_package", "ValidationException", "The image is not known.")
    with pytest.raises(RegistrationError, match="The image is not known"):
        register(client, replace(REQUEST, model_card=CARD))


def test_a_group_that_may_not_be_looked_at_is_not_taken_for_missing(registry: tuple[Any, Stubber]) -> None:
    client, stubber = registry
    stubber.add_client_error("describe_model_package_group", "AccessDeniedException", "not you")
    with pytest.raises(RegistrationError, match="not you"):
        register(client, REQUEST)


@pytest.mark.parametrize(("key", "value"), [("a", ""), ("a", "x" * 257), ("a", "curly{}"), ("k" * 129, "v")])
def test_metadata_that_the_registry_would_refuse_are_refused_first(
    registry: tuple[Any, Stubber], key: str, value: str
) -> None:
    with pytest.raises(RegistrationError, match=f"unlike {key}="):
        register(registry[0], replace(REQUEST, metadata={key: value}))


def test_the_token_depends_on_group_and_execution_and_fits() -> None:
    tokens = {client_token(group, execution) for group in "ab" for execution in "12"}
    assert len(tokens) == 4
    assert {len(token) for token in tokens} == {36}
    assert client_token("a", "1") == client_token("a", "1")
