"""Endpoint configurations: one production variant each, whose model this project's server can serve."""

from __future__ import annotations

import threading
from typing import Any

from pipeline.local.endpoint.engine import Engine
from pipeline.local.endpoint.names import ARN
from pipeline.local.endpoint.pages import listed
from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError, known_of, only_known
from pipeline.local.jobs.stand_in import is_tensorflow
from pipeline.local.jobs.transform.models import model_finder
from pipeline.local.state import clock
from pipeline.local.state.resources import Resources
from pipeline.printable import printable
from pipeline.spec.definition import Json

_CONFIG = "endpoint config"
_WORD = "EndpointConfig"
# What a configuration may ask for that is not done here.
_NOT_DONE = ("ShadowProductionVariants", "AsyncInferenceConfig", "ExplainerConfig")


class EndpointConfigs:
    """The operations on endpoint configurations. Usable from several threads."""

    def __init__(self, engine: Engine, resources: Resources) -> None:
        self._resources = resources
        self._find_model = model_finder(engine.aws, engine.store)
        self._lock = threading.Lock()
        self._configs = resources.all(_CONFIG)

    def create_endpoint_config(self, request: Request) -> Request:
        """CreateEndpointConfig."""
        name = request["EndpointConfigName"]
        arn = _arn(name)
        self._check(request)
        made = {**request, "EndpointConfigArn": arn, "CreationTime": clock.now()}
        with self._lock:
            if name in self._configs:
                raise ServiceError(
                    VALIDATION, f'Cannot create already existing endpoint configuration "{arn}".'
                )
            self._resources.put((_CONFIG, name, made))
            self._configs = {**self._configs, name: made}
        return {"EndpointConfigArn": arn}

    def describe_endpoint_config(self, request: Request) -> Request:
        """DescribeEndpointConfig."""
        return only_known("DescribeEndpointConfig", self.find(request["EndpointConfigName"]))

    def list_endpoint_configs(self, request: Request) -> Request:
        """ListEndpointConfigs."""
        items, more = listed(self._configs.values(), request, _WORD)
        return {"EndpointConfigs": [known_of("EndpointConfigSummary", each) for each in items], **more}

    def delete_endpoint_config(self, request: Request) -> Request:
        """DeleteEndpointConfig: an endpoint that was made with it goes on."""
        name = request["EndpointConfigName"]
        with self._lock:
            self.find(name)
            self._resources.delete((_CONFIG, name))
            self._configs = {key: each for key, each in self._configs.items() if key != name}
        return {}

    def find(self, name: str) -> dict[str, Any]:
        """The configuration of that name. Raises ServiceError when there is none."""
        found = self._configs.get(name)
        if found is None:
            raise ServiceError(VALIDATION, f'Could not find endpoint configuration "{_arn(name)}".')
        return found

    def container(self, config: Request) -> dict[str, Json]:
        """The only container of the model of its variant, by the model's package where that names one.

        Raises:
            ServiceError: there is no such model, or it is not one that this project's server serves.
        """
        name = str(config["ProductionVariants"][0]["ModelName"])
        containers = self._find_model(name)
        if containers is None:
            raise ServiceError(VALIDATION, f'Could not find model "{ARN}:model/{name.lower()}".')
        here = "The local SageMaker serves only TensorFlow's SavedModels, with a server of its own"
        if len(containers) != 1:
            raise ServiceError(
                VALIDATION, f"{here}. The model {name} has {len(containers)} containers: name one."
            )
        (container,) = containers
        image = str(container.get("Image") or "")
        if not is_tensorflow(image):
            raise ServiceError(
                VALIDATION,
                f"{here}, in the place of AWS's images tensorflow-inference. The image of the model {name} is "
                f"{printable(image) or 'not named'}, which it does not run.",
            )
        return container

    def _check(self, request: Request) -> None:
        """Raise ServiceError for what an endpoint of such a configuration could not do here."""
        wrong = [name for name in _NOT_DONE if request.get(name)]
        variants = request["ProductionVariants"]
        if len(variants) != 1:
            wrong.append(f"{len(variants)} ProductionVariants")
        elif "ModelName" not in variants[0]:
            wrong.append("a variant without a ModelName (inference components)")
        if (request.get("DataCaptureConfig") or {}).get("EnableCapture"):
            wrong.append("DataCaptureConfig with EnableCapture")
        if wrong:
            raise ServiceError(
                VALIDATION,
                f"The local SageMaker does not do this for endpoints: {', '.join(wrong)}. It serves one variant, "
                "which has a model.",
            )
        if self._find_model(str(variants[0]["ModelName"])) is None:
            name = variants[0]["ModelName"]
            raise ServiceError(VALIDATION, f'Could not find model "{ARN}:model/{name.lower()}".')


def _arn(name: str) -> str:
    return f"{ARN}:endpoint-config/{name.lower()}"
