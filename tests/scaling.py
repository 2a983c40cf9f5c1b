"""A stand-in of Application Auto Scaling: which variants are registered, and how they are scaled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import boto3

from pipeline.local.endpoint.wire import VALIDATION, ServiceError

Json = dict[str, Any]
SERVICE = "application-autoscaling"


def of_endpoint(name: str) -> str:
    """What the variant of an endpoint is called here."""
    return f"endpoint/{name}/variant/AllTraffic"


class Scaling:
    """`targets` and `policies` by resource; `calls` are the changes, `refused` the operations that are, by code."""

    def __init__(self, serves: Callable[[str], bool] = lambda endpoint: True) -> None:
        self.targets: dict[str, Json] = {}
        self.policies: dict[str, Json] = {}
        self.calls: list[str] = []
        self.refused: dict[str, str] = {}
        self._serves = serves

    def operations(self) -> dict[str, Callable[[Json], Json]]:
        """What it answers."""
        return {
            "DescribeScalableTargets": self._targets,
            "DescribeScalingPolicies": self._policies,
            "RegisterScalableTarget": self._register,
            "DeregisterScalableTarget": self._deregister,
            "PutScalingPolicy": self._put,
        }

    def client(self) -> Any:
        """A boto3 client that asks here; its requests are checked against AWS's model."""
        client = boto3.client(
            SERVICE, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.meta.events.register("before-call", self._answer)
        return client

    def limits(self, endpoint: str) -> tuple[int, int, float] | None:
        """How few and how many instances an endpoint has, for how many requests; None: it does not scale."""
        target = self.targets.get(of_endpoint(endpoint))
        if target is None:
            return None
        policy = self.policies[of_endpoint(endpoint)]["TargetTrackingScalingPolicyConfiguration"]
        metric = policy["PredefinedMetricSpecification"]["PredefinedMetricType"]
        assert metric == "SageMakerVariantInvocationsPerInstance"
        return target["MinCapacity"], target["MaxCapacity"], policy["TargetValue"]

    def has(
        self, endpoint: str, few: int, many: int, requests: float = 1000, tag: str = "fashion-mnist"
    ) -> None:
        """Registers an endpoint, as was done before."""
        variant = {
            "ServiceNamespace": "sagemaker",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "ResourceId": of_endpoint(endpoint),
        }
        self._register({**variant, "MinCapacity": few, "MaxCapacity": many, "Tags": {"Project": tag}})
        self._put({
            **variant, "PolicyName": "requests-of-an-instance", "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": requests,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
            },
        })  # fmt: skip
        self.calls.clear()

    def _answer(self, model: Any, params: Mapping[str, Any], **_: Any) -> tuple[Any, Json]:
        try:
            answer = self.operations()[model.name](json.loads(params["body"]))
        except ServiceError as error:
            said = {"Error": {"Code": error.code, "Message": str(error)}}
            return SimpleNamespace(status_code=400), {**said, "ResponseMetadata": {"HTTPStatusCode": 400}}
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def _changes(self, operation: str) -> None:
        self.calls.append(operation)
        if operation in self.refused:
            raise ServiceError(self.refused[operation], f"{operation} is not for you.")

    def _targets(self, asked: Json) -> Json:
        if "DescribeScalableTargets" in self.refused:
            raise ServiceError(self.refused["DescribeScalableTargets"], "You may not look.")
        found = [self.targets[each] for each in asked["ResourceIds"] if each in self.targets]
        hidden = ("Tags",)
        return {
            "ScalableTargets": [
                {key: value for key, value in each.items() if key not in hidden} for each in found
            ]
        }

    def _policies(self, asked: Json) -> Json:
        policy = self.policies.get(asked["ResourceId"])
        return {"ScalingPolicies": [policy] if policy else []}

    def _register(self, asked: Json) -> Json:
        self._changes("RegisterScalableTarget")
        resource = asked["ResourceId"]
        if not self._serves(resource.split("/")[1]):
            raise ServiceError(VALIDATION, f"{resource} is not in service")
        if resource in self.targets:  # Tags are for a new one
            raise ServiceError(VALIDATION, f"{resource} is registered")
        if not 0 < asked["MinCapacity"] <= asked["MaxCapacity"]:
            raise ServiceError(VALIDATION, "MinCapacity")
        self.targets[resource] = {
            **asked, "RoleARN": "arn:aws:iam::111122223333:role/scales", "CreationTime": 0,
        }  # fmt: skip
        return {"ScalableTargetARN": f"arn:aws:{SERVICE}:us-east-1:111122223333:scalable-target/1"}

    def _deregister(self, asked: Json) -> Json:
        self._changes("DeregisterScalableTarget")
        if asked["ResourceId"] not in self.targets:
            raise ServiceError("ObjectNotFoundException", f"No scalable target for {asked['ResourceId']}")
        del self.targets[asked["ResourceId"]]
        self.policies.pop(asked["ResourceId"], None)
        return {}

    def _put(self, asked: Json) -> Json:
        self._changes("PutScalingPolicy")
        if asked["ResourceId"] not in self.targets:
            raise ServiceError("ObjectNotFoundException", f"No scalable target for {asked['ResourceId']}")
        self.policies[asked["ResourceId"]] = {
            **asked,
            "PolicyARN": "arn:aws:autoscaling:x",
            "CreationTime": 0,
        }
        return {"PolicyARN": "arn:aws:autoscaling:x"}
