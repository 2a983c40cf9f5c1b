"""What this project has put behind endpoints: the endpoints, their configurations and models.

They are not the stack's: `deploy` and the function that deploys approved models make them. Without the stack they
would keep incurring charges, with a role and a key that are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.inference.serving.autoscaling import Autoscaling
from pipeline.inference.serving.deployment import PROJECT_TAG
from pipeline.inference.serving.endpoints import Endpoints


@dataclass(frozen=True)
class Hosted:
    """The names of what there is."""

    endpoints: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.endpoints or self.configs or self.models)

    def lines(self) -> list[str]:
        """A line for each endpoint, and one for what costs nothing."""
        found = [f"endpoint {name}: it serves a model, and incurs charges" for name in self.endpoints]
        if self.configs or self.models:
            found.append(
                f"SageMaker hosting: {len(self.configs)} endpoint configurations, {len(self.models)} models"
            )
        return found


class Hosting:
    """What is hosted of `project`: named as its policies ask for, and tagged by who deployed it.

    A name alone may be another project's: fashion-mnist-prod begins with fashion-mnist.
    """

    def __init__(self, client: Any, autoscaling: Any, project: str, sleep: Callable[[float], None]) -> None:
        self.client = client
        self.autoscaling = Autoscaling(autoscaling, project)
        self.project = project
        self.sleep = sleep

    def find(self) -> Hosted:
        """What there is now."""
        return Hosted(
            endpoints=self._owned("list_endpoints", "Endpoints", "Endpoint"),
            configs=self._owned("list_endpoint_configs", "EndpointConfigs", "EndpointConfig"),
            models=self._owned("list_models", "Models", "Model"),
        )

    def delete(self, hosted: Hosted, say: Callable[[str], None]) -> None:
        """Deletes it: endpoints first, each until it is gone, so that nothing is served by what is deleted.

        Raises:
            DeployFailed: an endpoint would not go.
            botocore.exceptions.ClientError: SageMaker refused.
        """
        endpoints = Endpoints(self.client, sleep=self.sleep, autoscaling=self.autoscaling)
        for name in hosted.endpoints:
            say(f"Deleting the endpoint {name} …")
            endpoints.settled(name)  # SageMaker refuses to delete one that is being made or changed
            endpoints.delete_endpoint(name)
        for config in hosted.configs:
            endpoints.delete_config(config)
        for model in hosted.models:
            endpoints.delete_model(model)

    def _owned(self, operation: str, key: str, kind: str) -> tuple[str, ...]:
        endpoints = Endpoints(self.client)
        return tuple(
            each[f"{kind}Name"]
            for page in self.client.get_paginator(operation).paginate(NameContains=self.project)
            for each in page[key]
            if self._is_named(each[f"{kind}Name"])
            and endpoints.tags(each[f"{kind}Arn"]).get(PROJECT_TAG) == self.project
        )

    def _is_named(self, name: str) -> bool:
        return name == self.project or name.startswith(f"{self.project}-")
