"""What an endpoint runs on: instances, whose number may follow the requests, or none of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError

DEFAULT_INSTANCE = "ml.m5.large"
DEFAULT_MEMORY_MB = 3072
DEFAULT_CONCURRENCY = 5
DEFAULT_REQUESTS = 1000
# API reference, ProductionVariantServerlessConfig: 1 GB steps; 1 to 200.
MEMORIES_MB = tuple(range(1024, 6145, 1024))
MAX_CONCURRENCY = 200
MAX_INSTANCES = 10
# Developer guide, "Automatic scaling": not for these, which are burstable.
BURSTABLE = ("ml.t2.", "ml.t3.")
NO_SCALING = (
    "A serverless endpoint has no instances to add: it scales by itself, up to --concurrency. Leave out "
    "--max-instances or --serverless."
)


@dataclass(frozen=True)
class Scaling:
    """Between how many instances, for how many requests a minute an instance is to answer; 0: not known."""

    minimum: int
    maximum: int
    requests: int = DEFAULT_REQUESTS


@dataclass(frozen=True)
class Hosting:
    """What the model runs on: `instances` of `instance_type`, or, where that is None, as a serverless endpoint.

    With `max_instances`, as many more as it takes for each to have `requests` a minute.
    """

    instance_type: str | None = DEFAULT_INSTANCE
    instances: int = 1
    memory_mb: int = DEFAULT_MEMORY_MB
    concurrency: int = DEFAULT_CONCURRENCY
    max_instances: int | None = None
    requests: int = DEFAULT_REQUESTS

    def __post_init__(self) -> None:
        doing = "Choosing what an endpoint runs on"
        if self.instance_type is not None and not re.fullmatch(
            r"ml\.[a-z0-9-]+\.[a-z0-9]+", self.instance_type
        ):
            raise UsageError(
                f"{doing}: the instance type must be one such as {DEFAULT_INSTANCE}, not "
                f"{self.instance_type!r}."
            )
        if not 1 <= self.instances <= MAX_INSTANCES:
            raise UsageError(f"{doing}: there must be 1 to {MAX_INSTANCES} instances, not {self.instances}.")
        if self.memory_mb not in MEMORIES_MB:
            raise UsageError(
                f"{doing}: the memory must be {', '.join(map(str, MEMORIES_MB))} MB, not {self.memory_mb}."
            )
        if not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise UsageError(
                f"{doing}: there must be 1 to {MAX_CONCURRENCY} requests at once, not {self.concurrency}."
            )
        if self.requests < 1:
            raise UsageError(
                f"{doing}: an instance is to answer at least 1 request a minute (got {self.requests})."
            )
        if self.max_instances is not None:
            self._check_scaling(self.max_instances)

    @property
    def serverless(self) -> bool:
        """Whether it has no instances of its own."""
        return self.instance_type is None

    def __str__(self) -> str:
        if self.serverless:
            return f"serverless, {self.memory_mb} MB, at most {self.concurrency} requests at once"
        if self.scaling:
            more = f"as many as it takes for {self.requests} requests a minute each"
            return f"{self.instances} to {self.scaling.maximum} × {self.instance_type}, {more}"
        return f"{self.instances} × {self.instance_type}"

    @property
    def scaling(self) -> Scaling | None:
        """How the number of instances follows the requests; None: it does not."""
        if self.max_instances is None:
            return None
        return Scaling(self.instances, self.max_instances, self.requests)

    def as_variant(self) -> dict[str, Any]:
        """The part of a production variant that says it."""
        if self.serverless:
            return {
                "ServerlessConfig": {"MemorySizeInMB": self.memory_mb, "MaxConcurrency": self.concurrency}
            }
        return {
            "InstanceType": self.instance_type,
            "InitialInstanceCount": self.instances,
            "InitialVariantWeight": 1.0,
        }

    def _check_scaling(self, maximum: int) -> None:
        doing = "Scaling an endpoint"
        if self.instance_type is None:
            raise UsageError(NO_SCALING)
        if self.instance_type.startswith(BURSTABLE):
            raise UsageError(
                f"{doing}: AWS does not scale burstable instances, such as {self.instance_type}. Take another "
                f"with --instance-type, such as {DEFAULT_INSTANCE}, or leave out --max-instances."
            )
        if not self.instances < maximum <= MAX_INSTANCES:
            raise UsageError(
                f"{doing}: --max-instances must be more than --instances, {self.instances}, and at most "
                f"{MAX_INSTANCES} (got {maximum})."
            )
