"""The number of an endpoint's instances, which Application Auto Scaling changes with the requests.

The only module that calls it. `client` is a boto3 client of application-autoscaling.

SageMaker's developer guide ("Update or delete endpoints that use automatic scaling") wants a variant deregistered
before an update changes its instance type, and before its endpoint is deleted; so it is before every change, and is
registered again once the endpoint serves. Deregistering removes the policy, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pipeline.inference.serving.deployment import PROJECT_TAG, VARIANT
from pipeline.inference.serving.hosting import Scaling
from pipeline.targets.aws.aws_errors import code_of, is_forbidden

POLICY = "requests-of-an-instance"
METRIC = "SageMakerVariantInvocationsPerInstance"
_NAMESPACE = "sagemaker"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@dataclass(frozen=True)
class Autoscaling:
    """The scaling of endpoints' variants, each of which is registered or not. `project` marks what is made here."""

    client: Any
    project: str

    def of(self, endpoint: str) -> Scaling | None:
        """How the endpoint is scaled; None when it is not.

        Also where these credentials may not ask, as with an older stack, which let nothing be registered.
        """
        asked = {"ServiceNamespace": _NAMESPACE, "ScalableDimension": _DIMENSION}
        try:
            (target,) = self.client.describe_scalable_targets(**asked, ResourceIds=[_resource(endpoint)])[
                "ScalableTargets"
            ] or [None]
            if target is None:
                return None
            policies = self.client.describe_scaling_policies(**asked, ResourceId=_resource(endpoint))
        except ClientError as error:
            if is_forbidden(error):
                return None
            raise
        requests = next(
            (
                round(each["TargetTrackingScalingPolicyConfiguration"]["TargetValue"])
                for each in policies["ScalingPolicies"]
                if each["PolicyName"] == POLICY
            ),
            0,
        )
        return Scaling(target["MinCapacity"], target["MaxCapacity"], requests)

    def begin(self, endpoint: str, scaling: Scaling) -> None:
        """Has the endpoint scaled so; it must be in service, and not be scaled yet."""
        asked = {
            "ServiceNamespace": _NAMESPACE,
            "ScalableDimension": _DIMENSION,
            "ResourceId": _resource(endpoint),
        }
        self.client.register_scalable_target(
            **asked,
            MinCapacity=scaling.minimum,
            MaxCapacity=scaling.maximum,
            Tags={PROJECT_TAG: self.project},
        )
        if not scaling.requests:  # there was a policy of somebody's, which went with the registration
            return
        self.client.put_scaling_policy(
            **asked,
            PolicyName=POLICY,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": float(scaling.requests),
                "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
            },
        )

    def end(self, endpoint: str) -> None:
        """Leaves the number of instances as it is from now on; nothing where it is not scaled."""
        if self.of(endpoint) is None:
            return
        try:
            self.client.deregister_scalable_target(
                ServiceNamespace=_NAMESPACE, ScalableDimension=_DIMENSION, ResourceId=_resource(endpoint)
            )
        except ClientError as error:
            if code_of(error) != "ObjectNotFoundException":
                raise


def _resource(endpoint: str) -> str:
    return f"endpoint/{endpoint}/variant/{VARIANT}"
