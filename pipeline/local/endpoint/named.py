"""Models and tags: what clients name and ask back, kept as it was sent."""

from __future__ import annotations

import threading
from typing import Any

from pipeline.local.endpoint.engine import Engine
from pipeline.local.endpoint.names import ARN
from pipeline.local.endpoint.pages import listed, page
from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError, known_of, moment, only_known
from pipeline.local.state import clock
from pipeline.local.state.resources import MODEL, Resources

TAGS = "tags"
_MOST_TAGS = 50


class Models:
    """The operations on models: those of clients, and those that Model steps made."""

    def __init__(self, engine: Engine, resources: Resources) -> None:
        self._engine = engine
        self._resources = resources
        self._lock = threading.Lock()
        self._models = resources.all(MODEL)

    def create_model(self, request: Request) -> Request:
        """CreateModel."""
        name = request["ModelName"]
        arn = f"{ARN}:model/{name.lower()}"
        with self._lock:
            if name in self._all():
                raise ServiceError(VALIDATION, f"Cannot create already existing model '{arn}'.")
            made = {**request, "ModelArn": arn, "CreationTime": clock.now()}
            self._resources.put((MODEL, name, made))
            self._models = {**self._models, name: made}
        return {"ModelArn": arn}

    def describe_model(self, request: Request) -> Request:
        """DescribeModel."""
        return only_known("DescribeModel", self._find(request["ModelName"]))

    def list_models(self, request: Request) -> Request:
        """ListModels."""
        items, more = listed(self._all().values(), request, "Model")
        return {"Models": [known_of("ModelSummary", each) for each in items], **more}

    def delete_model(self, request: Request) -> Request:
        """DeleteModel."""
        name = request["ModelName"]
        with self._lock:
            self._find(name)
            if name not in self._models:
                raise ServiceError(
                    VALIDATION, f"The model {name} is a step's; it goes when its pipeline is deleted."
                )
            self._resources.delete((MODEL, name))
            self._models = {key: each for key, each in self._models.items() if key != name}
        return {}

    def _find(self, name: str) -> dict[str, Any]:
        found = self._all().get(name)
        if found is None:
            raise ServiceError(VALIDATION, f'Could not find model "{ARN}:model/{name}".')
        return found

    def _all(self) -> dict[str, dict[str, Any]]:
        made = {
            str(step.properties["ModelName"]): {
                **step.properties,
                "CreationTime": moment(step.properties.get("CreationTime")) or step.ended_at,
            }
            for execution in self._engine.all()
            for step in execution.known.steps
            if step.type == "Model" and "ModelName" in step.properties and not step.cached
        }
        return {**made, **self._models}


class Tags:
    """AddTags, ListTags and DeleteTags, for whatever ARN is asked."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._lock = threading.Lock()
        self._tags = resources.all(TAGS)

    def add_tags(self, request: Request) -> Request:
        """AddTags."""
        return {"Tags": self.add(request["ResourceArn"], request["Tags"])}

    def list_tags(self, request: Request) -> Request:
        """ListTags."""
        tags = list(self._tags.get(request["ResourceArn"], {}).items())
        items, more = page(tags, request)
        return {"Tags": [{"Key": key, "Value": value} for key, value in items], **more}

    def delete_tags(self, request: Request) -> Request:
        """DeleteTags."""
        with self._lock:
            known = self._tags.get(request["ResourceArn"], {})
            self._keep(
                request["ResourceArn"],
                {key: value for key, value in known.items() if key not in request["TagKeys"]},
            )
        return {}

    def add(self, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        """Tag a resource; returns all tags that it has then."""
        with self._lock:
            known = {**self._tags.get(arn, {}), **{each["Key"]: each["Value"] for each in tags}}
            if len(known) > _MOST_TAGS:
                raise ServiceError(VALIDATION, f"A resource can have at most {_MOST_TAGS} tags.")
            self._keep(arn, known)
        return [{"Key": key, "Value": value} for key, value in known.items()]

    def of(self, arn: str) -> dict[str, Any]:
        """The tags of a resource."""
        return dict(self._tags.get(arn, {}))

    def _keep(self, arn: str, tags: dict[str, Any]) -> None:
        self._resources.put((TAGS, arn, tags))
        self._tags = {**self._tags, arn: tags}
