"""The function that the template makes of its inline code: an approved model goes behind the endpoint, once."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from infra.resolving import ACCOUNT, ResolvedStack, resolve_template
from infra.template import Template
from pipeline.targets.aws.iam_evaluator import Request, decide
from tests.infra.requests_of_roles import (
    OURS,
    SAGEMAKER,
    SCALED_BY_US,
    TARGET,
    TO_SAGEMAKER,
    identity_statements,
)
from tests.scaling import Scaling

REGION = "us-east-1"
NAME = "fashion-mnist-approved-3-serverless"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/fashion-mnist/3"
TAGS = [{"Key": "Project", "Value": "fashion-mnist"}]
EVENT = {"detail": {"ModelPackageArn": ARN, "ModelApprovalStatus": "Approved"}}
SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 3072, "MaxConcurrency": 5}}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/EndpointRole"


GUARD = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}
    },
    "AutoRollbackConfiguration": {
        "Alarms": [
            {"AlarmName": "fashion-mnist-endpoint-5xx"},
            {"AlarmName": "fashion-mnist-endpoint-latency"},
        ]
    },
}


def load(stack: ResolvedStack, monkeypatch: pytest.MonkeyPatch, scaling: Scaling | None = None) -> Any:
    """The function's handler, with the environment that the template gives it."""
    properties = stack.properties("DeployFunction")
    for name, value in properties["Environment"]["Variables"].items():
        monkeypatch.setenv(name, value)
    module, name = properties["Handler"].split(".")
    assert module == "index"
    namespace: dict[str, Any] = {}
    exec(compile(properties["Code"]["ZipFile"], "index.py", "exec"), namespace)
    return functools.partial(namespace[name], scaling=(scaling or Scaling()).client())


@pytest.fixture
def handler(template: Template, monkeypatch: pytest.MonkeyPatch) -> Any:
    return load(resolve_template(template, {"DeployApproved": "true"}), monkeypatch)


class Account:
    """SageMaker's answers in their order; what else is asked fails the test."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "sagemaker", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.stubber = Stubber(self.client)

    def approved(self, *versions: int) -> None:
        found = [
            {
                "ModelPackageGroupName": "fashion-mnist",
                "ModelPackageVersion": version,
                "ModelPackageArn": ARN,
                "CreationTime": 0,
                "ModelPackageStatus": "Completed",
            }
            for version in versions
        ]
        asked = {
            "ModelPackageGroupName": "fashion-mnist",
            "ModelApprovalStatus": "Approved",
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
            "MaxResults": 1,
        }
        self.stubber.add_response("list_model_packages", {"ModelPackageSummaryList": found}, asked)

    def missing(self, call: str, **asked: str) -> None:
        kind = call.removeprefix("describe_").replace("_", " ")
        self.stubber.add_client_error(
            call, "ValidationException", f'Could not find {kind} "x".', expected_params=asked
        )

    def endpoint(
        self,
        config: str | None,
        status: str,
        tags: Sequence[Mapping[str, str]] = TAGS,
        instances: int | None = None,
    ) -> None:
        found: dict[str, Any] = {
            "EndpointName": "fashion-mnist",
            "EndpointArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/fashion-mnist",
            "EndpointStatus": status,
            "CreationTime": 0,
            "LastModifiedTime": 0,
        }
        if config is not None:
            found["EndpointConfigName"] = config
        if instances is not None:
            found["ProductionVariants"] = [{"VariantName": "AllTraffic", "DesiredInstanceCount": instances}]
        self.stubber.add_response("describe_endpoint", found, {"EndpointName": "fashion-mnist"})
        self.stubber.add_response("list_tags", {"Tags": tags}, {"ResourceArn": found["EndpointArn"]})

    def makes_model_and_config(self, machine: Mapping[str, Any] = SERVERLESS, name: str = NAME) -> None:
        self.missing("describe_model", ModelName=name)
        model = {
            "ModelName": name,
            "ExecutionRoleArn": ROLE,
            "Tags": TAGS,
            "PrimaryContainer": {
                "ModelPackageName": ARN,
                "Environment": {"SAGEMAKER_TFS_DEFAULT_MODEL_NAME": "model"},
            },
            "EnableNetworkIsolation": machine is not SERVERLESS,
        }
        self.stubber.add_response(
            "create_model", {"ModelArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{name}"}, model
        )
        self.missing("describe_endpoint_config", EndpointConfigName=name)
        variant = {"VariantName": "AllTraffic", "ModelName": name, **machine}
        self.stubber.add_response(
            "create_endpoint_config",
            {"EndpointConfigArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint-config/{name}"},
            {"EndpointConfigName": name, "Tags": TAGS, "ProductionVariants": [variant]},
        )

    def gets_config(self, call: str, name: str = NAME, **more: Any) -> None:
        self.stubber.add_response(
            call,
            {"EndpointArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/fashion-mnist"},
            {"EndpointName": "fashion-mnist", "EndpointConfigName": name, **more},
        )

    def is_deleted(self) -> None:
        self.stubber.add_response("delete_endpoint", {}, {"EndpointName": "fashion-mnist"})


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account()
    with made.stubber:
        yield made
    made.stubber.assert_no_pending_responses()


def test_the_first_approved_model_makes_the_endpoint(handler: Any, account: Account) -> None:
    account.approved(3)
    account.missing("describe_endpoint", EndpointName="fashion-mnist")
    account.makes_model_and_config()
    account.gets_config("create_endpoint", Tags=TAGS)
    assert handler(EVENT, None, account.client) == f"The endpoint fashion-mnist gets {NAME}."


def test_a_later_one_takes_the_endpoint_over_on_the_instance_that_was_chosen(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    chosen = {"DeployApproved": "true", "EndpointInstanceType": "ml.m5.large"}
    handler = load(resolve_template(template, chosen), monkeypatch)
    account.approved(3)
    name = "fashion-mnist-approved-3-ml-m5-large"
    account.endpoint("fashion-mnist-approved-2-ml-m5-large", "InService")
    account.makes_model_and_config({"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}, name)
    account.gets_config("update_endpoint", name, DeploymentConfig=GUARD)
    handler(EVENT, None, account.client)


def test_another_instance_takes_over_the_same_version(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    chosen = {"DeployApproved": "true", "EndpointInstanceType": "ml.c5.large"}
    handler = load(resolve_template(template, chosen), monkeypatch)
    account.approved(3)
    name = "fashion-mnist-approved-3-ml-c5-large"
    account.endpoint("fashion-mnist-approved-3-ml-m5-large", "InService")
    account.makes_model_and_config({"InstanceType": "ml.c5.large", "InitialInstanceCount": 1}, name)
    account.gets_config("update_endpoint", name, DeploymentConfig=GUARD)
    handler(EVENT, None, account.client)


def test_emptying_the_instance_type_does_not_count_as_done(handler: Any, account: Account) -> None:
    """SageMaker refuses to make an endpoint with instances serverless; the refusal is what the topic gets."""
    account.approved(3)
    account.endpoint("fashion-mnist-approved-3-ml-m5-large", "InService")
    account.makes_model_and_config()
    account.stubber.add_client_error("update_endpoint", "ValidationException", "cannot be serverless")
    with pytest.raises(ClientError, match="cannot be serverless"):
        handler(EVENT, None, account.client)


def test_the_longest_names_are_as_sagemaker_takes_them(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    project = "a" * 24
    chosen = {"DeployApproved": "true", "EndpointInstanceType": "ml.trn1n.32xlarge", "Project": project}
    handler = load(resolve_template(template, chosen), monkeypatch)
    package = {
        "ModelPackageGroupName": project,
        "ModelPackageVersion": 999_999,
        "ModelPackageArn": ARN,
        "CreationTime": 0,
        "ModelPackageStatus": "Completed",
    }
    account.stubber.add_response("list_model_packages", {"ModelPackageSummaryList": [package]})
    account.missing("describe_endpoint", EndpointName=project)
    account.missing("describe_model", ModelName=f"{project}-approved-999999-ml-trn1n-32xlarge")
    asked: list[dict[str, Any]] = []
    events = account.client.meta.events
    events.register("provide-client-params.sagemaker.CreateModel", lambda params, **_: asked.append(params))
    account.stubber.add_client_error("create_model", "ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        handler(EVENT, None, account.client)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", asked[0]["ModelName"])


def test_an_endpoint_that_failed_is_made_anew(handler: Any, account: Account) -> None:
    """AWS: DeleteEndpoint is the only operation that can be performed on a failed endpoint."""
    account.approved(3)
    account.endpoint(NAME, "Failed")
    account.is_deleted()
    account.approved(3)
    account.endpoint(NAME, "Deleting")
    account.approved(3)
    account.missing("describe_endpoint", EndpointName="fashion-mnist")
    account.makes_model_and_config()
    account.gets_config("create_endpoint", Tags=TAGS)
    slept: list[float] = []
    assert handler(EVENT, None, account.client, slept.append) == f"The endpoint fashion-mnist gets {NAME}."
    assert slept == [15, 15]


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack"])
def test_a_deployment_that_goes_on_is_waited_for(handler: Any, account: Account, status: str) -> None:
    """SageMaker refuses to update an endpoint that is changing: the approval would be lost."""
    account.approved(3)
    account.endpoint("fashion-mnist-approved-2-serverless", status)
    account.approved(3)
    account.endpoint("fashion-mnist-approved-2-serverless", "InService")
    account.makes_model_and_config()
    account.gets_config("update_endpoint")
    slept: list[float] = []
    handler(EVENT, None, account.client, slept.append)
    assert slept == [15]


def test_what_is_approved_while_it_waits_is_not_replaced_by_what_was_approved_before(
    handler: Any, account: Account
) -> None:
    account.approved(2)
    account.endpoint("fashion-mnist-approved-1-serverless", "Updating")
    account.approved(3)
    account.endpoint(NAME, "InService")
    assert handler(EVENT, None, account.client, lambda seconds: None).endswith(f"has {NAME} already.")


def test_the_first_deployment_names_no_configuration_yet(handler: Any, account: Account) -> None:
    account.approved(3)
    account.endpoint(None, "Creating")
    account.approved(3)
    account.endpoint(NAME, "InService")
    assert "already" in handler(EVENT, None, account.client, lambda seconds: None)


def test_it_may_wait_as_long_as_lambda_lets_it_and_fits_into_a_template(everything: ResolvedStack) -> None:
    function = everything.properties("DeployFunction")
    assert function["Timeout"] == 900
    assert len(function["Code"]["ZipFile"]) <= 4_000_000  # AWS::Lambda::Function Code; 4096 until 2022


def test_lambda_takes_the_role_also_where_it_names_no_function(everything: ResolvedStack) -> None:
    trust = everything.properties("DeployFunctionRole")["AssumeRolePolicyDocument"]["Statement"]
    for account, decision in ((ACCOUNT, "allowed"), ("444455556666", "not allowed")):
        context = {"aws:SourceAccount": account}
        assert decide(trust, Request("sts:AssumeRole", "*", context, "lambda.amazonaws.com")) == decision


@pytest.mark.parametrize("status", ["InService", "Creating"])
def test_an_event_that_comes_twice_changes_nothing(handler: Any, account: Account, status: str) -> None:
    account.approved(3)
    account.endpoint(NAME, status)
    assert "already" in handler(EVENT, None, account.client)


def test_a_decision_that_was_taken_back_changes_nothing(handler: Any, account: Account) -> None:
    account.approved()
    account.endpoint(NAME, "InService")
    assert "nothing to do" in handler(EVENT, None, account.client)


def test_somebody_elses_endpoint_of_that_name_is_left_alone(handler: Any, account: Account) -> None:
    """Lambda tells the topic of it."""
    account.approved(3)
    account.endpoint(NAME, "InService", tags=[{"Key": "Project", "Value": "another"}])
    with pytest.raises(RuntimeError, match="not tagged as this project's"):
        handler(EVENT, None, account.client)


def test_a_served_version_that_is_rejected_goes_where_that_is_asked_for(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    chosen = {"DeployApproved": "true", "UndeployRejected": "true"}
    handler = load(resolve_template(template, chosen), monkeypatch)
    account.approved()
    account.endpoint(NAME, "Updating")
    account.approved()
    account.endpoint(NAME, "InService")
    account.is_deleted()
    assert handler(EVENT, None, account.client, lambda seconds: None).endswith("fashion-mnist is deleted.")
    account.approved()
    account.missing("describe_endpoint", EndpointName="fashion-mnist")
    assert "nothing to do" in handler(EVENT, None, account.client)
    account.approved(2)  # which is left: it takes the place of the rejected one
    account.endpoint(NAME, "InService")
    older = NAME.replace("3", "2")
    account.makes_model_and_config(name=older)
    account.gets_config("update_endpoint", older)
    assert handler(EVENT, None, account.client) == f"The endpoint fashion-mnist gets {older}."


def test_what_an_interrupted_call_has_made_is_used(handler: Any, account: Account) -> None:
    account.approved(3)
    account.missing("describe_endpoint", EndpointName="fashion-mnist")
    model = {
        "ModelName": NAME,
        "ModelArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{NAME}",
        "CreationTime": 0,
    }
    account.stubber.add_response("describe_model", model, {"ModelName": NAME})
    config = {
        "EndpointConfigName": NAME,
        "EndpointConfigArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint-config/{NAME}",
        "ProductionVariants": [{"VariantName": "AllTraffic"}],
        "CreationTime": 0,
    }
    account.stubber.add_response("describe_endpoint_config", config, {"EndpointConfigName": NAME})
    account.gets_config("create_endpoint", Tags=TAGS)
    handler(EVENT, None, account.client)


def test_other_failures_are_not_swallowed(handler: Any, account: Account) -> None:
    """Lambda tries again twice, and then tells the topic."""
    account.approved(3)
    account.stubber.add_client_error("describe_endpoint", "AccessDeniedException", "is not authorized")
    with pytest.raises(ClientError, match="not authorized"):
        handler(EVENT, None, account.client)


def test_approving_in_moto_puts_the_newest_model_behind_the_endpoint(
    handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        sagemaker = boto3.client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName="fashion-mnist")
        for _ in range(2):
            arn = sagemaker.create_model_package(
                ModelPackageGroupName="fashion-mnist", ModelApprovalStatus="PendingManualApproval"
            )["ModelPackageArn"]
        assert "nothing to do" in handler(EVENT, None)
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        handler({"detail": {"ModelPackageArn": arn}}, None)
        handler({"detail": {"ModelPackageArn": arn}}, None)
        endpoint = sagemaker.describe_endpoint(EndpointName="fashion-mnist")
        assert endpoint["EndpointConfigName"] == "fashion-mnist-approved-2-serverless"
        model = sagemaker.describe_model(ModelName="fashion-mnist-approved-2-serverless")
        assert model["PrimaryContainer"]["ModelPackageName"] == arn
        assert len(sagemaker.list_endpoints()["Endpoints"]) == 1


def test_the_function_may_call_what_it_calls(everything: ResolvedStack) -> None:
    code = everything.properties("DeployFunction")["Code"]["ZipFile"]
    resources = {
        "list_model_packages": f"{SAGEMAKER}:model-package-group/fashion-mnist",
        "list_tags": f"{SAGEMAKER}:endpoint/fashion-mnist",
        "describe_endpoint": f"{SAGEMAKER}:endpoint/fashion-mnist",
        "describe_model": f"{SAGEMAKER}:model/{NAME}",
        "create_model": f"{SAGEMAKER}:model/{NAME}",
        "describe_endpoint_config": f"{SAGEMAKER}:endpoint-config/{NAME}",
        "create_endpoint_config": f"{SAGEMAKER}:endpoint-config/{NAME}",
        "update_endpoint": f"{SAGEMAKER}:endpoint/fashion-mnist",
        "delete_endpoint": f"{SAGEMAKER}:endpoint/fashion-mnist",
        "create_endpoint": f"{SAGEMAKER}:endpoint/fashion-mnist",
    }
    assert set(re.findall(r"\bsagemaker\.(\w+)", code)) == set(resources)
    statements = identity_statements(everything, "DeployFunctionRole")
    for call, resource in resources.items():
        action = "sagemaker:" + "".join(word.title() for word in call.split("_"))
        assert decide(statements, Request(action, resource, OURS)) == "allowed", action
    calls = set(re.findall(r"\bscaling\.(\w+)\(", code))
    assert calls == {
        *("describe_scalable_targets", "register_scalable_target", "deregister_scalable_target"),
        "put_scaling_policy",
    }
    for call in calls:
        action = "application-autoscaling:" + "".join(word.title() for word in call.split("_"))
        target = "*" if "Describe" in action else TARGET
        assert decide(statements, Request(action, target, {**SCALED_BY_US, **OURS})) == "allowed", action
    passing = Request("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/EndpointRole", TO_SAGEMAKER)
    assert decide(statements, passing) == "allowed"


def test_the_parameter_names_the_instances_that_models_are_registered_for(template: Template) -> None:
    import registration

    described = template["Parameters"]["EndpointInstanceType"]["Description"]
    assert set(re.findall(r"ml\.[a-z0-9]+\.[a-z0-9]+", described)) == set(registration._REALTIME_INSTANCES)


SCALES = {"DeployApproved": "true", "EndpointInstanceType": "ml.m5.large", "EndpointMaxInstances": "4"}
SCALED = "fashion-mnist-approved-3-ml-m5-large"
INSTANCE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
RETAINS = {
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
}


@pytest.fixture
def scaling() -> Scaling:
    return Scaling()


def test_an_endpoint_is_scaled_once_it_serves(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account, scaling: Scaling
) -> None:
    chosen = {**SCALES, "EndpointInstances": "2", "EndpointRequests": "300"}
    handler = load(resolve_template(template, chosen), monkeypatch, scaling)
    name = f"{SCALED}-2"
    account.approved(3)
    account.missing("describe_endpoint", EndpointName="fashion-mnist")
    account.makes_model_and_config({**INSTANCE, "InitialInstanceCount": 2}, name)
    account.gets_config("create_endpoint", name, Tags=TAGS)
    for status in ("Creating", "InService"):
        account.approved(3)
        account.endpoint(name, status)
    slept: list[float] = []
    assert handler(EVENT, None, account.client, slept.append) == f"The endpoint fashion-mnist has {name}."
    assert slept == [15, 15]
    assert scaling.limits("fashion-mnist") == (2, 4, 300.0)
    assert scaling.targets["endpoint/fashion-mnist/variant/AllTraffic"]["Tags"] == {
        "Project": "fashion-mnist"
    }


def test_an_update_of_a_scaled_endpoint_keeps_its_instances_and_scales_again_after_it(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account, scaling: Scaling
) -> None:
    handler = load(resolve_template(template, SCALES), monkeypatch, scaling)
    scaling.has("fashion-mnist", 1, 3)
    account.approved(3)
    account.endpoint("fashion-mnist-approved-2-ml-m5-large", "InService", instances=3)
    account.makes_model_and_config(INSTANCE, SCALED)
    account.gets_config("update_endpoint", SCALED, DeploymentConfig=GUARD, **RETAINS)
    for config, status in (("fashion-mnist-approved-2-ml-m5-large", "Updating"), (SCALED, "InService")):
        account.approved(3)
        account.endpoint(config, status)
    assert handler(EVENT, None, account.client, lambda seconds: None).endswith(f"has {SCALED}.")
    assert scaling.calls == ["DeregisterScalableTarget", "RegisterScalableTarget", "PutScalingPolicy"]
    assert scaling.limits("fashion-mnist") == (1, 4, 1000.0)


@pytest.mark.parametrize("instances", [1, 5])
def test_as_many_instances_as_are_not_wanted_are_not_kept(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account, scaling: Scaling, instances: int
) -> None:
    handler = load(resolve_template(template, SCALES), monkeypatch, scaling)
    account.approved(3)
    account.endpoint("fashion-mnist-approved-2-ml-m5-large", "InService", instances=instances)
    account.makes_model_and_config(INSTANCE, SCALED)
    account.gets_config("update_endpoint", SCALED, DeploymentConfig=GUARD)
    account.approved(3)
    account.endpoint(SCALED, "InService")
    handler(EVENT, None, account.client, lambda seconds: None)


@pytest.mark.parametrize(("status", "scales"), [("InService", True), ("Failed", False)])
def test_an_update_that_is_taken_back_is_not_tried_again_and_what_serves_is_scaled(
    template: Template,
    monkeypatch: pytest.MonkeyPatch,
    account: Account,
    scaling: Scaling,
    status: str,
    scales: bool,
) -> None:
    handler = load(resolve_template(template, SCALES), monkeypatch, scaling)
    old = "fashion-mnist-approved-2-ml-m5-large"
    scaling.has("fashion-mnist", 1, 4)
    account.approved(3)
    account.endpoint(old, "InService", instances=1)
    account.makes_model_and_config(INSTANCE, SCALED)
    account.gets_config("update_endpoint", SCALED, DeploymentConfig=GUARD)
    for each in ("RollingBack", status):
        account.approved(3)
        account.endpoint(old, each)
    said = handler(EVENT, None, account.client, lambda seconds: None)
    assert said == f"The endpoint fashion-mnist did not get {SCALED}: it is {status} with {old}."
    assert (scaling.limits("fashion-mnist") == (1, 4, 1000.0)) == scales


def test_an_event_that_comes_twice_leaves_a_scaled_endpoint_as_it_is(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account, scaling: Scaling
) -> None:
    """But for the policy, which an interrupted call may not have put."""
    handler = load(resolve_template(template, SCALES), monkeypatch, scaling)
    scaling.has("fashion-mnist", 1, 4)
    account.approved(3)
    account.endpoint(SCALED, "InService")
    assert "already" in handler(EVENT, None, account.client)
    assert scaling.calls == ["PutScalingPolicy"]


def test_one_that_is_no_longer_to_scale_is_deregistered(
    handler: Any, template: Template, monkeypatch: pytest.MonkeyPatch, account: Account, scaling: Scaling
) -> None:
    handler = load(resolve_template(template, {**SCALES, "EndpointMaxInstances": "0"}), monkeypatch, scaling)
    scaling.has("fashion-mnist", 1, 4)
    account.approved(3)
    account.endpoint(SCALED, "InService")
    handler(EVENT, None, account.client)
    assert scaling.targets == {}


@pytest.mark.parametrize("status", ["InService", "Failed"])
def test_it_is_deregistered_before_it_is_deleted(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account, scaling: Scaling, status: str
) -> None:
    chosen = {**SCALES, "UndeployRejected": "true"}
    handler = load(resolve_template(template, chosen), monkeypatch, scaling)
    scaling.has("fashion-mnist", 1, 4)
    scaling.refused["DeregisterScalableTarget"] = "AccessDeniedException"
    account.approved(*([] if status == "InService" else [3]))
    account.endpoint(SCALED, status)
    with pytest.raises(ClientError, match="DeregisterScalableTarget"):
        handler(EVENT, None, account.client)


@pytest.mark.parametrize(
    "wrong",
    [
        {"EndpointInstanceType": ""},
        {"EndpointInstanceType": "ml.t2.medium"},
        {"EndpointInstances": "4"},
        {"EndpointMaxInstances": "1"},
    ],
)
def test_what_cannot_be_scaled_is_told_before_anything_is_changed(
    template: Template, monkeypatch: pytest.MonkeyPatch, account: Account, wrong: dict[str, str]
) -> None:
    handler = load(resolve_template(template, {**SCALES, **wrong}), monkeypatch)
    account.approved(3)
    account.missing("describe_endpoint", EndpointName="fashion-mnist")
    with pytest.raises(RuntimeError, match="EndpointMaxInstances needs an EndpointInstanceType"):
        handler(EVENT, None, account.client)
