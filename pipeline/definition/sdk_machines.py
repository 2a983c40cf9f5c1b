"""What jobs run on and how they are shut off, as the SDK's objects: spot, warm pools, VPC, keys, tags."""

from __future__ import annotations

from typing import Any

from sagemaker.core.network import NetworkConfig
from sagemaker.core.shapes import Tag
from sagemaker.train.configs import Compute, Networking, StoppingCondition

from pipeline.definition.settings import Settings
from pipeline.spec.instance_types import has_own_storage


def training_compute(settings: Settings, instance_type: Any) -> Compute:
    """The instances of a training job; `instance_type` is a pipeline parameter."""
    return Compute(
        instance_type=instance_type,
        instance_count=settings.training_instance_count,
        volume_kms_key_id=volume_key(settings, settings.training_instance_type),
        keep_alive_period_in_seconds=settings.warm_pool_seconds or None,
        enable_managed_spot_training=settings.spot or None,
    )


def training_limits(settings: Settings) -> StoppingCondition:
    """How long a training job may run, and on spot instances how long it may run and wait for them together."""
    run = settings.training_max_runtime_seconds
    wait = {"max_wait_time_in_seconds": run + settings.spot_wait_seconds} if settings.spot else {}
    return StoppingCondition(max_runtime_in_seconds=run, **wait)


def training_network(settings: Settings) -> Networking | None:
    """The network of a training job, None for SageMaker's own. Isolated hosts still reach each other."""
    if not (settings.subnets or settings.network_isolation or settings.encrypt_traffic):
        return None
    return Networking(
        subnets=list(settings.subnets) or None,
        security_group_ids=list(settings.security_groups) or None,
        enable_network_isolation=settings.network_isolation or None,
        enable_inter_container_traffic_encryption=settings.encrypt_traffic or None,
    )


def training_tags(settings: Settings, step: str, candidate: str) -> list[Tag]:
    """The tags of a training job."""
    return [
        Tag(key=key, value=value) for key, value in settings.cost_tags(Step=step, Candidate=candidate).items()
    ]


def processing_network(settings: Settings, *, calls_aws: bool) -> NetworkConfig | None:
    """The network of a processing job, None for SageMaker's own; one that `calls_aws` is never isolated."""
    isolated = settings.network_isolation and not calls_aws
    if not (settings.subnets or isolated):
        return None
    return NetworkConfig(
        enable_network_isolation=isolated,
        subnets=list(settings.subnets) or None,
        security_group_ids=list(settings.security_groups) or None,
    )


def volume_key(settings: Settings, instance_type: str) -> str | None:
    """The key for the volume of an instance of this type, None when it has none or there is no key."""
    return None if has_own_storage(instance_type) else settings.kms_key or None
