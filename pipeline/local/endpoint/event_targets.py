"""Targets of rules: which of them can be reached here, and what each is sent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.local.endpoint.event_patterns import Event
from pipeline.local.endpoint.kept_logs import KeptLogs
from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError, read_json
from pipeline.local.state.isolation import ACCOUNT, REGION
from pipeline.local.state.local_aws import LocalAws

_HERE = f"{REGION}:{ACCOUNT}"
_GROUP = re.compile(rf"arn:aws:logs:{_HERE}:log-group:([^:]+)(?::\*)?")
_QUEUE = re.compile(rf"arn:aws:sqs:{_HERE}:(.+)")
_TOPIC = re.compile(rf"arn:aws:sns:{_HERE}:.+")
_PIPELINE = re.compile(rf"arn:aws:sagemaker:{_HERE}:pipeline/.+")
_REACHED = (_GROUP, _QUEUE, _TOPIC, _PIPELINE)
# Paths of the event as InputPath and InputPathsMap have them: members alone.
_PATH = re.compile(r"\$(?:\.[A-Za-z0-9_-]+)*")
_PLACE = re.compile(r"<([A-Za-z0-9_.-]+)>")
_RESERVED = "aws.events."
Target = Mapping[str, Any]


def check_target(target: Target) -> None:
    """Raises ServiceError for a target that nothing here can be sent to, or what is sent that is not made here."""
    arn = target["Arn"]
    if not any(kind.fullmatch(arn) for kind in _REACHED):
        raise ServiceError(
            VALIDATION,
            f"The local SageMaker cannot reach the target {arn}. It reaches, in {REGION} of account {ACCOUNT}, log "
            "groups of CloudWatch Logs, queues of SQS, topics of SNS and pipelines of SageMaker.",
        )
    if len({"Input", "InputPath", "InputTransformer"} & target.keys()) > 1:
        raise ServiceError(
            VALIDATION,
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {arn}.",
        )
    try:
        read_json(target.get("Input", "{}"))
    except ValueError:
        raise ServiceError(VALIDATION, f"JSON syntax error in input for target {arn}.") from None
    transformer = target.get("InputTransformer") or {}
    paths = [*(transformer.get("InputPathsMap") or {}).values(), target.get("InputPath", "$")]
    for path in paths:
        if not _PATH.fullmatch(path):
            raise ServiceError(
                VALIDATION, f"The local SageMaker reads only paths such as $.detail.name, not {path}."
            )
    if f"<{_RESERVED}" in transformer.get("InputTemplate", ""):
        raise ServiceError(VALIDATION, f"The local SageMaker fills no <{_RESERVED}…> into an InputTemplate.")


class Targets:
    """Sends events to targets. Raises whatever they raise."""

    def __init__(self, aws: LocalAws, logs: KeptLogs, start: Callable[[Request], Request]) -> None:
        """`start` is StartPipelineExecution."""
        self._aws = aws
        self._logs = logs
        self._start = start

    def send(self, event: Event, target: Target) -> None:
        """Send an event to a target."""
        arn = target["Arn"]
        if found := _GROUP.fullmatch(arn):
            self._logs.put(found[1], event["id"], message_for(event, target))
        elif found := _QUEUE.fullmatch(arn):
            self._send_to_queue(found[1], message_for(event, target), target.get("SqsParameters") or {})
        elif _TOPIC.fullmatch(arn):
            self._aws.client("sns").publish(TopicArn=arn, Message=message_for(event, target))
        else:
            self._start_pipeline(event, target)

    def _send_to_queue(self, name: str, message: str, parameters: Mapping[str, str]) -> None:
        queue = self._aws.client("sqs")
        more = {key: value for key, value in parameters.items() if key == "MessageGroupId"}
        url = queue.get_queue_url(QueueName=name)["QueueUrl"]
        queue.send_message(QueueUrl=url, MessageBody=message, **more)

    def _start_pipeline(self, event: Event, target: Target) -> None:
        parameters = (target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList") or ()
        which = hashlib.sha256(json.dumps(target, sort_keys=True).encode()).hexdigest()[:16]
        request: Request = {"PipelineName": target["Arn"], "ClientRequestToken": f"{event['id']}-{which}"}
        if parameters:
            request["PipelineParameters"] = [
                {"Name": each["Name"], "Value": _filled(each["Value"], event)} for each in parameters
            ]
        self._start(request)


def message_for(event: Event, target: Target) -> str:
    """What a target is sent of an event: all of it, or what its Input… say."""
    if "Input" in target:
        return str(target["Input"])
    if transformer := target.get("InputTransformer"):
        values = {
            name: value_at(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()
        }
        return transformed(transformer["InputTemplate"], values)
    return json.dumps(value_at(event, target.get("InputPath", "$")))


def value_at(event: Any, path: str) -> Any:
    """The value at a path such as $.detail.name; None where there is none."""
    for name in path.split(".")[1:]:
        event = event.get(name) if isinstance(event, Mapping) else None
    return event


def transformed(template: str, values: Mapping[str, Any]) -> str:
    """The template with a value for each <name>: its text within quotes, else its JSON."""
    made, end, quoted = [], 0, False
    for found in _PLACE.finditer(template):
        if found[1] not in values:
            continue
        before = template[end : found.start()]
        # Each quote that no backslash stands before begins a text, or ends one.
        quoted ^= len(re.findall(r'(?<!\\)"', before)) % 2 == 1
        value = values[found[1]]
        text = json.dumps(value)
        if quoted and isinstance(value, str):
            text = text[1:-1]
        elif quoted:
            text = "" if value is None else json.dumps(text)[1:-1]
        made += [before, text]
        end = found.end()
    return "".join([*made, template[end:]])


def _filled(value: str, event: Event) -> str:
    """A parameter's value; of one that is a path, what the event has there."""
    if not (value.startswith("$.") and _PATH.fullmatch(value)):
        return value
    found = value_at(event, value)
    return found if isinstance(found, str) else json.dumps(found)
