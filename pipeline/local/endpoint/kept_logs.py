"""Log groups beside those of jobs: what clients make, for events to go to, and the logs of endpoints."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.local.endpoint.wire import Request, ServiceError
from pipeline.local.state import clock
from pipeline.local.state.resources import Resources
from pipeline.local.state.state_dir import Home

_GROUP, _EVENT = "log group", "log event"
_ENDPOINTS = "/aws/sagemaker/Endpoints/"


@dataclass(frozen=True)
class Stream:
    """A log stream whose events are all of one moment, in milliseconds."""

    name: str
    at: int
    messages: tuple[str, ...]


class KeptLogs:
    """Groups by name, with their streams. Usable from several threads."""

    def __init__(self, home: Home, resources: Resources, endpoints: Callable[[], Iterable[Any]]) -> None:
        """`endpoints` gives the records of the endpoints that there are."""
        self._home = home
        self._resources = resources
        self._endpoints = endpoints
        self._lock = threading.Lock()
        self._groups: dict[str, list[tuple[str, Stream]]] = {name: [] for name in resources.all(_GROUP)}
        for key, kept in resources.all(_EVENT).items():
            stream = Stream(kept["stream"], kept["at"], (kept["message"],))
            self._groups[kept["group"]].append((key, stream))

    def create_log_group(self, request: Request) -> Request:
        """CreateLogGroup."""
        name = request["logGroupName"]
        with self._lock:
            if name in self.names():
                raise ServiceError("ResourceAlreadyExistsException", "The specified log group already exists")
            self._resources.put((_GROUP, name, {}))
            self._groups = {**self._groups, name: []}
        return {}

    def delete_log_group(self, request: Request) -> Request:
        """DeleteLogGroup: of those that clients made."""
        name = request["logGroupName"]
        with self._lock:
            if name not in self._groups:
                raise ServiceError("ResourceNotFoundException", "The specified log group does not exist.")
            self._resources.delete((_GROUP, name), *((_EVENT, key) for key, _ in self._groups[name]))
            self._groups = {key: each for key, each in self._groups.items() if key != name}
        return {}

    def put(self, group: str, stream: str, message: str) -> None:
        """Add an event to a group, in a stream of its own. Raises ServiceError when there is no such group."""
        at = int(clock.now() * 1000)
        with self._lock:
            if group not in self._groups:
                raise ServiceError(
                    "ResourceNotFoundException",
                    f"The log group {group} does not exist: make it (CreateLogGroup).",
                )
            key = f"{group}:{stream}:{len(self._groups[group])}"
            self._resources.put(
                (_EVENT, key, {"group": group, "stream": stream, "at": at, "message": message})
            )
            self._groups[group].append((key, Stream(stream, at, (message,))))

    def names(self) -> list[str]:
        """The names of the groups."""
        return [*self._groups, *(f"{_ENDPOINTS}{each['EndpointName']}" for each in self._endpoints())]

    def streams(self, group: str) -> list[Stream]:
        """The streams of a group that is there."""
        if group in self._groups:
            return [stream for _, stream in self._groups[group]]
        name = group.removeprefix(_ENDPOINTS)
        record = next((each for each in self._endpoints() if each["EndpointName"] == name), None)
        try:
            text = self._home.endpoint_log(name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []  # Its process has not been started.
        if record is None:
            return []
        variant = record["ProductionVariants"][0]["VariantName"]
        return [Stream(f"{variant}/local", int(record["CreationTime"] * 1000), tuple(text.splitlines()))]
