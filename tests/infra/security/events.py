"""Events and money: people are told, triggers start the right pipeline, options are off by default."""

from __future__ import annotations

from typing import Any

from infra.resolving import ACCOUNT, REGION, ResolvedStack, resolve_template
from pipeline.aws.iam_evaluator import Request, decide
from tests.infra.requests_of_roles import BUCKET
from tests.infra.security.properties import (
    TOPIC,
    Problems,
    must,
    resource_policies,
)


@must
def people_hear_of_failures_and_models(stack: ResolvedStack) -> Problems:
    pipeline = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/fashion-mnist"
    wanted: dict[str, dict[str, Any]] = {
        "SageMaker Model Building Pipeline Execution Status Change": {
            "pipelineArn": [pipeline],
            "currentPipelineExecutionStatus": ["Failed", "CompletedWithFailures"],
        },
        "SageMaker Model Package State Change": {"ModelPackageGroupName": ["fashion-mnist"]},
    }
    told = {}
    for rule in stack.of_type("AWS::Events::Rule").values():
        if [target["Arn"] for target in rule["Targets"]] == [TOPIC] and rule.get(
            "State", "ENABLED"
        ) == "ENABLED":
            told[rule["EventPattern"]["detail-type"][0]] = rule["EventPattern"]["detail"]
    if told != wanted:
        yield f"what is told: {told}"
    publish = Request("sns:Publish", TOPIC, {"aws:SecureTransport": "true"}, "events.amazonaws.com")
    if decide(dict(resource_policies(stack)).get("TopicPolicy", []), publish) != "allowed":
        yield "EventBridge cannot publish"


@must
def money_is_watched(stack: ResolvedStack) -> Problems:
    budgets = stack.of_type("AWS::Budgets::Budget")
    if len(budgets) != 1:
        yield f"there are {len(budgets)} budgets"
    for budget in budgets.values():
        kinds = {each["Notification"]["NotificationType"] for each in budget["NotificationsWithSubscribers"]}
        told = [
            each["Address"] for one in budget["NotificationsWithSubscribers"] for each in one["Subscribers"]
        ]
        if kinds != {"ACTUAL", "FORECASTED"} or set(told) != {TOPIC}:
            yield f"the budget tells {told} of {kinds}"


@must
def triggers_start_this_pipeline_with_their_own_role(stack: ResolvedStack) -> Problems:
    pipeline = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/fashion-mnist"
    for name in ("ScheduleRule", "UploadRule"):
        for target in stack.properties(name).get("Targets", []):
            if (target["Arn"], target.get("RoleArn")) != (
                pipeline,
                f"arn:aws:iam::{ACCOUNT}:role/TriggerRole",
            ):
                yield f"{name} starts {target}"
    detail = stack.properties("UploadRule")["EventPattern"]["detail"]
    if detail.get("bucket") != {"name": [BUCKET.rpartition(":")[2]]}:
        yield "uploads to any bucket start the pipeline"
    if detail.get("object") != {"key": ["fashion-mnist/raw/incoming/READY"]}:
        yield "any upload starts the pipeline"


@must
def an_approved_model_alone_is_deployed(stack: ResolvedStack) -> Problems:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fashion-mnist-deploy"
    calling = [
        (name, rule["EventPattern"])
        for name, rule in stack.of_type("AWS::Events::Rule").items()
        if any(target["Arn"] == function for target in rule["Targets"])
    ]
    wanted = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["fashion-mnist"], "ModelApprovalStatus": ["Approved"]},
    }
    if calling != [("ApprovedModelRule", wanted)]:
        yield f"what deploys: {calling}"
    permission = stack.properties("CallDeployFunction")
    if (permission.get("Principal"), permission.get("SourceAccount"), permission.get("SourceArn")) != (
        "events.amazonaws.com",
        ACCOUNT,
        f"arn:aws:events:{REGION}:{ACCOUNT}:rule/fashion-mnist-approved-model",
    ):
        yield f"the function is called by {permission}"
    if stack.properties("DeployFunction").get("DeadLetterConfig") != {"TargetArn": TOPIC}:
        yield "nobody hears when deploying fails"


@must
def options_are_off_unless_asked_for(stack: ResolvedStack) -> Problems:
    made = resolve_template(stack.template)
    for name, resource in made.resources.items():
        kind = resource["Type"]
        if kind.startswith(("AWS::EC2::", "AWS::Lambda::")) or kind in (
            "AWS::ECR::Repository",
            "AWS::IAM::OIDCProvider",
        ):
            yield f"{name} is made by default"
    optional = ("ScheduleRule", "UploadRule", "TriggerRole", "EmailSubscription")
    for name in (*optional, "ApprovedModelRule", "DeployFunctionRole", "DeployLogGroup"):
        if name in made.resources:
            yield f"{name} is made by default"
    if "NotificationConfiguration" in made.properties("Bucket"):
        yield "uploads are announced by default"


@must
def the_command_line_finds_what_it_needs(stack: ResolvedStack) -> Problems:
    about = {"Account", "Region", "PipelineName", "ModelPackageGroupName", "KeyArn", "TopicArn"}
    roles = {"PipelineRoleArn", "JobRoleArn", "EvaluationRoleArn", "EndpointRoleArn", "DeployerRoleArn"}
    places = {"BucketName", "LogBucketName", "RepositoryUri", "SubnetIds", "SecurityGroupIds"}
    wanted = about | roles | places
    if set(stack.outputs) != wanted:
        yield f"outputs that are missing or new: {sorted(set(stack.outputs) ^ wanted)}"
