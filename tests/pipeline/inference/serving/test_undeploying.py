"""Removing an endpoint and all that was made for it, and nothing else."""

import pytest

from pipeline.errors import AwsError, UsageError
from pipeline.inference.serving.endpoints import DeployFailed, Endpoints, EndpointState
from pipeline.inference.serving.undeploying import Holdings, find_holdings, remove
from tests.pipeline.targets.aws.stubbed import ARN, NOW

NAME = "fashion-mnist"
SERVICE = "sagemaker"
ENDPOINT = EndpointState(NAME, f"{ARN}:endpoint/{NAME}", "InService", f"{NAME}-2-instance-x")
OURS = {"Project": NAME, "Endpoint": NAME}


@pytest.fixture
def endpoints(stubbed):
    return Endpoints(stubbed.client(SERVICE), sleep=lambda _: None)


def describes(stubbed, status="InService"):
    stubbed.on(
        SERVICE, "describe_endpoint",
        {
            "EndpointName": NAME, "EndpointArn": ENDPOINT.arn, "EndpointConfigName": ENDPOINT.config,
            "EndpointStatus": status, "CreationTime": NOW, "LastModifiedTime": NOW,
        },
        EndpointName=NAME,
    )  # fmt: skip


def missing(stubbed, method="describe_endpoint", what="endpoint"):
    stubbed.fails(SERVICE, method, "ValidationException", f"Could not find {what}.")


def tagged(stubbed, arn, tags):
    answer = [{"Key": key, "Value": value} for key, value in tags.items()]
    stubbed.on(SERVICE, "list_tags", {"Tags": answer}, ResourceArn=arn)


def lists(stubbed, method, key, kind, tags_by_name):
    """`tags_by_name`: None where the tags are not to be asked for."""
    arns = {name: f"{ARN}:{kind}/{name}" for name in tags_by_name}
    title = "EndpointConfig" if kind == "endpoint-config" else "Model"
    items = [{f"{title}Name": name, f"{title}Arn": arn, "CreationTime": NOW} for name, arn in arns.items()]
    stubbed.on(SERVICE, method, {key: items}, NameContains=NAME)
    for name, tags in tags_by_name.items():
        if tags is not None:
            tagged(stubbed, arns[name], tags)


def test_all_that_was_made_is_found_by_its_tags(stubbed, endpoints):
    describes(stubbed)
    tagged(stubbed, ENDPOINT.arn, OURS)
    canary = {"Project": NAME, "Endpoint": f"{NAME}-canary"}
    configs = {
        f"{NAME}-2-instance-x": OURS,
        f"{NAME}-1-instance-y": OURS,
        f"{NAME}-canary-2": canary,
        f"{NAME}-theirs": {},
        f"my-{NAME}": None,
    }
    lists(stubbed, "list_endpoint_configs", "EndpointConfigs", "endpoint-config", configs)
    models = {
        f"{NAME}-2-x": OURS,
        f"{NAME}-approved-1": {"Project": NAME},
        f"{NAME}-other": {"Project": "other"},
        f"other-{NAME}": None,
    }
    lists(stubbed, "list_models", "Models", "model", models)
    assert find_holdings(endpoints, NAME, NAME) == Holdings(
        ENDPOINT,
        (f"{NAME}-2-instance-x", f"{NAME}-1-instance-y"),
        (f"{NAME}-2-x", f"{NAME}-approved-1"),
        True,
    )


def test_what_an_interrupted_removal_left_is_found_without_its_endpoint(stubbed, endpoints):
    missing(stubbed)
    lists(stubbed, "list_endpoint_configs", "EndpointConfigs", "endpoint-config", {})
    lists(stubbed, "list_models", "Models", "model", {f"{NAME}-2-x": OURS})
    found = find_holdings(endpoints, NAME, NAME)
    assert (found.endpoint, found.models, found.empty) == (None, (f"{NAME}-2-x",), False)


def test_nothing_is_nothing(stubbed, endpoints):
    missing(stubbed)
    lists(stubbed, "list_endpoint_configs", "EndpointConfigs", "endpoint-config", {})
    lists(stubbed, "list_models", "Models", "model", {})
    assert find_holdings(endpoints, NAME, NAME).empty


def test_where_listing_is_not_allowed_the_endpoints_own_parts_are_found(stubbed, endpoints):
    describes(stubbed)
    tagged(stubbed, ENDPOINT.arn, OURS)
    stubbed.fails(SERVICE, "list_endpoint_configs", "AccessDeniedException", "no")
    stubbed.on(
        SERVICE, "describe_endpoint_config",
        {
            "EndpointConfigName": ENDPOINT.config, "EndpointConfigArn": f"{ARN}:endpoint-config/x",
            "CreationTime": NOW,
            "ProductionVariants": [{"VariantName": "AllTraffic", "ModelName": f"{NAME}-2-x"}],
        },
        EndpointConfigName=ENDPOINT.config,
    )  # fmt: skip
    assert find_holdings(endpoints, NAME, NAME) == Holdings(
        ENDPOINT, (ENDPOINT.config,), (f"{NAME}-2-x",), False
    )


def test_somebody_elses_endpoint_is_left_alone(stubbed, endpoints):
    describes(stubbed)
    tagged(stubbed, ENDPOINT.arn, {"Project": "other"})
    with pytest.raises(UsageError, match="so it was left alone"):
        find_holdings(endpoints, NAME, NAME)


HELD = Holdings(ENDPOINT, (ENDPOINT.config,), (f"{NAME}-2-x",), True)


def removes_parts(stubbed):
    stubbed.on(SERVICE, "delete_endpoint_config", {}, EndpointConfigName=ENDPOINT.config)
    stubbed.on(SERVICE, "delete_model", {}, ModelName=f"{NAME}-2-x")


def test_the_endpoint_goes_first_and_is_waited_for(stubbed, endpoints):
    describes(stubbed, "Updating")
    describes(stubbed)
    stubbed.on(SERVICE, "delete_endpoint", {}, EndpointName=NAME)
    describes(stubbed, "Deleting")
    missing(stubbed)
    removes_parts(stubbed)
    remove(endpoints, HELD)


def test_what_is_gone_already_is_no_error(stubbed, endpoints):
    missing(stubbed)
    missing(stubbed, "delete_endpoint")
    missing(stubbed, "delete_endpoint_config", "endpoint configuration")
    missing(stubbed, "delete_model", "model")
    remove(endpoints, HELD)


def test_an_endpoint_that_cannot_be_removed_keeps_its_parts_and_is_told(stubbed, endpoints):
    describes(stubbed)
    stubbed.on(SERVICE, "delete_endpoint", {}, EndpointName=NAME)
    describes(stubbed, "Failed")
    with pytest.raises(DeployFailed, match="as long as it is there, it may cost money"):
        remove(endpoints, HELD)


def test_a_refusal_names_what_was_being_removed(stubbed, endpoints):
    describes(stubbed)
    stubbed.on(SERVICE, "delete_endpoint", {}, EndpointName=NAME)
    missing(stubbed)
    stubbed.fails(SERVICE, "delete_endpoint_config", "AccessDeniedException", "no")
    with pytest.raises(AwsError, match=f"Removing the endpoint configuration {ENDPOINT.config}"):
        remove(endpoints, HELD)
