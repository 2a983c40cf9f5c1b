"""Endpoints: each is a process that serves a model (model_server.py), made and changed behind the client's back.

An endpoint of an earlier server is InService still; its process starts when somebody asks it. So does that of one
whose process has died.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from pipeline.errors import FashionError
from pipeline.local.endpoint.endpoint_configs import EndpointConfigs
from pipeline.local.endpoint.engine import Engine
from pipeline.local.endpoint.model_server import ModelServer, start_server
from pipeline.local.endpoint.names import ARN
from pipeline.local.endpoint.pages import listed
from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError, known_of, only_known
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.jobs.runner import StepStopped
from pipeline.local.state import clock
from pipeline.local.state.resources import Resources
from pipeline.spec.definition import Json

ENDPOINT = "endpoint"
_GRACE_SECONDS = 0.5
_CUT_OFF = "The local SageMaker ended meanwhile. Delete the endpoint, and create it anew."
_LONGEST_REASON = 1024
_CHANGING = ("Creating", "Updating", "Deleting")
Record = dict[str, Any]


class Endpoints:
    """The operations on endpoints. Usable from several threads."""

    def __init__(self, engine: Engine, resources: Resources, configs: EndpointConfigs) -> None:
        self._engine = engine
        self._resources = resources
        self._configs = configs
        # Is told of each new status.
        self.changed: Callable[[Record], None] = lambda record: None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._servers: dict[str, ModelServer] = {}
        # Held by whoever starts the process of an endpoint.
        self._starting: dict[str, threading.Lock] = {}
        self._kept = ExitStack()
        self._reaper: Reaper | None = None
        self._records = resources.all(ENDPOINT)
        for record in list(self._records.values()):
            if record["EndpointStatus"] in _CHANGING:
                served = record["EndpointStatus"] == "Updating"
                self._put(record, "InService" if served else "Failed", FailureReason=_CUT_OFF)

    def create_endpoint(self, request: Request) -> Request:
        """CreateEndpoint: returns at once."""
        name, config = request["EndpointName"], self._configs.find(request["EndpointConfigName"])
        container = self._configs.container(config)
        arn = f"{ARN}:endpoint/{name.lower()}"
        with self._lock:
            if name in self._records:
                raise ServiceError(VALIDATION, f'Cannot create already existing endpoint "{arn}".')
            made = {
                "EndpointName": name,
                "EndpointArn": arn,
                "CreationTime": clock.now(),
                **_of(config, container),
            }
            self._put(made, "Creating")
            self._begin(name, config, container)
        return {"EndpointArn": arn}

    def update_endpoint(self, request: Request) -> Request:
        """UpdateEndpoint: what was served before is, until the new model is ready, and if it never is."""
        name, config = request["EndpointName"], self._configs.find(request["EndpointConfigName"])
        container = self._configs.container(config)
        with self._lock:
            record = self._settled(name)
            if record["EndpointStatus"] == "Failed":
                raise ServiceError(
                    VALIDATION, f'Cannot update endpoint "{record["EndpointArn"]}" in status Failed.'
                )
            self._put(record, "Updating", FailureReason=None)
            self._begin(name, config, container)
        return {"EndpointArn": record["EndpointArn"]}

    def describe_endpoint(self, request: Request) -> Request:
        """DescribeEndpoint."""
        return only_known("DescribeEndpoint", self.find(request["EndpointName"]))

    def list_endpoints(self, request: Request) -> Request:
        """ListEndpoints."""
        items, more = listed(self._records.values(), request, "Endpoint")
        return {"Endpoints": [known_of("EndpointSummary", each) for each in items], **more}

    def delete_endpoint(self, request: Request) -> Request:
        """DeleteEndpoint: when it returns, the endpoint is gone."""
        name = request["EndpointName"]
        with self._lock:
            self._put(self._settled(name), "Deleting")
            server = self._servers.pop(name, None)
        if server is not None:
            server.close()
        with self._lock:
            self._resources.delete((ENDPOINT, name))
            self._records = {key: each for key, each in self._records.items() if key != name}
        return {}

    def all(self) -> list[Record]:
        """The endpoints that there are."""
        return list(self._records.values())

    def find(self, name: str) -> Record:
        """The endpoint of that name. Raises ServiceError when there is none."""
        record = self._records.get(name)
        if record is None:
            raise ServiceError(VALIDATION, f'Could not find endpoint "{ARN}:endpoint/{name.lower()}".')
        return record

    def serving(self, name: str) -> ModelServer | None:
        """Who serves the endpoint, started if need be; None when it is not in service.

        Raises:
            ServiceError: its process cannot be started again; it is Failed from then on.
        """
        record = self._records.get(name)
        if record is None or record["EndpointStatus"] not in ("InService", "Updating"):
            return None
        server = self._servers.get(name)
        if server is not None and server.is_alive:
            return server
        with self._lock:
            starting = self._starting.setdefault(name, threading.Lock())
        with starting:
            server = self._servers.get(name)
            if server is not None and server.is_alive:
                return server
            return self._again(name, record)

    def close(self) -> None:
        """End what serves, and what is being made."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        with self._lock:
            servers, self._servers = list(self._servers.values()), {}
        for server in servers:
            server.close()
        self._kept.close()

    def _settled(self, name: str) -> Record:
        record = self.find(name)
        if record["EndpointStatus"] in _CHANGING:
            raise ServiceError(VALIDATION, f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')
        return record

    def _begin(self, name: str, config: Request, container: Mapping[str, Json]) -> None:
        """Let a thread bring up what the configuration asks for."""
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(
            target=self._bring_up, args=(name, config, container), name=f"endpoint {name}"
        )
        self._threads.append(thread)
        thread.start()

    def _bring_up(self, name: str, config: Request, container: Mapping[str, Json]) -> None:
        reason = ""
        try:
            server = self._start(name, container)
        except StepStopped:
            return  # The next server says what became of it.
        except (FashionError, OSError) as error:
            reason = str(error)
        except Exception as error:
            self._engine.tell_bug(error)
            reason = f"The local SageMaker failed: {error!r}"
        with self._lock:
            record = self._records[name]
            if reason:
                # As in the service, an update that fails leaves what was there.
                status = "InService" if record["EndpointStatus"] == "Updating" else "Failed"
                self._put(record, status, FailureReason=reason)
                return
            before = self._servers.pop(name, None)
            self._servers[name] = server
            self._put({**record, **_of(config, container)}, "InService", FailureReason=None)
        if before is not None:
            before.close()

    def _again(self, name: str, record: Record) -> ModelServer:
        """Start the process of an endpoint that has none any more."""
        try:
            server = self._start(name, record["Container"])
        except StepStopped:
            raise ServiceError("ServiceUnavailable", "This server is about to end.") from None
        except (FashionError, OSError) as error:
            with self._lock:
                if name in self._records:
                    self._put(self._records[name], "Failed", FailureReason=str(error))
            raise ServiceError(
                "ServiceUnavailable", f"The endpoint {name} could not come back: {error}"
            ) from None
        spare: ModelServer | None
        with self._lock:
            now = self._servers.get(name)
            if now is not None and now.is_alive:
                spare, serves = server, now  # An update came first.
            elif name in self._records and not self._stop.is_set():
                self._servers[name] = server
                spare, serves = now, server
            else:
                spare, serves = server, server
        if spare is not None:
            spare.close()
        return serves

    def _start(self, name: str, container: Mapping[str, Json]) -> ModelServer:
        home = self._engine.home
        log = home.endpoint_log(name)
        log.parent.mkdir(mode=0o700, exist_ok=True)
        with self._lock:
            if self._reaper is None:
                self._reaper = self._kept.enter_context(Reaper(_GRACE_SECONDS, self._engine.lock_descriptor))
        folder = home.scratch(f"endpoint-{secrets.token_hex(4)}")
        return start_server(self._engine.aws, container, folder, log, self._reaper, self._stop)

    def _put(self, record: Record, status: str, **changes: Any) -> None:
        """Keep another status of an endpoint, and tell of it."""
        now = {**record, **changes, "EndpointStatus": status, "LastModifiedTime": clock.now()}
        if now.get("FailureReason"):
            now["FailureReason"] = now["FailureReason"][:_LONGEST_REASON]
        self._resources.put((ENDPOINT, now["EndpointName"], now))
        self._records = {**self._records, now["EndpointName"]: now}
        self.changed(now)


def _of(config: Request, container: Mapping[str, Json]) -> Record:
    """What an endpoint has of its configuration, as DescribeEndpoint tells it, and the model's container."""
    (variant,) = config["ProductionVariants"]
    weight = variant.get("InitialVariantWeight", 1.0)
    shown: Record = {"VariantName": variant["VariantName"], "CurrentWeight": weight, "DesiredWeight": weight}
    if "ServerlessConfig" in variant:
        shown["CurrentServerlessConfig"] = variant["ServerlessConfig"]
    else:
        count = variant.get("InitialInstanceCount", 1)
        shown |= {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
    return {
        "EndpointConfigName": config["EndpointConfigName"],
        "ProductionVariants": [shown],
        "Container": dict(container),
    }
