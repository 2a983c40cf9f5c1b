"""Parts of the stack that must fit each other, the pipeline, or the function's code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from infra.resolving import ACCOUNT, REGION, ResolvedStack
from pipeline.targets.aws.iam_evaluator import Request, as_list, decide
from tests.infra.requests_of_roles import BUCKET, KEY, identity_statements
from tests.infra.security.properties import (
    QUEUE,
    TOPIC,
    Problems,
    must,
    resource_policies,
)

GOLDEN = Path(__file__).resolve().parents[2] / "pipeline"
DEFINITIONS = {
    "fashion-mnist": GOLDEN / "definition.golden.json",
    "fashion-mnist-monitor": GOLDEN / "definition_monitor.golden.json",
}


@must
def what_a_rule_starts_a_pipeline_with_is_a_parameter_of_it(stack: ResolvedStack) -> Problems:
    known = {
        pipeline: {each["Name"]: each["Type"] for each in json.loads(file.read_text())["Parameters"]}
        for pipeline, file in DEFINITIONS.items()
    }
    for name, rule in stack.of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            given = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
            for each in given:
                kind = known[target["Arn"].rpartition("/")[2]].get(each["Name"])
                whole = kind == "Integer" and str(each["Value"]).isdecimal()  # values of all types are texts
                if kind != "String" and not whole:
                    yield f"{name} gives {each['Name']}, which the pipeline does not have as a text or number"
                wanted = f"s3://{BUCKET.rpartition(':')[2]}/fashion-mnist/raw/incoming/"
                if each["Name"] == "InputDataUri" and each["Value"] != wanted:
                    yield f"{name} runs on {each['Value']}"
            if name == "UploadRule" and [each["Name"] for each in given] != ["InputDataUri"]:
                yield f"{name} gives {given}"
    if stack.properties("Bucket").get("NotificationConfiguration") != {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }:
        yield "the bucket announces no uploads"


@must
def logs_go_where_the_log_bucket_lets_them(stack: ResolvedStack) -> Problems:
    statements = dict(resource_policies(stack)).get("LogBucketPolicy", [])
    logs = f"{BUCKET}-logs"
    access = stack.properties("Bucket").get("LoggingConfiguration", {})
    flow = stack.properties("FlowLog")
    if flow.get("TrafficType") != "ALL" or flow.get("ResourceId") != "vpc":
        yield f"flow logs are of {flow.get('TrafficType')} traffic of {flow.get('ResourceId')}"
    if not str(flow.get("LogDestination", "")).startswith(f"{logs}/"):
        yield f"flow logs go to {flow.get('LogDestination')}"
    sources = {
        "logging.s3.amazonaws.com": (f"{logs}/{access.get('LogFilePrefix', '')}2026-11-30", BUCKET),
        "delivery.logs.amazonaws.com": (
            f"{flow.get('LogDestination', '')}AWSLogs/{ACCOUNT}/x.gz",
            f"arn:aws:logs:{REGION}:{ACCOUNT}:delivery-source:x",
        ),
    }
    for service, (place, source) in sources.items():
        context = {"aws:SecureTransport": "true", "aws:SourceAccount": ACCOUNT, "aws:SourceArn": source}
        if decide(statements, Request("s3:PutObject", place, context, service)) != "allowed":
            yield f"{service} may not write {place}"


@must
def every_publisher_may_publish(stack: ResolvedStack) -> Problems:
    topic = dict(resource_policies(stack)).get("TopicPolicy", [])
    key = dict(resource_policies(stack)).get("Key", [])
    told = {
        "events.amazonaws.com": "AWS::Events::Rule",
        "cloudwatch.amazonaws.com": "AWS::CloudWatch::Alarm",
        "budgets.amazonaws.com": "AWS::Budgets::Budget",
    }
    source = {
        "events.amazonaws.com": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/x",
        "cloudwatch.amazonaws.com": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:fashion-mnist-x",
        "budgets.amazonaws.com": f"arn:aws:budgets::{ACCOUNT}:budget/x",
    }
    for service, kind in told.items():
        if TOPIC not in json.dumps(stack.of_type(kind)):
            yield f"no {kind} tells the topic"
        context = {
            "aws:SecureTransport": "true",
            "aws:SourceAccount": ACCOUNT,
            "aws:SourceArn": source[service],
        }
        if decide(topic, Request("sns:Publish", TOPIC, context, service)) != "allowed":
            yield f"{service} may not publish"
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            about = {"kms:EncryptionContext:aws:sns:topicArn": TOPIC}
            if decide(key, Request(action, "*", about, service)) != "allowed":
                yield f"{service} may not use the key for what it publishes"
            elsewhere = {"kms:EncryptionContext:aws:sns:topicArn": TOPIC.replace("fashion-mnist", "another")}
            if decide(key, Request(action, "*", elsewhere, service)) == "allowed":
                yield f"{service} uses the key for other topics"
    for name, function in stack.of_type("AWS::Lambda::Function").items():
        if function.get("DeadLetterConfig", {}).get("TargetArn") != TOPIC:
            yield f"what {name} gives up is told to nobody"
        role = str(function["Role"]).rpartition("/")[2]
        if decide(identity_statements(stack, role), Request("sns:Publish", TOPIC)) != "allowed":
            yield f"{role} may not publish"
    subscribed = stack.properties("EmailSubscription")
    if (subscribed.get("TopicArn"), subscribed.get("Endpoint")) != (TOPIC, "somebody@example.com"):
        yield f"the mail is {subscribed}"
    queues = stack.of_type("AWS::SQS::Queue")
    if [queue["QueueName"] for queue in queues.values()] != [QUEUE.rpartition(":")[2]]:
        yield f"the queues are {sorted(queues)}"
    if any(queue.get("SqsManagedSseEnabled") is not True for queue in queues.values()):
        yield "a queue is not encrypted"


@must
def outputs_say_what_they_are_called(stack: ResolvedStack) -> Problems:
    role = f"arn:aws:iam::{ACCOUNT}:role"
    wanted = {
        **{f"{name}Arn": f"{role}/{name}" for name in ("PipelineRole", "JobRole", "EvaluationRole")},
        **{f"{name}Arn": f"{role}/{name}" for name in ("EndpointRole", "DeployerRole")},
        "Account": ACCOUNT,
        "Region": REGION,
        "KeyArn": KEY,
        "TopicArn": TOPIC,
        "PipelineName": "fashion-mnist",
        "ModelPackageGroupName": "fashion-mnist",
        "ModelsFrom": "fashion-mnist",
        "SubnetIds": "subneta,subnetb",
        "SecurityGroupIds": "jobsecuritygroup",
        "BucketName": BUCKET.rpartition(":")[2],
        "LogBucketName": f"{BUCKET.rpartition(':')[2]}-logs",
        "RepositoryUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fashion-mnist",
        "EndpointAlarmNames": "fashion-mnist-endpoint-5xx,fashion-mnist-endpoint-latency",
    }
    for name, value in wanted.items():
        if stack.outputs.get(name) != value:
            yield f"the output {name} is {stack.outputs.get(name)}"


@must
def the_dashboard_shows_this_projects_metrics_and_every_alarm(stack: ResolvedStack) -> Problems:
    widgets = json.loads(stack.properties("Dashboard").get("DashboardBody", "{}")).get("widgets", [])
    metrics = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
    named = {metric[3] for metric in metrics if len(metric) > 3 and metric[3] != "."}
    if named != {"fashion-mnist"}:
        yield f"the dashboard shows metrics of {sorted(named)}"
    shown = {alarm for widget in widgets for alarm in widget["properties"].get("alarms", [])}
    alarms = {
        f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm['AlarmName']}"
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
    }
    if shown != alarms:
        yield f"the dashboard shows the alarms {sorted(shown)}"


@must
def the_registry_is_there_under_the_name_that_is_told(stack: ResolvedStack) -> Problems:
    groups = [
        each["ModelPackageGroupName"] for each in stack.of_type("AWS::SageMaker::ModelPackageGroup").values()
    ]
    if groups != [stack.outputs.get("ModelPackageGroupName")]:
        yield f"the model package groups are {groups}"


@must
def the_function_has_the_variables_that_it_reads_and_no_others(stack: ResolvedStack) -> Problems:
    for name, function in stack.of_type("AWS::Lambda::Function").items():
        code = function["Code"].get("ZipFile", "")
        read = set(re.findall(r'os\.environ\["(\w+)"\]', code))
        given = set(function.get("Environment", {}).get("Variables", {}))
        if read != given:
            yield f"{name} reads {sorted(read)} and is given {sorted(given)}"
        if set(function["Code"]) != {"ZipFile"} or as_list(function.get("Layers", [])):
            yield f"{name} runs code from elsewhere"
        if int(function["Timeout"]) != 900:
            yield f"{name} does not wait for a deployment that goes on"
        if (function["Handler"], function["Runtime"]) != ("index.handler", "python3.13"):
            yield f"{name} runs {function['Handler']} with {function['Runtime']}"
