"""Endpoints whose number of instances follows the requests: begun, kept through updates, and ended."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from pipeline.cli.commands.deploy import describe
from pipeline.errors import AwsError, UsageError
from pipeline.inference.serving.autoscaling import Autoscaling
from pipeline.inference.serving.deploying import Deploying, Need, Situation, look
from pipeline.inference.serving.deployment import Capturing
from pipeline.inference.serving.endpoints import DeployFailed
from pipeline.inference.serving.hosting import Hosting, Scaling
from pipeline.inference.serving.hosting_cost import say_hosting_cost
from pipeline.targets.aws.prices import FROM_LIST, Price
from tests import scaling as stand_in
from tests.pipeline.inference.serving.test_deploying import (
    ALARMS,
    BEFORE,
    CREATE,
    ENDPOINT_ARN,
    NAME,
    OLD,
    SERVICE,
    Time,
    creates,
    deployment,
    describes,
    makes_config,
    makes_model,
    removes_endpoint,
    removes_parts,
    tagged,
    updates,
)

WANTED = deployment(max_instances=4, requests=300)
LIMITS = (1, 4, 300.0)
SCALED = Scaling(1, 3, 1000)
UPDATE = Situation(Need.UPDATE, replace(BEFORE, instances=3), SCALED)
RETAINS = {
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
}


@pytest.fixture
def scaling():
    return stand_in.Scaling()


@pytest.fixture
def endpoints(stubbed, scaling):
    return replace(Time().endpoints(stubbed), autoscaling=Autoscaling(scaling.client(), NAME))


def carry_out(endpoints, situation, wanted=WANTED):
    Deploying(endpoints, wanted, print).carry_out(situation)


def updates_to(stubbed, wanted=WANTED, **more):
    stubbed.on(
        SERVICE, "update_endpoint", {"EndpointArn": ENDPOINT_ARN},
        EndpointName=NAME, EndpointConfigName=wanted.config_name, **more,
    )  # fmt: skip


def test_it_is_begun_once_the_endpoint_serves(stubbed, endpoints, scaling):
    makes_model(stubbed)
    makes_config(stubbed)
    creates(stubbed)
    describes(stubbed, "Creating")
    describes(stubbed, "InService")
    carry_out(endpoints, CREATE)
    assert scaling.limits(NAME) == LIMITS
    assert scaling.targets[stand_in.of_endpoint(NAME)]["Tags"] == {"Project": NAME}


def test_how_an_endpoint_scales_is_no_part_of_its_configuration():
    """Or another maximum would be another endpoint."""
    assert WANTED.config_name == deployment().config_name


@pytest.mark.parametrize(
    ("before", "wanted", "need"),
    [
        (None, deployment(), Need.NOTHING),
        (None, WANTED, Need.SCALE),
        ((1, 4, 300), WANTED, Need.NOTHING),
        ((1, 3, 300), WANTED, Need.SCALE),
        ((1, 4, 1000), WANTED, Need.SCALE),
        ((1, 4, 300), deployment(), Need.SCALE),
    ],
)
def test_an_endpoint_that_serves_what_it_must_changes_how_it_scales_alone(
    stubbed, endpoints, scaling, before, wanted, need
):
    if before:
        scaling.has(NAME, *before)
    describes(stubbed, "InService")
    tagged(stubbed)
    situation = look(endpoints, wanted)
    assert situation.need is need
    if need is Need.SCALE:
        assert "already" in describe(wanted, situation)
        carry_out(endpoints, situation, wanted)
        expected = LIMITS if wanted is WANTED else None
        assert scaling.limits(NAME) == expected


def test_an_update_keeps_the_instances_that_there_are_and_scales_again_after_it(stubbed, endpoints, scaling):
    scaling.has(NAME, 1, 3)
    makes_model(stubbed)
    makes_config(stubbed)
    updates_to(stubbed, **RETAINS)
    describes(stubbed, "Updating", OLD)
    describes(stubbed, "InService")
    carry_out(endpoints, UPDATE)
    assert scaling.calls == ["DeregisterScalableTarget", "RegisterScalableTarget", "PutScalingPolicy"]
    assert scaling.limits(NAME) == LIMITS


@pytest.mark.parametrize("instances", [None, 1, 5])
def test_as_many_instances_as_are_not_wanted_are_not_kept(instances):
    assert WANTED.update_options(instances) == {}


def test_the_kept_instances_are_changed_one_first_where_an_alarm_watches():
    options = replace(WANTED, alarms=ALARMS).update_options(3)
    assert options["RetainAllVariantProperties"]
    policy = options["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert policy["Type"] == "CANARY"


def test_one_that_no_longer_is_to_scale_is_told_so_and_updated(stubbed, endpoints, scaling):
    scaling.has(NAME, 1, 3)
    wanted = deployment()
    assert "no longer scales; until now up to 3 instances" in describe(wanted, UPDATE)
    makes_model(stubbed)
    makes_config(stubbed)
    updates(stubbed)
    describes(stubbed, "InService")
    carry_out(endpoints, UPDATE, wanted)
    assert scaling.limits(NAME) is None


def test_where_sagemaker_goes_back_the_old_scales_as_it_did(stubbed, endpoints, scaling):
    scaling.has(NAME, 1, 3)
    makes_model(stubbed)
    makes_config(stubbed)
    updates_to(stubbed, **RETAINS)
    describes(stubbed, "RollingBack", OLD)
    describes(stubbed, "InService", OLD, "an alarm")
    removes_parts(stubbed)
    with pytest.raises(DeployFailed, match="SageMaker went back to"):
        carry_out(endpoints, UPDATE)
    assert scaling.limits(NAME) == (1, 3, 1000.0)


def test_where_sagemaker_refuses_the_update_the_old_scales_as_it_did(stubbed, endpoints, scaling):
    scaling.has(NAME, 1, 3)
    makes_model(stubbed)
    makes_config(stubbed)
    stubbed.fails(SERVICE, "update_endpoint", "ResourceLimitExceeded", "too many")
    removes_parts(stubbed)
    with pytest.raises(AwsError, match="too many"):
        carry_out(endpoints, UPDATE)
    assert scaling.limits(NAME) == (1, 3, 1000.0)


def test_one_that_does_not_pass_a_test_goes_back_to_how_it_scaled(stubbed, endpoints, scaling):
    scaling.has(NAME, 1, 4, 300)
    stubbed.on(
        SERVICE, "update_endpoint", {"EndpointArn": ENDPOINT_ARN}, EndpointName=NAME, EndpointConfigName=OLD
    )
    describes(stubbed, "InService", OLD)
    failed = Deploying(endpoints, WANTED, print).put_back(UPDATE, "It is wrong.")
    assert str(failed).endswith(
        "fashion-mnist-1-instance-0a1b2c3d, which was there before, is in service again."
    )
    assert scaling.limits(NAME) == (1, 3, 1000.0)


def test_one_that_could_not_be_scaled_again_is_told(stubbed, endpoints, scaling):
    scaling.has(NAME, 1, 3)
    scaling.refused["RegisterScalableTarget"] = "ThrottlingException"
    makes_model(stubbed)
    makes_config(stubbed)
    updates_to(stubbed, **RETAINS)
    describes(stubbed, "RollingBack", OLD)
    describes(stubbed, "InService", OLD, "an alarm")
    removes_parts(stubbed)
    with pytest.raises(DeployFailed, match="It no longer scales, and could not be made to again"):
        carry_out(endpoints, UPDATE)


def test_one_that_serves_and_could_not_be_scaled_is_told(stubbed, endpoints, scaling):
    scaling.refused["PutScalingPolicy"] = "AccessDeniedException"
    makes_model(stubbed)
    makes_config(stubbed)
    creates(stubbed)
    describes(stubbed, "InService")
    with pytest.raises(AwsError, match=r"is in service\. Scaling it \(the same command tries again\)"):
        carry_out(endpoints, CREATE)


def test_it_is_ended_before_the_endpoint_is_removed(stubbed, endpoints, scaling):
    scaling.has(NAME, 1, 3)
    removes_endpoint(stubbed)
    endpoints.delete_endpoint(NAME)
    assert scaling.calls == ["DeregisterScalableTarget"]


def test_an_endpoint_whose_scaling_cannot_be_ended_is_left(stubbed, endpoints, scaling):
    """As one that somebody else has scaled, whose registration has no tag of the project."""
    scaling.has(NAME, 1, 3)
    scaling.refused["DeregisterScalableTarget"] = "AccessDeniedException"
    with pytest.raises(ClientError, match="DeregisterScalableTarget"):
        endpoints.delete_endpoint(NAME)


def test_scaling_that_ended_meanwhile_is_no_fault(endpoints, scaling):
    scaling.has(NAME, 1, 3)
    scaling.refused["DeregisterScalableTarget"] = "ObjectNotFoundException"
    endpoints.end_scaling(NAME)


def test_an_older_stack_lets_nobody_look_and_its_endpoints_are_removed_all_the_same(
    stubbed, endpoints, scaling
):
    scaling.refused["DescribeScalableTargets"] = "AccessDeniedException"
    removes_endpoint(stubbed)
    endpoints.delete_endpoint(NAME)


def test_scaling_by_somebodys_own_policy_is_seen(endpoints, scaling):
    scaling.has(NAME, 2, 3)
    scaling.policies[stand_in.of_endpoint(NAME)]["PolicyName"] = "theirs"
    assert endpoints.scaling(NAME) == Scaling(2, 3, 0)
    endpoints.end_scaling(NAME)
    endpoints.begin_scaling(NAME, Scaling(2, 3, 0))
    assert scaling.policies == {}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (
            {"max_instances": 1},
            "--max-instances must be more than --instances, 1, and at most 10 \\(got 1\\)",
        ),
        ({"max_instances": 11}, "at most 10 \\(got 11\\)"),
        ({"instances": 3, "max_instances": 3}, "more than --instances, 3"),
        ({"max_instances": 4, "requests": 0}, "at least 1 request a minute \\(got 0\\)"),
        ({"max_instances": 4, "instance_type": "ml.t2.medium"}, "burstable instances, such as ml.t2.medium"),
        ({"max_instances": 4, "instance_type": None}, "A serverless endpoint has no instances to add"),
    ],
)
def test_what_cannot_be_scaled_is_refused(wrong, text):
    with pytest.raises(UsageError, match=text):
        Hosting(**wrong)


def test_the_cost_is_said_for_the_fewest_and_for_the_most():
    class Prices:
        def hourly(self, instance_type, kind):
            return Price(0.115, FROM_LIST)

    said = say_hosting_cost(Hosting(max_instances=4), Prices())
    assert "0.115 USD an hour" in said
    assert "with all 4 instances 0.46 USD an hour, 335.80 USD a month" in said
    assert "with all" not in say_hosting_cost(Hosting(), Prices())


def test_capturing_follows_the_new_configuration_and_not_the_old():
    wanted = replace(WANTED, capturing=Capturing(20, "s3://b/captured", "key"))
    kept = wanted.update_options(3)["ExcludeRetainedVariantProperties"]
    assert kept == [{"VariantPropertyType": "DataCaptureConfig"}]
