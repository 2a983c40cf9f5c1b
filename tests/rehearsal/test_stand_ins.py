"""The rehearsal's stand-ins refuse what the service is known to refuse."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from infra.resolving import ACCOUNT, REGION, resolve_template
from infra.template import Template, compact
from pipeline.targets.aws.iam_evaluator import Request
from tests.infra.requests_of_roles import BUCKET
from tests.rehearsal.asking import Ask, Put, writing
from tests.rehearsal.calls import Call, Tags, UnknownCall
from tests.rehearsal.formation import LARGEST_INLINE, Formation
from tests.rehearsal.judge import Judge


def tagged(tags: dict[str, str]) -> Tags:
    return lambda arn: tags


@pytest.fixture
def formation() -> Formation:
    def no_client(service: str) -> Any:
        raise AssertionError(service)

    return Formation(no_client, ACCOUNT, REGION)


def change_set(body: str, **parameters: str) -> dict[str, Any]:
    listed = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    about = {"StackName": "fashion-mnist", "ChangeSetName": "one", "Capabilities": ["CAPABILITY_IAM"]}
    return {**about, "TemplateBody": body, "Parameters": listed}


def test_a_large_template_is_not_taken_within_a_request(formation: Formation) -> None:
    with pytest.raises(ClientError, match=f"less than or equal to {LARGEST_INLINE}"):
        formation.create_change_set(**change_set("x" * (LARGEST_INLINE + 1)))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("UploadFolder", "in/coming", "must match pattern"),
        ("CreateVpc", "yes", "must be one of AllowedValues"),
    ],
)
def test_values_that_the_template_excludes_are_refused(
    formation: Formation, template: Template, name: str, value: str, told: str
) -> None:
    small = compact({**template, "Resources": {}, "Outputs": {}})
    with pytest.raises(ClientError, match=told):
        formation.create_change_set(**change_set(small, **{name: value}))


def test_a_request_that_breaks_the_services_model_is_refused(formation: Formation) -> None:
    with pytest.raises(ParamValidationError, match="StackName"):
        formation.create_change_set(ChangeSetName="one")


def test_a_call_of_which_nobody_has_said_what_it_asks_is_refused() -> None:
    for call in (
        Call("sagemaker", "CreateNotebookInstance"),
        Call("sqs", "SendMessage"),
        Call("s3", "PATCH /b/k"),
    ):
        with pytest.raises(UnknownCall):
            call.asks(tagged({}))


def test_changing_an_endpoint_is_decided_by_its_tags(template: Template) -> None:
    judge = Judge(resolve_template(template))
    call = Call("sagemaker", "DeleteEndpoint", {"EndpointName": "fashion-mnist"})
    for tags, refused in (({"Project": "fashion-mnist"}, False), ({"Project": "another"}, True), ({}, True)):
        (request,) = call.asks(tagged(tags))
        assert (judge.refusal(Ask("", "DeployerRole", request)) is not None) == refused


@pytest.mark.parametrize(
    ("put", "refused"),
    [
        (Put(), None),
        (Put("aws:kms", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/Key"), None),
        (Put("aws:kms", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/other"), "DenyOtherKeys"),
        (Put("aws:kms"), "DenyUnnamedKeys"),
        (Put("AES256"), "DenyOtherEncryption"),
    ],
)
def test_the_buckets_policy_decides_how_objects_are_encrypted(
    template: Template, put: Put, refused: str | None
) -> None:
    judge = Judge(resolve_template(template))
    found = [
        judge.refusal(Ask("", "DeployerRole", each)) for each in writing(f"{BUCKET}/fashion-mnist/raw/x", put)
    ]
    assert any(refused in str(each) for each in found) if refused else found == [None, None]


def test_tls_is_asked_of_the_administrator_too(template: Template) -> None:
    judge = Judge(resolve_template(template))
    request = Request("s3:GetObject", f"{BUCKET}/x", {"aws:SecureTransport": "false"})
    assert "DenyWithoutTls" in str(judge.refusal(Ask("", "administrator", request)))


def test_a_service_is_let_in_by_the_policy_of_the_resource_alone(template: Template) -> None:
    judge = Judge(resolve_template(template))
    request = Request("s3:GetObject", f"{BUCKET}/x")
    assert "lets this service in" in str(judge.refusal(Ask("", "events.amazonaws.com", request)))
