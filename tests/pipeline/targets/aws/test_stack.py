from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from pipeline.errors import AwsError, UsageError
from pipeline.targets.aws.stack import READY, REQUIRED, read_stack, settings_for, stack_name
from tests.pipeline.targets.aws.stubbed import ID, NOW, REGION, STACK, Stubbed

OUTPUTS = {
    "BucketName": STACK.bucket,
    "KeyArn": STACK.key,
    "PipelineName": STACK.pipeline_name,
    "PipelineRoleArn": STACK.pipeline_role,
    "JobRoleArn": STACK.job_role,
    "EvaluationRoleArn": STACK.evaluation_role,
    "ModelPackageGroupName": STACK.model_package_group,
}


def describes(stubbed: Stubbed, status: str = "CREATE_COMPLETE", **more: str) -> None:
    outputs = {**OUTPUTS, **more}
    stack = {
        "StackName": "fashion-mnist",
        "CreationTime": NOW,
        "StackStatus": status,
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items() if value],
    }
    stubbed.on("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName="fashion-mnist")


def test_the_outputs_are_all_the_configuration(stubbed: Stubbed) -> None:
    describes(stubbed)
    stack = read_stack(stubbed.client("cloudformation"), "fashion-mnist")
    assert stack == STACK
    settings = settings_for(ID, REGION, stack, {"seeds": (0, 1)})
    assert settings.bucket == STACK.bucket
    assert settings.evaluation_role == STACK.evaluation_role
    assert settings.region == REGION
    assert settings.seeds == (0, 1)
    assert settings.kms_key == STACK.key
    assert "Approved" not in dict(settings.offered)["ModelApprovalStatus"]
    assert dict(settings.offered)["ModelPackageGroupName"] == (STACK.model_package_group,)


def test_what_is_chosen_goes_before_what_the_stack_suggests() -> None:
    stack = replace(STACK, subnets=("subnet-a",), security_groups=("sg-1",))
    settings = settings_for(ID, REGION, stack, {"subnets": (), "kms_key": "", "spot": True})
    assert (settings.subnets, settings.security_groups) == (("subnet-a",), ("sg-1",))
    assert settings.spot
    others = settings_for(
        ID, REGION, stack, {"subnets": ("subnet-x",), "security_groups": ("sg-x",), "kms_key": "another"}
    )
    assert (others.subnets, others.security_groups, others.kms_key) == (("subnet-x",), ("sg-x",), "another")
    typed = settings_for(ID, REGION, stack, {}, {"TrainingInstanceType": "ml.m5.xlarge"})
    assert typed.training_instance_type == "ml.m5.xlarge"


def test_a_private_network_is_read_too(stubbed: Stubbed) -> None:
    describes(
        stubbed,
        SubnetIds="subnet-a,subnet-b",
        SecurityGroupIds="sg-1",
        EndpointAlarmNames="a,b",
        ModelsFrom="x",
    )
    stack = read_stack(stubbed.client("cloudformation"), "fashion-mnist")
    assert (stack.subnets, stack.security_groups) == (("subnet-a", "subnet-b"), ("sg-1",))
    assert (stack.endpoint_alarms, stack.models_from) == (("a", "b"), "x")


def test_the_template_has_every_output_that_is_read() -> None:
    template = (Path(__file__).resolve().parents[4] / "infra" / "stack.yaml").read_text()
    outputs = template[template.index("\nOutputs:") :]
    assert [
        name
        for name in (*REQUIRED, "SubnetIds", "SecurityGroupIds", "EndpointAlarmNames", "ModelsFrom")
        if f"  {name}:" not in outputs
    ] == []


def test_a_stack_that_is_not_there_says_how_to_make_it(stubbed: Stubbed) -> None:
    stubbed.fails("cloudformation", "describe_stacks", "ValidationError", "Stack with id x does not exist")
    with pytest.raises(UsageError, match="make infra-deploy"):
        read_stack(stubbed.client("cloudformation"), "fashion-mnist")


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS", "DELETE_FAILED"])
def test_a_stack_that_is_not_ready_is_refused(stubbed: Stubbed, status: str) -> None:
    assert status not in READY
    describes(stubbed, status)
    with pytest.raises(UsageError, match=f"it is {status}, not deployed"):
        read_stack(stubbed.client("cloudformation"), "fashion-mnist")


def test_a_stack_of_something_else_is_refused(stubbed: Stubbed) -> None:
    describes(stubbed, BucketName="", KeyArn="")
    with pytest.raises(UsageError, match=r"lacks outputs of .*: BucketName, KeyArn"):
        read_stack(stubbed.client("cloudformation"), "fashion-mnist")


def test_a_refusal_is_told_in_plain_words(stubbed: Stubbed) -> None:
    stubbed.fails("cloudformation", "describe_stacks", "AccessDenied")
    with pytest.raises(AwsError) as raised:
        read_stack(stubbed.client("cloudformation"), "fashion-mnist")
    assert isinstance(raised.value.__cause__, ClientError)


def test_another_stack_can_be_named() -> None:
    assert stack_name({}) == "fashion-mnist"
    assert stack_name({"FASHION_STACK": "mine"}) == "mine"
