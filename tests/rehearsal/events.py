"""What EventBridge and CloudWatch ask to hand on what happens, out of the stack's rules and alarms. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.resolving import ACCOUNT, REGION, ResolvedStack
from pipeline.targets.aws.iam_evaluator import Request
from tests.rehearsal.agent import Keys, strangers
from tests.rehearsal.asking import KEY, Ask

EVENTS, ALARMS = "events.amazonaws.com", "cloudwatch.amazonaws.com"
ACT = "Events"


def event_asks(stack: ResolvedStack) -> Iterator[Ask]:
    """Every rule hands on to its targets, and to the queue what they do not take; every alarm tells."""
    for rule in stack.of_type("AWS::Events::Rule").values():
        source = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule['Name']}"
        for target in rule["Targets"]:
            yield from _target_asks(target, source)
            queue = target.get("DeadLetterConfig", {}).get("Arn")
            if queue is not None:
                yield Ask(ACT, EVENTS, Request("sqs:SendMessage", queue, {"aws:SourceArn": source}))
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        source = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm['AlarmName']}"
        for topic in alarm.get("AlarmActions", ()):
            yield from _telling(topic, ALARMS, source)


def _target_asks(target: Mapping[str, Any], source: str) -> Iterator[Ask]:
    arn = target["Arn"]
    service = arn.split(":")[2]
    if service == "sns":
        yield from _telling(arn, EVENTS, source)
    elif service == "lambda":
        yield Ask(ACT, EVENTS, Request("lambda:InvokeFunction", arn, {"aws:SourceArn": source}))
    elif service == "sagemaker":
        role = target["RoleArn"]
        context = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": source}
        yield Ask(ACT, EVENTS, Request("sts:AssumeRole", role, context))
        yield Ask(ACT, role.rpartition("/")[2], Request("sagemaker:StartPipelineExecution", arn))


def _telling(topic: str, service: str, source: str) -> Iterator[Ask]:
    # EventBridge gives its rule to no topic's policy.
    context = {} if service == EVENTS else {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": source}
    yield Ask(ACT, service, Request("sns:Publish", topic, context))
    about = {"kms:EncryptionContext:aws:sns:topicArn": topic}
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        yield Ask(ACT, service, Request(action, KEY, about))


def lost_events(stack: ResolvedStack) -> Iterator[str]:
    """Rules whose events are lost in silence when their target does not take them."""
    for name, rule in stack.of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            if "DeadLetterConfig" not in target:
                yield f"{ACT}: what {name} cannot hand on is lost, and nobody is told of it."


def taken_along(stack: ResolvedStack, keys: Keys) -> Iterator[str]:
    """Objects of other folders that a start by a rule would train on."""
    for name, rule in stack.of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            given = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", ())
            for each in given:
                if str(each["Value"]).startswith("s3://") and (others := strangers(each["Value"], keys)):
                    yield f"{ACT}: {name} starts an execution on {each['Value']}, which takes {others[0]} along."
