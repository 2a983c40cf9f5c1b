"""Events and money: people are told, triggers start the right pipeline, options are off by default."""

from __future__ import annotations

from typing import Any

from infra.resolving import ACCOUNT, REGION, ResolvedStack, resolve_template
from pipeline.targets.aws.iam_evaluator import Request, decide
from tests.infra.requests_of_roles import BUCKET
from tests.infra.security.properties import (
    EVERYTHING,
    QUEUE,
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
            "pipelineArn": [pipeline, f"{pipeline}-monitor"],
            "currentPipelineExecutionStatus": ["Failed", "CompletedWithFailures"],
        },
        "SageMaker Model Package State Change": {"ModelPackageGroupName": ["fashion-mnist"]},
        "SageMaker Endpoint State Change": {
            "EndpointName": ["fashion-mnist", {"prefix": "fashion-mnist-"}],
            "EndpointStatus": [
                *("FAILED", "Failed", "ROLLING_BACK", "RollingBack"),
                *("UPDATE_ROLLBACK_FAILED", "UpdateRollbackFailed", "OUT_OF_SERVICE", "OutOfService"),
            ],
        },
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
def nothing_that_an_event_starts_or_tells_is_lost_in_silence(stack: ResolvedStack) -> Problems:
    statements = dict(resource_policies(stack)).get("UndeliveredPolicy", [])
    for name, rule in stack.of_type("AWS::Events::Rule").items():
        source = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule['Name']}"
        context = {"aws:SecureTransport": "true", "aws:SourceArn": source}
        send = Request("sqs:SendMessage", QUEUE, context, "events.amazonaws.com")
        if decide(statements, send) != "allowed":
            yield f"{name} may not leave anything in the queue"
        for target in rule["Targets"]:
            if target.get("DeadLetterConfig") != {"Arn": QUEUE}:
                yield f"what {name} cannot hand on is lost"
            retry = target.get("RetryPolicy", {})
            if not (
                int(retry.get("MaximumRetryAttempts", 0)) >= 3
                and 600 <= int(retry.get("MaximumEventAgeInSeconds", 0)) <= 86_400
            ):
                yield f"{name} tries {retry}"
    if int(stack.properties("Undelivered").get("MessageRetentionPeriod", 0)) < 4 * 86_400:
        yield "the queue forgets within days"


ALARMS = {
    "fashion-mnist-endpoint-5xx": ("AWS/SageMaker", "Invocation5XXErrors"),
    "fashion-mnist-endpoint-4xx": ("AWS/SageMaker", "Invocation4XXErrors"),
    "fashion-mnist-endpoint-latency": ("AWS/SageMaker", "ModelLatency"),
    "fashion-mnist-undelivered": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
}
# Shares of the requests, microseconds, messages.
LIMITS = {
    "Invocation5XXErrors": (0.001, 0.05),
    "Invocation4XXErrors": (0.05, 0.5),
    "ModelLatency": (100_000, 10_000_000),
    "ApproximateNumberOfMessagesVisible": (0, 0),
}


@must
def alarms_go_off_and_tell(stack: ResolvedStack) -> Problems:
    found = {
        alarm["AlarmName"]: (alarm["Namespace"], alarm["MetricName"])
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
    }
    if found != ALARMS:
        yield f"the alarms are {found}"
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        if alarm.get("AlarmActions") != [TOPIC] or alarm.get("ActionsEnabled", True) is not True:
            yield f"{name} tells {alarm.get('AlarmActions')}"
        if alarm.get("TreatMissingData") != "notBreaching" or not alarm["ComparisonOperator"].startswith(
            "Greater"
        ):
            yield f"{name} goes off without a reason"
        least, most = LIMITS[alarm["MetricName"]]
        if not least <= float(alarm["Threshold"]) <= most or not 60 <= int(alarm["Period"]) <= 300:
            yield f"{name} goes off late or never"
        about = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        endpoint = {"EndpointName": "fashion-mnist", "VariantName": "AllTraffic"}
        if about != (
            endpoint if alarm["Namespace"] == "AWS/SageMaker" else {"QueueName": QUEUE.split(":")[-1]}
        ):
            yield f"{name} watches {about}"
        source = {
            "aws:SecureTransport": "true",
            "aws:SourceAccount": ACCOUNT,
            "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm['AlarmName']}",
        }
        publish = Request("sns:Publish", TOPIC, source, "cloudwatch.amazonaws.com")
        if decide(dict(resource_policies(stack)).get("TopicPolicy", []), publish) != "allowed":
            yield f"{name} may not publish"
    if stack.outputs.get("EndpointAlarmNames") != "fashion-mnist-endpoint-5xx,fashion-mnist-endpoint-latency":
        yield "a deployment does not know which alarms bring the old model back"


# As the billing console calls the services that the stack uses.
SERVICES = {
    *("Amazon SageMaker", "Amazon Simple Storage Service", "Amazon EC2 Container Registry (ECR)"),
    *("Amazon Simple Notification Service", "Amazon Simple Queue Service", "Amazon Virtual Private Cloud"),
    *("AmazonCloudWatch", "AWS Key Management Service", "AWS Lambda"),
}


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
        content = budget["Budget"]
        if {key: set(values) for key, values in content.get("CostFilters", {}).items()} != {
            "Service": SERVICES
        }:
            yield f"the budget sees {content.get('CostFilters')}"
        if (content["BudgetType"], content["TimeUnit"]) != ("COST", "MONTHLY"):
            yield f"the budget is of {content['BudgetType']}, {content['TimeUnit']}"
        limit = resolve_template(stack.template, {**EVERYTHING, "MonthlyBudgetUsd": "77"}).properties(
            "Budget"
        )
        if limit["Budget"]["BudgetLimit"] != {"Amount": "77", "Unit": "USD"}:
            yield f"the budget's limit is {limit['Budget']['BudgetLimit']}"
        for each in budget["NotificationsWithSubscribers"]:
            about = each["Notification"]
            if about["ComparisonOperator"] != "GREATER_THAN" or not 50 <= int(about["Threshold"]) <= 100:
                yield f"the budget tells at {about}"


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
    if stack.properties("ScheduleRule").get("ScheduleExpression") != "rate(7 days)":
        yield "nothing starts the pipeline on schedule"
    detail = stack.properties("UploadRule")["EventPattern"]["detail"]
    if detail.get("bucket") != {"name": [BUCKET.rpartition(":")[2]]}:
        yield "uploads to any bucket start the pipeline"
    if detail.get("object") != {"key": ["fashion-mnist/raw/incoming/READY"]}:
        yield "any upload starts the pipeline"


@must
def the_monitor_runs_on_its_schedule_and_drift_alone_trains_anew(stack: ResolvedStack) -> Problems:
    pipeline = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/fashion-mnist"
    monitor, retrain = stack.properties("MonitorRule"), stack.properties("RetrainRule")
    role = f"arn:aws:iam::{ACCOUNT}:role/TriggerRole"
    wanted = {
        "MonitorRule": (f"{pipeline}-monitor", {"CaptureHours": "24"}),
        "RetrainRule": (
            pipeline,
            {
                "CapturedDataUri": f"s3://{BUCKET.rpartition(':')[2]}/fashion-mnist/captured",
                "MustBeatChampion": "true",
            },
        ),
    }
    for name, expected in wanted.items():
        for target in stack.properties(name).get("Targets", []):
            given = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
            found = (target["Arn"], {each["Name"]: each["Value"] for each in given})
            if found != expected or target.get("RoleArn") != role:
                yield f"{name} starts {found}"
    if monitor.get("ScheduleExpression") != "rate(1 day)":
        yield "nothing starts the monitor on schedule"
    if retrain.get("EventPattern") != {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Building Pipeline Execution Step Status Change"],
        "detail": {
            "pipelineArn": [f"{pipeline}-monitor"],
            "stepName": ["DriftFound"],
            "currentStepStatus": ["Failed"],
        },
    }:
        yield f"what trains anew: {retrain.get('EventPattern')}"


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
        "detail": {
            "ModelPackageGroupName": ["fashion-mnist"],
            "ModelApprovalStatus": ["Approved", "Rejected"],
        },
    }
    if calling != [("ApprovedModelRule", wanted)]:
        yield f"what deploys: {calling}"
    asked_for = resolve_template(stack.template, {**EVERYTHING, "UndeployRejected": "false"})
    pattern = asked_for.properties("ApprovedModelRule")["EventPattern"]["detail"]
    if pattern.get("ModelApprovalStatus") != ["Approved"]:
        yield "rejecting a model changes the endpoint unasked"
    permission = stack.properties("CallDeployFunction")
    if (permission.get("Principal"), permission.get("SourceArn")) != (
        "events.amazonaws.com",
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
    if made.properties("Undelivered") == {}:
        yield "what cannot be told is lost by default"
    optional = (
        "ScheduleRule",
        "UploadRule",
        "MonitorRule",
        "RetrainRule",
        "TriggerRole",
        "EmailSubscription",
    )
    for name in (*optional, "ApprovedModelRule", "DeployFunctionRole", "DeployLogGroup"):
        if name in made.resources:
            yield f"{name} is made by default"
    if "NotificationConfiguration" in made.properties("Bucket"):
        yield "uploads are announced by default"


@must
def the_command_line_finds_what_it_needs(stack: ResolvedStack) -> Problems:
    about = {
        "EndpointAlarmNames",
        "Account",
        "Region",
        "PipelineName",
        "ModelPackageGroupName",
        "ModelsFrom",
        "KeyArn",
        "TopicArn",
    }
    roles = {"PipelineRoleArn", "JobRoleArn", "EvaluationRoleArn", "EndpointRoleArn", "DeployerRoleArn"}
    places = {"BucketName", "LogBucketName", "RepositoryUri", "SubnetIds", "SecurityGroupIds", "MlflowAppArn"}
    wanted = about | roles | places
    if set(stack.outputs) != wanted:
        yield f"outputs that are missing or new: {sorted(set(stack.outputs) ^ wanted)}"
