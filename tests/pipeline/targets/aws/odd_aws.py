"""An account on loopback whose answers have every member that botocore's model knows, until a fault is set.

It keeps no state: the values are made from the shapes of the answers, but for those in `VALUES`.
"""

from __future__ import annotations

import copy
import functools
import http.server
import json
import re
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from tests.pipeline.targets.aws.answers import DEFINITION

TARGETS = {
    "SageMaker": "sagemaker",
    "Logs_20140328": "logs",
    "ServiceQuotasV20190624": "service-quotas",
    "AWSPriceListService": "pricing",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
}
ACCOUNT, REGION, ID = "123456789012", "us-east-1", "abcdefabcdef"
NAME = "fashion-mnist"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
EXECUTION = f"{ARN}:pipeline/{NAME}/execution/{ID}"
OUTPUTS = {
    "BucketName": "a-bucket",
    "KeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d",
    "PipelineName": NAME,
    **{f"{each}RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{each}" for each in ("Pipeline", "Job", "Evaluation")},
    "EndpointRoleArn": f"arn:aws:iam::{ACCOUNT}:role/endpoint",
    "ModelPackageGroupName": NAME,
}
# By operation and member, or by member alone.
VALUES: dict[str, Any] = {
    "Account": ACCOUNT,
    "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/me",
    "AccountAliases": ["the-fashion-house"],
    "PipelineExecutionArn": EXECUTION,
    "PipelineArn": f"{ARN}:pipeline/{NAME}",
    "PipelineExecutionStatus": "Failed",
    "PipelineDefinition": DEFINITION,
    "PipelineParameters": [{"Name": "Epochs", "Value": "3"}],
    "StepName": "Train-baseline-0",
    "StepStatus": "Failed",
    "CacheHitResult": None,
    "SelectiveExecutionResult": None,
    "ModelPackageVersion": 1,
    "ModelApprovalStatus": "Approved",
    "EndpointStatus": "InService",
    "EndpointName": NAME,
    "EndpointConfigName": f"{NAME}-0a1b",
    "Tags": [{"Key": "Project", "Value": NAME}, {"Key": "Endpoint", "Value": NAME}],
    "StackName": NAME,
    "StackStatus": "UPDATE_COMPLETE",
    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()],
    "TemplateBody": '{"Resources": {}}',
    "AssumeRolePolicyDocument": '{"Service": "sagemaker.amazonaws.com"}',
    "DescribeChangeSet.Status": "CREATE_COMPLETE",
    "EventId": uuid.uuid4,
    "ResourceType": "AWS::CloudFormation::Stack",
    "ResourceStatus": "UPDATE_COMPLETE",
    "PriceList": ["{}"],
    "Statistics": None,
    "NextToken": None,
    "nextToken": None,
    "Marker": None,
}


@functools.cache
def model(service: str) -> Any:
    """botocore's model of the service."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model(service, "service-2"))


def value_of(shape: Any, operation: str, name: str = "", depth: int = 0) -> Any:
    """A value of the shape; None where there is to be none."""
    for key in (f"{operation}.{name}", name):
        if key in VALUES:
            value = VALUES[key]
            return str(value()) if callable(value) else copy.deepcopy(value)
    if shape.type_name == "structure":
        members = {} if depth > 6 else shape.members
        made = {key: value_of(each, operation, key, depth + 1) for key, each in members.items()}
        return {key: each for key, each in made.items() if each is not None}
    if shape.type_name == "list":
        return [value_of(shape.member, operation, depth=depth + 1)]
    if shape.type_name == "map":
        return {}
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "text"
    if shape.type_name == "timestamp":
        return 1_780_000_000
    return {"boolean": False, "blob": ""}.get(shape.type_name, 1)


def xml_of(value: Any, name: str) -> str:
    """The query protocol's XML of a value."""
    if isinstance(value, dict):
        inner = "".join(xml_of(each, key) for key, each in value.items())
    elif isinstance(value, list):
        inner = "".join(xml_of(each, "member") for each in value)
    else:
        inner = escape(str(value).lower() if isinstance(value, bool) else str(value))
    return f"<{name}>{inner}</{name}>"


Fault = Callable[[dict[str, Any]], Any]
Raw = Callable[[bytes], bytes | None]


class OddAws:
    """Serves on loopback. `faults` change answers by operation ("*": of all), `raw` bodies; None is silence."""

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}
        self.raw: dict[str, Raw] = {}
        self.asked: list[str] = []
        self.errors: list[str] = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                operation, status, content = owner.answer(
                    self.headers.get("X-Amz-Target", ""), body.decode("utf-8", "replace"), self.path
                )
                owner.asked.append(operation)
                length = len(content)
                for change in (owner.raw.get("*"), owner.raw.get(operation)):
                    if change is not None:
                        changed = change(content)
                        if changed is None:
                            time.sleep(3)
                            self.close_connection = True
                            return
                        length = length if changed and content.startswith(changed) else len(changed)
                        content = changed
                self.send_response(status)
                self.send_header("Content-Length", str(length))
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                owner.errors.append(traceback.format_exc())

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """What leads a command to this account."""
        return {
            "AWS_ACCESS_KEY_ID": "a-key",
            "AWS_SECRET_ACCESS_KEY": "a-secret",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "no_proxy": "*",
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str, body: str, path: str) -> tuple[str, int, bytes]:
        """The operation that was asked for, the status and the body of its answer."""
        prefix, _, operation = target.partition(".")
        if prefix in TARGETS:
            answer = self._made(TARGETS[prefix], operation)
            return operation, 200, json.dumps(answer).encode()
        if action := re.search(r"(?:^|&)Action=(\w+)", body):
            operation = action[1]
            services = ("sts", "iam", "cloudformation")
            service = next(each for each in services if operation in model(each).operation_names)
            made = self._made(service, operation)
            result = xml_of(made, f"{operation}Result") if isinstance(made, dict) else str(made)
            return operation, 200, f"<{operation}Response>{result}</{operation}Response>".encode()
        if path.endswith("/invocations"):
            answer = self._changed(
                "InvokeEndpoint", {"predictions": [{"probabilities": [0.1] * 10, "class_id": 1}]}
            )
            return "InvokeEndpoint", 200, json.dumps(answer).encode()
        if "-templates" in path:  # where deploying puts a template that is too large for a request
            return "S3", 200, b""
        return "S3", 404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"

    def _made(self, service: str, operation: str) -> Any:
        shape = model(service).operation_model(operation).output_shape
        return self._changed(operation, {} if shape is None else value_of(shape, operation))

    def _changed(self, operation: str, answer: Any) -> Any:
        for key in ("*", operation):
            if key in self.faults:
                answer = self.faults[key](answer)
        return answer
