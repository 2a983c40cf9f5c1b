"""SageMaker's endpoints, their configurations and models: looked up, made, waited for and removed.

The only module that calls SageMaker for deploy and undeploy. `client` is a boto3 SageMaker client.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.errors import FashionError
from pipeline.inference.serving.deployment import Deployment, belongs
from pipeline.targets.aws.aws_errors import AWS_ERRORS, is_forbidden, is_passing

if TYPE_CHECKING:
    from pipeline.inference.serving.autoscaling import Autoscaling
    from pipeline.inference.serving.hosting import Scaling

POLL_SECONDS = 10.0
# The API reference (DescribeEndpoint, EndpointStatus) says which of them last.
MOVING = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
IN_SERVICE = "InService"
# How often an endpoint may still read as before once it was told to change.
STALE_POLLS = 3
# How long AWS may be out of reach while an endpoint is waited for; the endpoint goes on either way.
PATIENCE_SECONDS = 600.0


class DeployFailed(FashionError):
    """An endpoint could not be made or changed; the message says why, and what is in service now."""


@dataclass(frozen=True)
class EndpointState:
    """What SageMaker says of an endpoint. `reason` is why it failed, or ""; `instances` how many are wanted now."""

    name: str
    arn: str
    status: str
    config: str
    reason: str = ""
    instances: int | None = None

    @property
    def moving(self) -> bool:
        """Whether something is going on, which will end by itself."""
        return self.status in MOVING


@dataclass
class Endpoints:
    """The endpoints of an account. `show` is told what is going on, with the seconds since it began.

    Without `autoscaling` they are not to be changed or removed, only looked at, or known not to scale.
    """

    client: Any
    show: Callable[[str, float], None] = lambda _text, _seconds: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    autoscaling: Autoscaling | None = None

    def state(self, name: str) -> EndpointState | None:
        """What it is now; None when there is none of that name."""
        try:
            found = self.client.describe_endpoint(EndpointName=name)
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        # While it is created for the first time there may be no configuration yet.
        return EndpointState(
            name,
            found["EndpointArn"],
            found["EndpointStatus"],
            found.get("EndpointConfigName", ""),
            found.get("FailureReason", ""),
            next((each.get("DesiredInstanceCount") for each in found.get("ProductionVariants", ())), None),
        )

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of an endpoint, a configuration or a model."""
        pages = self.client.get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def variants(self, config: str) -> list[dict[str, Any]]:
        """The production variants of an endpoint configuration; none when there is no such configuration."""
        try:
            found: list[dict[str, Any]] = self.client.describe_endpoint_config(EndpointConfigName=config)[
                "ProductionVariants"
            ]
        except ClientError as error:
            if _is_missing(error):
                return []
            raise
        return found

    def ensure_model(self, deployment: Deployment) -> bool:
        """Makes the model unless there is one of its name; whether it was made."""
        try:
            self.client.describe_model(ModelName=deployment.model_name)
            return False
        except ClientError as error:
            if not _is_missing(error):
                raise
        self.client.create_model(**deployment.create_model())
        return True

    def ensure_config(self, deployment: Deployment) -> bool:
        """Makes the endpoint configuration unless there is one of its name; whether it was made."""
        if self.variants(deployment.config_name):
            return False
        self.client.create_endpoint_config(**deployment.create_config())
        return True

    def create(self, name: str, config: str, tags: list[dict[str, str]]) -> None:
        """Starts making an endpoint."""
        self.client.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=tags)

    def update(self, name: str, config: str, options: Mapping[str, Any]) -> None:
        """Starts changing an endpoint, which no longer scales then; `options` are the request's others."""
        self.end_scaling(name)
        self.client.update_endpoint(EndpointName=name, EndpointConfigName=config, **options)

    def settled(self, name: str, expected: str | None = None, old_reason: str = "") -> EndpointState | None:
        """What it is once nothing goes on any more; None when it is gone.

        `expected`: the configuration that it was just told to take; the old one counts when it lasts.
        `old_reason`: why an earlier change failed, which SageMaker goes on saying until the next one begins.
        """
        begin = reached = self.clock()
        polls = 0
        while True:
            try:
                state = self.state(name)
                reached = self.clock()
            except AWS_ERRORS as error:
                if not is_passing(error) or self.clock() - reached > PATIENCE_SECONDS:
                    raise
                self.sleep(POLL_SECONDS)
                continue
            if state is None:
                return None
            stale = expected is not None and polls < STALE_POLLS and state.config != expected
            if not state.moving and not (stale and state.status == IN_SERVICE and state.reason == old_reason):
                return state
            polls = STALE_POLLS if state.moving else polls + 1
            self.show(state.status, self.clock() - begin)
            self.sleep(POLL_SECONDS)

    def scaling(self, name: str) -> Scaling | None:
        """How the number of its instances follows the requests; None: it does not."""
        return self.autoscaling.of(name) if self.autoscaling else None

    def begin_scaling(self, name: str, scaling: Scaling | None) -> None:
        """Has the number of its instances follow the requests; nothing where it is not to."""
        if self.autoscaling and scaling:
            self.autoscaling.begin(name, scaling)

    def end_scaling(self, name: str) -> None:
        """Leaves the number of its instances as it is; nothing where it does not follow the requests."""
        if self.autoscaling:
            self.autoscaling.end(name)

    def delete_endpoint(self, name: str) -> None:
        """Removes an endpoint and waits until it is gone; nothing when there is none.

        Raises:
            DeployFailed: SageMaker could not remove it.
        """
        self.end_scaling(name)
        try:
            self.client.delete_endpoint(EndpointName=name)
        except ClientError as error:
            if not _is_missing(error):
                raise
            return
        state = self.settled(name)
        if state is not None:
            raise DeployFailed(
                f"The endpoint {name} was not removed: it is {state.status}. {state.reason} Run python -m "
                "pipeline undeploy again; as long as it is there, it may cost money."
            )

    def delete_config(self, name: str) -> None:
        """Removes an endpoint configuration; nothing when there is none."""
        self._delete(lambda: self.client.delete_endpoint_config(EndpointConfigName=name))

    def delete_model(self, name: str) -> None:
        """Removes a model; nothing when there is none."""
        self._delete(lambda: self.client.delete_model(ModelName=name))

    def made_for(self, project: str, endpoint: str) -> tuple[list[str], list[str], bool]:
        """The names of the configurations and models that were made for an endpoint, by their tags.

        The last value is False when these credentials may not list them.
        """
        try:
            configs = list(
                self._owned("list_endpoint_configs", "EndpointConfigs", "EndpointConfig", project, endpoint)
            )
            models = list(self._owned("list_models", "Models", "Model", project, endpoint))
        except ClientError as error:
            if not is_forbidden(error):
                raise
            return [], [], False
        return configs, models, True

    def _owned(self, operation: str, key: str, kind: str, project: str, endpoint: str) -> Iterator[str]:
        for page in self.client.get_paginator(operation).paginate(NameContains=endpoint):
            for item in page[key]:
                # Somebody else's that merely contains the name: asking for its tags may well be refused.
                if not item[f"{kind}Name"].startswith(f"{endpoint}-"):
                    continue
                tags: Mapping[str, str] = self.tags(item[f"{kind}Arn"])
                if belongs(tags, project, endpoint):
                    yield item[f"{kind}Name"]

    def _delete(self, delete: Callable[[], object]) -> None:
        try:
            delete()
        except ClientError as error:
            if not _is_missing(error):
                raise


def _is_missing(error: ClientError) -> bool:
    """Whether there is no such thing: "Could not find endpoint …", "Could not find model …"."""
    return "could not find" in str(error).lower()
