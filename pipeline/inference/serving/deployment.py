"""What is to be deployed, as data: the requests that make a model, an endpoint configuration and an endpoint.

Names are made from contents: the same version with the same settings has the same names, so that a repeated command
finds what it made before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError
from pipeline.inference.serving.capture_form import CSV_TYPES, JSON_TYPES, destination
from pipeline.inference.serving.hosting import Hosting

# 63 characters (API reference, CreateEndpoint), of which "-<version>-serverless-<digest>" needs some.
MAX_NAME = 36
VARIANT = "AllTraffic"
BAKING_SECONDS = 300
# The SavedModel lies in /opt/ml/model/1, which the container calls "model" (tfs_utils.py, serve.py of
# https://github.com/aws/sagemaker-tensorflow-serving-container).
ENVIRONMENT = {"SAGEMAKER_TFS_DEFAULT_MODEL_NAME": "model"}
# Developer guide, "Serverless Inference", feature exclusions.
NO_CAPTURE = (
    "Serverless endpoints capture no requests: SageMaker has no data capture for them. Leave out --capture or "
    "--serverless."
)
PROJECT_TAG, ENDPOINT_TAG, VERSION_TAG = "Project", "Endpoint", "ModelVersion"


@dataclass(frozen=True)
class Capturing:
    """What part of the requests SageMaker is to capture, below which S3 prefix, under which key."""

    percent: int
    uri: str
    key: str

    def __post_init__(self) -> None:
        check_percent(self.percent)

    def as_config(self, version: int) -> dict[str, Any]:
        """The DataCaptureConfig of an endpoint configuration for that version."""
        return {
            "EnableCapture": True,
            "InitialSamplingPercentage": self.percent,
            "DestinationS3Uri": destination(self.uri, version),
            "KmsKeyId": self.key,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": list(CSV_TYPES),
                "JsonContentTypes": list(JSON_TYPES),
            },
        }


@dataclass(frozen=True)
class Deployment:
    """A version of the registry behind an endpoint. `role` is the ARN of the role that the container gets.

    `alarms` are the names of those that watch this endpoint; an update that one of them goes off in is taken back.
    """

    endpoint: str
    project: str
    version: int
    package_arn: str
    role: str
    hosting: Hosting
    alarms: tuple[str, ...] = ()
    capturing: Capturing | None = None

    def __post_init__(self) -> None:
        check_endpoint_name(self.endpoint)
        if self.capturing and self.hosting.serverless:
            raise UsageError(NO_CAPTURE)

    @property
    def endpoint_tags(self) -> list[dict[str, str]]:
        """What marks the endpoint as this project's."""
        return [{"Key": PROJECT_TAG, "Value": self.project}, {"Key": ENDPOINT_TAG, "Value": self.endpoint}]

    @property
    def tags(self) -> list[dict[str, str]]:
        """What marks the model and the configuration; undeploy finds them again by it."""
        return [*self.endpoint_tags, {"Key": VERSION_TAG, "Value": str(self.version)}]

    @property
    def model_name(self) -> str:
        """Names the package, the role and what the container is given."""
        return f"{self.endpoint}-{self.version}-{_digest(self._model())}"

    @property
    def config_name(self) -> str:
        """Names the model, what it runs on and what is captured."""
        kind = "serverless" if self.hosting.serverless else "instance"
        content = {**self._variant(), **self._capture()}
        return f"{self.endpoint}-{self.version}-{kind}-{_digest(content)}"

    def create_model(self) -> dict[str, Any]:
        """The CreateModel request."""
        return {"ModelName": self.model_name, "Tags": self.tags, **self._model()}

    def create_config(self) -> dict[str, Any]:
        """The CreateEndpointConfig request."""
        return {
            "EndpointConfigName": self.config_name,
            "Tags": self.tags,
            "ProductionVariants": [self._variant()],
            **self._capture(),
        }

    def update_options(self, instances: int | None = None) -> dict[str, Any]:
        """What an UpdateEndpoint request says besides: new instances are watched before the old ones go.

        `instances`: how many there are now. An endpoint that scales keeps them through an update, or it would
        begin with its fewest while it is asked the most.

        With several instances one of them gets the first requests alone (API reference, TrafficRoutingConfig: a
        canary is at most half of them). Serverless endpoints have none of it (developer guide, "Deployment
        guardrails"), and without alarms there is nothing to go back for.
        """
        options: dict[str, Any] = {}
        scaling = self.hosting.scaling
        if scaling and instances is not None and scaling.minimum < instances <= scaling.maximum:
            options["RetainAllVariantProperties"] = True
            options["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": "DataCaptureConfig"}]
        if self.hosting.serverless or not self.alarms:
            return options
        routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": BAKING_SECONDS}
        if self.hosting.instances > 1 or options:
            routing |= {"Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}
        return options | {
            "DeploymentConfig": {
                "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in self.alarms]},
            }
        }

    def _model(self) -> dict[str, Any]:
        # A serverless endpoint cannot have network isolation (developer guide, "Serverless Inference").
        return {
            "PrimaryContainer": {"ModelPackageName": self.package_arn, "Environment": ENVIRONMENT},
            "ExecutionRoleArn": self.role,
            "EnableNetworkIsolation": not self.hosting.serverless,
        }

    def _capture(self) -> dict[str, Any]:
        return {"DataCaptureConfig": self.capturing.as_config(self.version)} if self.capturing else {}

    def _variant(self) -> dict[str, Any]:
        return {"VariantName": VARIANT, "ModelName": self.model_name, **self.hosting.as_variant()}


def check_percent(percent: int) -> None:
    """Raises UsageError for what is no share of requests to capture."""
    if not 1 <= percent <= 100:
        raise UsageError(f"--capture takes a percentage from 1 to 100 (got {percent}).")


def check_endpoint_name(name: str) -> None:
    """Raises UsageError for what is no name of an endpoint, or too long to make other names from."""
    if len(name) > MAX_NAME or not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", name):
        raise UsageError(
            f"An endpoint's name may have at most {MAX_NAME} letters, digits and hyphens, with no hyphen at "
            f"either end, unlike {name!r}."
        )


def belongs(tags: Mapping[str, str], project: str, endpoint: str) -> bool:
    """Whether something with these tags was made for the project's endpoint of that name.

    What the stack's own function deploys has no tag for the endpoint, which is called as the project is.
    """
    return tags.get(PROJECT_TAG) == project and tags.get(ENDPOINT_TAG, project) == endpoint


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
