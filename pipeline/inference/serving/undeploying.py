"""`undeploy`: removes an endpoint, and the configurations and models that were made for it."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import UsageError
from pipeline.inference.serving.deployment import belongs
from pipeline.inference.serving.endpoints import Endpoints, EndpointState
from pipeline.targets.aws.aws_errors import translate_errors


@dataclass(frozen=True)
class Holdings:
    """What there is of an endpoint. `complete` is False when these credentials may not list all of it."""

    endpoint: EndpointState | None
    configs: tuple[str, ...]
    models: tuple[str, ...]
    complete: bool

    @property
    def empty(self) -> bool:
        """Whether there is nothing to remove."""
        return self.endpoint is None and not self.configs and not self.models

    def __str__(self) -> str:
        parts = [f"the endpoint {self.endpoint.name} ({self.endpoint.status})"] if self.endpoint else []
        parts += [f"the configuration {name}" for name in self.configs]
        parts += [f"the model {name}" for name in self.models]
        return ", ".join(parts)


def find_holdings(endpoints: Endpoints, project: str, name: str) -> Holdings:
    """Everything that was made for the endpoint, by tags, and by what the endpoint itself names.

    Raises:
        UsageError: the endpoint is not one of the project.
        CredentialsError, AwsError: SageMaker refuses, or cannot be reached.
    """
    with translate_errors(f"Looking for what was made for the endpoint {name}"):
        state = endpoints.state(name)
        if state is not None and not belongs(endpoints.tags(state.arn), project, name):
            raise UsageError(
                f"The endpoint {name} does not have the tags of the project {project}, so it was left alone. "
                "Name another with --endpoint."
            )
        configs, models, complete = endpoints.made_for(project, name)
        if state is not None and not complete and state.config:
            configs = [state.config]
            models = [
                variant["ModelName"] for variant in endpoints.variants(state.config) if "ModelName" in variant
            ]
    return Holdings(state, tuple(configs), tuple(models), complete)


def remove(endpoints: Endpoints, holdings: Holdings) -> None:
    """Removes all of it: the endpoint first, so that nothing is served by what is gone.

    Raises:
        DeployFailed: SageMaker could not remove the endpoint.
        CredentialsError, AwsError: SageMaker refuses, or cannot be reached; the same command goes on from there.
    """
    if holdings.endpoint is not None:
        name = holdings.endpoint.name
        with translate_errors(f"Removing the endpoint {name}"):
            endpoints.settled(name)  # one that is being made or changed cannot be removed
            endpoints.delete_endpoint(name)
    for config in holdings.configs:
        with translate_errors(f"Removing the endpoint configuration {config}"):
            endpoints.delete_config(config)
    for model in holdings.models:
        with translate_errors(f"Removing the model {model}"):
            endpoints.delete_model(model)
