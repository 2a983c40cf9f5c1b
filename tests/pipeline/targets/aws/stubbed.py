"""An account whose every answer is written down beforehand: Stubber checks both against AWS's service model."""

from __future__ import annotations

import datetime
import functools
from typing import Any

import boto3
from botocore.stub import Stubber

from pipeline.targets.aws.account import Account
from pipeline.targets.aws.stack import StackOutputs

ID, REGION = "123456789012", "eu-central-1"
ARN = f"arn:aws:sagemaker:{REGION}:{ID}"
PIPELINE = f"{ARN}:pipeline/fashion-mnist"
NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)


def role(purpose: str) -> str:
    return f"arn:aws:iam::{ID}:role/fashion-mnist-{purpose}"


STACK = StackOutputs(
    name="fashion-mnist",
    bucket="fashion-mnist-bucket",
    key=f"arn:aws:kms:{REGION}:{ID}:key/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
    pipeline_name="fashion-mnist",
    pipeline_role=role("pipeline"),
    job_role=role("jobs"),
    evaluation_role=role("evaluation"),
    model_package_group="fashion-mnist",
)


@functools.cache
def session() -> Any:
    """One for all tests: it reads AWS's service models, which takes most of a test's time."""
    return boto3.Session("key", "secret", region_name=REGION)


class Stubbed:
    """`on` writes down the next answer of a service, `fails` its next error; `done` that all were asked for."""

    def __init__(self) -> None:
        self.clients: dict[str, Any] = {}
        self.stubbers: dict[str, Stubber] = {}

    def client(self, service: str, region: str = REGION) -> Any:
        if service not in self.clients:
            self.clients[service] = session().client(service, region_name=region)
            self.stubbers[service] = Stubber(self.clients[service])
            self.stubbers[service].activate()
        return self.clients[service]

    def on(self, service: str, method: str, answer: dict[str, Any], **expected: Any) -> None:
        self.client(service)
        self.stubbers[service].add_response(method, answer, expected or None)

    def fails(
        self, service: str, method: str, code: str, message: str = "because", status: int = 400
    ) -> None:
        self.client(service)
        self.stubbers[service].add_client_error(method, code, message, http_status_code=status)

    def account(self) -> Account:
        return Account(
            id=ID,
            region=REGION,
            partition="aws",
            caller=f"arn:aws:sts::{ID}:assumed-role/deployer/me",
            client=self.client,
            price_regions=("us-east-1",),
        )

    def done(self) -> None:
        for stubber in self.stubbers.values():
            stubber.assert_no_pending_responses()
