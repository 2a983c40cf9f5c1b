"""Deploying against an account whose every answer is written down; Stubber checks requests against AWS's model."""

from dataclasses import replace

import pytest
from botocore.exceptions import ReadTimeoutError

from pipeline.errors import AwsError, UsageError
from pipeline.inference.serving.deploying import Deploying, Need, Situation, look
from pipeline.inference.serving.deployment import Capturing, Deployment, belongs
from pipeline.inference.serving.endpoints import DeployFailed, Endpoints, EndpointState
from pipeline.inference.serving.hosting import Hosting
from tests.pipeline.targets.aws.stubbed import ARN, NOW, role

NAME = "fashion-mnist"
ENDPOINT_ARN = f"{ARN}:endpoint/{NAME}"
SERVICE = "sagemaker"
OURS = [{"Key": "Project", "Value": NAME}, {"Key": "Endpoint", "Value": NAME}]
OLD = f"{NAME}-1-instance-0a1b2c3d"


def deployment(version=2, **hosting):
    return Deployment(
        NAME, NAME, version, f"{ARN}:model-package/{NAME}/{version}", role("endpoint"), Hosting(**hosting)
    )


NEW = deployment()


class Time:
    """Sleeping passes at once; `shown` is what a user saw."""

    def __init__(self):
        self.now, self.shown = 0.0, []

    def endpoints(self, stubbed):
        return Endpoints(
            stubbed.client(SERVICE), lambda *what: self.shown.append(what), self.sleep, lambda: self.now
        )

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def endpoints(stubbed, time):
    return time.endpoints(stubbed)


def describes(stubbed, status, config=NEW.config_name, reason=None):
    answer = {
        "EndpointName": NAME, "EndpointArn": ENDPOINT_ARN, "EndpointConfigName": config,
        "EndpointStatus": status, "CreationTime": NOW, "LastModifiedTime": NOW,
    }  # fmt: skip
    if reason:
        answer["FailureReason"] = reason
    stubbed.on(SERVICE, "describe_endpoint", answer, EndpointName=NAME)


def missing(stubbed, method, what):
    stubbed.fails(SERVICE, method, "ValidationException", f"Could not find {what}.")


def tagged(stubbed, tags=OURS, arn=ENDPOINT_ARN):
    stubbed.on(SERVICE, "list_tags", {"Tags": tags}, ResourceArn=arn)


def has_variants(stubbed, config, **variant):
    stubbed.on(
        SERVICE, "describe_endpoint_config",
        {
            "EndpointConfigName": config, "EndpointConfigArn": f"{ARN}:endpoint-config/{config}",
            "ProductionVariants": [{"VariantName": "AllTraffic", "ModelName": "a-model", **variant}],
            "CreationTime": NOW,
        },
        EndpointConfigName=config,
    )  # fmt: skip


def makes_model(stubbed, wanted=NEW):
    missing(stubbed, "describe_model", "model")
    stubbed.on(
        SERVICE, "create_model", {"ModelArn": f"{ARN}:model/{wanted.model_name}"},
        ModelName=wanted.model_name,
        PrimaryContainer={
            "ModelPackageName": wanted.package_arn,
            "Environment": {"SAGEMAKER_TFS_DEFAULT_MODEL_NAME": "model"},
        },
        ExecutionRoleArn=role("endpoint"),
        EnableNetworkIsolation=not wanted.hosting.serverless,
        Tags=[*OURS, {"Key": "ModelVersion", "Value": "2"}],
    )  # fmt: skip


def makes_config(stubbed, wanted=NEW, **variant):
    variant = variant or {
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    missing(stubbed, "describe_endpoint_config", "endpoint configuration")
    stubbed.on(
        SERVICE, "create_endpoint_config", {"EndpointConfigArn": f"{ARN}:endpoint-config/{wanted.config_name}"},
        EndpointConfigName=wanted.config_name,
        ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": wanted.model_name, **variant}],
        Tags=[*OURS, {"Key": "ModelVersion", "Value": "2"}],
    )  # fmt: skip


def creates(stubbed, config=NEW.config_name):
    stubbed.on(
        SERVICE, "create_endpoint", {"EndpointArn": ENDPOINT_ARN},
        EndpointName=NAME, EndpointConfigName=config, Tags=OURS,
    )  # fmt: skip


def updates(stubbed):
    stubbed.on(
        SERVICE, "update_endpoint", {"EndpointArn": ENDPOINT_ARN},
        EndpointName=NAME, EndpointConfigName=NEW.config_name,
    )  # fmt: skip


def removes_endpoint(stubbed):
    stubbed.on(SERVICE, "delete_endpoint", {}, EndpointName=NAME)
    missing(stubbed, "describe_endpoint", "endpoint")


def removes_parts(stubbed, config=True):
    if config:
        stubbed.on(SERVICE, "delete_endpoint_config", {}, EndpointConfigName=NEW.config_name)
    stubbed.on(SERVICE, "delete_model", {}, ModelName=NEW.model_name)


BEFORE = EndpointState(NAME, ENDPOINT_ARN, "InService", OLD)
CREATE, UPDATE = Situation(Need.CREATE, None), Situation(Need.UPDATE, BEFORE)


def carry_out(endpoints, situation, wanted=NEW):
    said: list[str] = []
    Deploying(endpoints, wanted, said.append).carry_out(situation)
    return said


def failure(endpoints, situation, error=DeployFailed):
    with pytest.raises(error) as caught:
        carry_out(endpoints, situation)
    return str(caught.value)


class TestLooking:
    def test_without_an_endpoint_one_has_to_be_created(self, stubbed, endpoints):
        missing(stubbed, "describe_endpoint", "endpoint")
        assert look(endpoints, NEW).need is Need.CREATE

    def test_one_that_serves_the_same_needs_nothing(self, stubbed, endpoints):
        describes(stubbed, "InService")
        tagged(stubbed)
        assert look(endpoints, NEW).need is Need.NOTHING

    def test_one_that_serves_another_version_is_updated(self, stubbed, endpoints):
        describes(stubbed, "InService", OLD)
        tagged(stubbed)
        has_variants(stubbed, OLD, InstanceType="ml.m5.large", InitialInstanceCount=1)
        assert look(endpoints, NEW) == UPDATE

    def test_one_that_failed_is_replaced(self, stubbed, endpoints):
        describes(stubbed, "Failed", OLD, "no capacity")
        tagged(stubbed)
        assert look(endpoints, NEW).need is Need.REPLACE

    def test_one_that_is_changing_is_waited_for(self, stubbed, endpoints, time):
        for status in ("Creating", "Creating", "InService"):
            describes(stubbed, status)
        tagged(stubbed)
        assert look(endpoints, NEW).need is Need.NOTHING
        assert time.shown == [("Creating", 0.0), ("Creating", 10.0)]

    def test_one_that_somebody_else_made_is_left_alone(self, stubbed, endpoints):
        describes(stubbed, "InService", "theirs")
        tagged(stubbed, [{"Key": "Project", "Value": "other"}])
        with pytest.raises(UsageError, match=r"so it was left alone\. Choose another name"):
            look(endpoints, NEW)

    def test_what_the_stacks_function_deployed_is_ours(self, stubbed, endpoints):
        describes(stubbed, "InService", f"{NAME}-approved-1")
        tagged(stubbed, OURS[:1])
        has_variants(stubbed, f"{NAME}-approved-1", InstanceType="ml.m5.large", InitialInstanceCount=1)
        assert look(endpoints, NEW).need is Need.UPDATE

    def test_one_with_instances_is_not_made_serverless(self, stubbed, endpoints):
        describes(stubbed, "InService", OLD)
        tagged(stubbed)
        has_variants(stubbed, OLD, InstanceType="ml.m5.large", InitialInstanceCount=1)
        with pytest.raises(UsageError, match=r"Cannot make the endpoint .* serverless"):
            look(endpoints, deployment(instance_type=None))

    def test_a_refusal_is_told_in_plain_words(self, stubbed, endpoints):
        stubbed.fails(SERVICE, "describe_endpoint", "AccessDeniedException", "no")
        with pytest.raises(AwsError, match=r"Looking at the endpoint fashion-mnist.*lack that permission"):
            look(endpoints, NEW)


class TestCreating:
    def test_model_configuration_and_endpoint_are_made_and_waited_for(self, stubbed, endpoints, time):
        makes_model(stubbed)
        makes_config(stubbed)
        creates(stubbed)
        for status in ("Creating", "Creating", "InService"):
            describes(stubbed, status)
        assert carry_out(endpoints, CREATE) == []
        assert time.now == 20.0

    def test_a_serverless_endpoint_has_memory_and_a_limit_and_no_isolation(self, stubbed, endpoints):
        wanted = deployment(instance_type=None, memory_mb=2048, concurrency=7)
        makes_model(stubbed, wanted)
        makes_config(stubbed, wanted, ServerlessConfig={"MemorySizeInMB": 2048, "MaxConcurrency": 7})
        creates(stubbed, wanted.config_name)
        describes(stubbed, "InService", wanted.config_name)
        carry_out(endpoints, CREATE, wanted)

    def test_what_an_interrupted_attempt_made_is_used(self, stubbed, endpoints):
        stubbed.on(
            SERVICE, "describe_model",
            {"ModelName": NEW.model_name, "ModelArn": f"{ARN}:model/x", "CreationTime": NOW},
            ModelName=NEW.model_name,
        )  # fmt: skip
        has_variants(stubbed, NEW.config_name)
        creates(stubbed)
        describes(stubbed, "InService")
        carry_out(endpoints, CREATE)

    def test_one_that_does_not_come_up_is_removed_with_all_that_was_made(self, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        creates(stubbed)
        describes(stubbed, "Creating")
        describes(stubbed, "Failed", reason="The primary container did not pass the ping health check.")
        removes_endpoint(stubbed)
        removes_parts(stubbed)
        message = failure(endpoints, CREATE)
        assert "failed: Failed. The primary container did not pass the ping health check." in message
        assert "log group /aws/sagemaker/Endpoints/fashion-mnist" in message
        assert "could be removed" not in message

    def test_a_refused_configuration_takes_the_model_with_it(self, stubbed, endpoints):
        makes_model(stubbed)
        missing(stubbed, "describe_endpoint_config", "endpoint configuration")
        stubbed.fails(SERVICE, "create_endpoint_config", "AccessDeniedException", "not you")
        removes_parts(stubbed, config=False)
        assert "not you" in failure(endpoints, CREATE, AwsError)

    def test_a_refused_endpoint_takes_both_with_it(self, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        stubbed.fails(SERVICE, "create_endpoint", "ResourceLimitExceeded", "account-level service limit")
        removes_parts(stubbed)
        assert "account-level service limit" in failure(endpoints, CREATE, AwsError)

    def test_what_was_there_before_stays_when_an_attempt_fails(self, stubbed, endpoints):
        stubbed.on(
            SERVICE, "describe_model",
            {"ModelName": NEW.model_name, "ModelArn": f"{ARN}:model/x", "CreationTime": NOW},
            ModelName=NEW.model_name,
        )  # fmt: skip
        has_variants(stubbed, NEW.config_name)
        stubbed.fails(SERVICE, "create_endpoint", "ServiceUnavailable", "later")
        failure(endpoints, CREATE, AwsError)

    def test_what_could_not_be_removed_is_told(self, stubbed, endpoints):
        makes_model(stubbed)
        missing(stubbed, "describe_endpoint_config", "endpoint configuration")
        stubbed.fails(SERVICE, "create_endpoint_config", "ValidationException", "no")
        stubbed.fails(SERVICE, "delete_model", "AccessDeniedException", "may not delete")
        message = failure(endpoints, CREATE, AwsError)
        assert "may not delete" in message
        assert "python -m pipeline undeploy --endpoint fashion-mnist" in message

    def test_ctrl_c_leaves_everything_as_it_is(self, stubbed, time):
        def interrupted(_seconds):
            raise KeyboardInterrupt

        makes_model(stubbed)
        makes_config(stubbed)
        creates(stubbed)
        describes(stubbed, "Creating")
        endpoints = Endpoints(stubbed.client(SERVICE), sleep=interrupted)
        with pytest.raises(KeyboardInterrupt):
            carry_out(endpoints, CREATE)

    def test_throttling_and_a_lost_network_while_waiting_are_waited_out(self, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        creates(stubbed)
        describes(stubbed, "Creating")
        stubbed.fails(SERVICE, "describe_endpoint", "ThrottlingException", "slow down")
        stubbed.fails(SERVICE, "describe_endpoint", "ServiceUnavailable", "busy", 503)
        describes(stubbed, "InService")
        carry_out(endpoints, CREATE)

    def test_a_failed_endpoint_is_replaced(self, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        removes_endpoint(stubbed)
        creates(stubbed)
        describes(stubbed, "InService")
        carry_out(endpoints, Situation(Need.REPLACE, EndpointState(NAME, ENDPOINT_ARN, "Failed", OLD)))


class TestUpdating:
    def test_the_endpoint_takes_the_new_configuration(self, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        updates(stubbed)
        describes(stubbed, "InService", OLD)  # not begun yet
        describes(stubbed, "Updating", OLD)
        describes(stubbed, "InService")
        carry_out(endpoints, UPDATE)

    def test_where_sagemaker_goes_back_the_new_parts_are_removed_and_the_old_serves(self, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        updates(stubbed)
        for status in ("Updating", "RollingBack"):
            describes(stubbed, status, OLD)
        describes(stubbed, "InService", OLD, "Unable to provision requested ML compute capacity")
        removes_parts(stubbed)
        message = failure(endpoints, UPDATE)
        assert f"SageMaker went back to {OLD}. Unable to provision" in message
        assert f"{OLD}, which was there before, is still in service." in message
        assert "no such instance free" in message

    def test_an_update_that_never_begins_counts_as_failed(self, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        updates(stubbed)
        for _ in range(4):
            describes(stubbed, "InService", OLD)
        removes_parts(stubbed)
        assert f"SageMaker went back to {OLD}" in failure(endpoints, UPDATE)

    @pytest.mark.parametrize("status", ["UpdateRollbackFailed", "Failed"])
    def test_where_sagemaker_cannot_go_back_the_endpoint_is_made_anew_as_it_was(
        self, status, stubbed, endpoints
    ):
        makes_model(stubbed)
        makes_config(stubbed)
        updates(stubbed)
        describes(stubbed, "Updating", OLD)
        describes(stubbed, status, OLD, "The image does not exist")
        removes_endpoint(stubbed)
        creates(stubbed, OLD)
        describes(stubbed, "Creating", OLD)
        describes(stubbed, "InService", OLD)
        removes_parts(stubbed)
        message = failure(endpoints, UPDATE)
        assert f"failed: {status}. The image does not exist." in message
        assert f"{OLD}, which was there before, is in service again." in message

    def test_where_even_that_fails_it_is_said(self, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        updates(stubbed)
        describes(stubbed, "UpdateRollbackFailed", OLD)
        removes_endpoint(stubbed)
        stubbed.fails(SERVICE, "create_endpoint", "ResourceLimitExceeded", "no more")
        removes_parts(stubbed)
        assert "What was there before could not be brought back: " in failure(endpoints, UPDATE)

    def test_a_refused_update_leaves_the_old_and_removes_the_new_parts(self, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        stubbed.fails(SERVICE, "update_endpoint", "ValidationException", "Not with that configuration")
        removes_parts(stubbed)
        assert "Not with that configuration" in failure(endpoints, UPDATE, AwsError)

    def test_why_an_earlier_update_failed_does_not_count_for_this_one(self, stubbed, endpoints):
        before = EndpointState(NAME, ENDPOINT_ARN, "InService", OLD, "no capacity, last week")
        makes_model(stubbed)
        makes_config(stubbed)
        updates(stubbed)
        describes(stubbed, "InService", OLD, before.reason)  # not begun yet
        describes(stubbed, "Updating", OLD)
        describes(stubbed, "InService")
        carry_out(endpoints, Situation(Need.UPDATE, before))

    def test_a_new_reason_counts_at_once(self, stubbed, endpoints, time):
        before = EndpointState(NAME, ENDPOINT_ARN, "InService", OLD, "no capacity, last week")
        makes_model(stubbed)
        makes_config(stubbed)
        updates(stubbed)
        describes(stubbed, "InService", OLD, "the image does not exist")
        removes_parts(stubbed)
        assert "the image does not exist" in failure(endpoints, Situation(Need.UPDATE, before))
        assert time.now == 0.0


STILL_THERE = (
    "Nothing was removed, since the endpoint may be using it",
    "the same command once more",
    "python -m pipeline undeploy --endpoint fashion-mnist",
)


class TestLosingSight:
    """Nothing that the endpoint may be using is removed: the fixture fails for any request not written down."""

    @pytest.mark.parametrize(("situation", "begins"), [(CREATE, creates), (UPDATE, updates)])
    def test_a_refusal_while_waiting_removes_nothing(self, situation, begins, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        begins(stubbed)
        describes(stubbed, "Creating" if situation is CREATE else "Updating")
        stubbed.fails(SERVICE, "describe_endpoint", "AccessDeniedException", "your session ended")
        message = failure(endpoints, situation, AwsError)
        assert all(text in message for text in ("your session ended", *STILL_THERE))

    @pytest.mark.parametrize(("situation", "begins"), [(CREATE, creates), (UPDATE, updates)])
    def test_a_network_that_stays_away_removes_nothing(self, situation, begins, stubbed, endpoints):
        makes_model(stubbed)
        makes_config(stubbed)
        begins(stubbed)
        for _ in range(62):  # every 10 s, for more than 600
            stubbed.fails(SERVICE, "describe_endpoint", "ServiceUnavailable", "away", 503)
        message = failure(endpoints, situation, AwsError)
        assert all(text in message for text in ("away", *STILL_THERE))

    @pytest.mark.parametrize(
        ("situation", "method", "said"),
        [
            (CREATE, "create_endpoint", "Cannot create already existing endpoint"),
            (UPDATE, "update_endpoint", "Cannot update in-progress endpoint"),
        ],
    )
    def test_a_request_that_may_have_gone_through_removes_nothing(
        self, situation, method, said, stubbed, endpoints
    ):
        """As where the answer was lost, and boto3 asked again."""
        makes_model(stubbed)
        makes_config(stubbed)
        stubbed.fails(SERVICE, method, "ValidationException", said)
        message = failure(endpoints, situation, AwsError)
        assert all(text in message for text in (said, *STILL_THERE))

    def test_an_answer_that_never_came_removes_nothing(self, stubbed, time):
        class Deaf(Endpoints):
            def update(self, name, config, options):
                raise ReadTimeoutError(endpoint_url="https://api.sagemaker")

        makes_model(stubbed)
        makes_config(stubbed)
        message = failure(Deaf(stubbed.client(SERVICE)), UPDATE, AwsError)
        assert all(text in message for text in ("could not reach AWS", *STILL_THERE))


def test_equal_deployments_have_equal_names_and_others_have_others():
    names = {
        deployment(**each).config_name for each in ({}, {"instances": 2}, {"instance_type": "ml.c6i.large"})
    }
    assert len(names) == 3
    assert deployment().config_name == NEW.config_name
    assert deployment(3).model_name != NEW.model_name
    assert deployment(instances=2).model_name == NEW.model_name


def test_what_is_captured_is_in_the_configuration_and_in_its_name(stubbed):
    capturing = Capturing(
        20, "s3://bucket/fashion-mnist/captured", "arn:aws:kms:eu-central-1:123456789012:key/k"
    )
    some, all_ = (replace(NEW, capturing=each) for each in (capturing, replace(capturing, percent=100)))
    assert len({each.config_name for each in (NEW, some, all_)}) == 3
    config = some.create_config()["DataCaptureConfig"]
    assert config["DestinationS3Uri"] == "s3://bucket/fashion-mnist/captured/model-version-2"
    assert (config["EnableCapture"], config["InitialSamplingPercentage"]) == (True, 20)
    assert config["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    assert config["KmsKeyId"] == capturing.key
    # The stub holds it against the service's model.
    stubbed.on(
        SERVICE, "create_endpoint_config", {"EndpointConfigArn": f"{ARN}:endpoint-config/{some.config_name}"}
    )
    stubbed.client(SERVICE).create_endpoint_config(**some.create_config())


@pytest.mark.parametrize("percent", [0, 101, -5])
def test_a_percentage_that_is_none_is_refused(percent):
    with pytest.raises(UsageError, match=rf"from 1 to 100 \(got {percent}\)"):
        Capturing(percent, "s3://bucket/x", "key")


def test_a_serverless_endpoint_captures_nothing():
    with pytest.raises(UsageError, match="Serverless endpoints capture no requests"):
        replace(NEW, hosting=Hosting(None), capturing=Capturing(5, "s3://bucket/x", "key"))


def test_names_are_no_longer_than_sagemaker_takes():
    longest = Deployment("e" * 36, NAME, 99_999, "arn", "role", Hosting(None))
    assert len(longest.config_name) <= 63


@pytest.mark.parametrize(
    "wrong",
    [
        {"instance_type": "m5.large"},
        {"instances": 0},
        {"instances": 11},
        {"instance_type": None, "memory_mb": 1000},
        {"instance_type": None, "concurrency": 201},
    ],
)
def test_what_an_endpoint_cannot_run_on_is_refused(wrong):
    with pytest.raises(UsageError, match="Choosing what an endpoint runs on"):
        Hosting(**wrong)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "ä", "e" * 37])
def test_what_is_no_name_of_an_endpoint_is_refused(name):
    with pytest.raises(UsageError, match="An endpoint's name"):
        Deployment(name, NAME, 1, "arn", "role", Hosting())


def test_what_belongs_to_an_endpoint_is_told_by_tags():
    assert belongs({"Project": NAME, "Endpoint": "canary"}, NAME, "canary")
    assert not belongs({"Project": NAME, "Endpoint": "canary"}, NAME, NAME)
    assert belongs({"Project": NAME}, NAME, NAME)
    assert not belongs({"Project": NAME}, NAME, "canary")
    assert not belongs({}, NAME, NAME)


ALARMS = ("fashion-mnist-endpoint-5xx", "fashion-mnist-endpoint-latency")


@pytest.mark.parametrize(
    ("instances", "routing"),
    [
        (1, {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}),
        (
            3,
            {
                "Type": "CANARY",
                "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 300,
            },
        ),
    ],
)
def test_an_update_with_instances_is_taken_back_when_an_alarm_goes_off(
    endpoints, stubbed, instances, routing
):
    """The request is checked against SageMaker's model, too."""
    wanted = Deployment(
        NAME, NAME, 2, f"{ARN}:model-package/{NAME}/2", role("endpoint"), Hosting(instances=instances), ALARMS
    )
    guard = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in ALARMS]},
    }
    variant = {
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": instances,
        "InitialVariantWeight": 1.0,
    }
    makes_model(stubbed, wanted)
    makes_config(stubbed, wanted, **variant)
    stubbed.on(
        SERVICE, "update_endpoint", {"EndpointArn": ENDPOINT_ARN},
        EndpointName=NAME, EndpointConfigName=wanted.config_name, DeploymentConfig=guard,
    )  # fmt: skip
    describes(stubbed, "InService", wanted.config_name)
    state = EndpointState(NAME, ENDPOINT_ARN, "InService", OLD)
    Deploying(endpoints, wanted, lambda text: None).carry_out(Situation(Need.UPDATE, state))


def test_without_alarms_or_instances_there_is_nothing_to_go_back_for():
    assert deployment().update_options() == {}
    serverless = Hosting(instance_type=None)
    assert Deployment(NAME, NAME, 2, "arn", "role", serverless, ALARMS).update_options() == {}


def test_an_endpoint_that_does_not_pass_a_test_goes_back(stubbed, endpoints):
    deploying = Deploying(endpoints, NEW, print)
    situation = Situation(Need.UPDATE, EndpointState(NAME, ENDPOINT_ARN, "InService", OLD))
    stubbed.on(
        SERVICE, "update_endpoint", {"EndpointArn": ENDPOINT_ARN}, EndpointName=NAME, EndpointConfigName=OLD
    )
    describes(stubbed, "Updating", OLD)
    describes(stubbed, "InService", OLD)
    failed = deploying.put_back(situation, "It is wrong.")
    assert isinstance(failed, DeployFailed)
    assert str(failed).endswith(f"It is wrong. {OLD}, which was there before, is in service again.")


def test_one_that_cannot_go_back_is_left_as_it_is_and_that_is_said(stubbed, endpoints):
    deploying = Deploying(endpoints, NEW, print)
    situation = Situation(Need.UPDATE, EndpointState(NAME, ENDPOINT_ARN, "InService", OLD))
    stubbed.on(
        SERVICE, "update_endpoint", {"EndpointArn": ENDPOINT_ARN}, EndpointName=NAME, EndpointConfigName=OLD
    )
    describes(stubbed, "Failed", NEW.config_name)
    told = str(deploying.put_back(situation, "It is wrong."))
    assert "It could not be taken back" in told
    assert "Nothing was removed" in told


def test_a_first_endpoint_that_does_not_pass_a_test_is_removed(stubbed, endpoints):
    deploying = Deploying(endpoints, NEW, print)
    makes_model(stubbed)
    makes_config(stubbed)
    creates(stubbed)
    describes(stubbed, "InService")
    deploying.carry_out(Situation(Need.CREATE, None))
    stubbed.on(SERVICE, "delete_endpoint", {}, EndpointName=NAME)
    missing(stubbed, "describe_endpoint", "endpoint")
    stubbed.on(SERVICE, "delete_endpoint_config", {}, EndpointConfigName=NEW.config_name)
    stubbed.on(SERVICE, "delete_model", {}, ModelName=NEW.model_name)
    assert str(deploying.put_back(Situation(Need.CREATE, None), "It is wrong.")).endswith("It is wrong.")
