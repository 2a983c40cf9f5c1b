"""What the state folder keeps of searches: their results in the step cache, and the logs of their trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.local.engine.cached_jobs import CachedJobs
from pipeline.local.jobs.runner import JobOutcome
from pipeline.local.state.state_dir import Home
from pipeline.spec.definition import Json, Step


@dataclass(frozen=True)
class Kept:
    """The KeptSearches of the execution `execution_id`."""

    jobs: CachedJobs
    home: Home
    execution_id: str

    def earlier(self, step: Step, arguments: Mapping[str, Json]) -> JobOutcome | None:
        """See KeptSearches."""
        return self.jobs.earlier(step, arguments)

    def remember(self, step: Step, arguments: Mapping[str, Json], properties: Mapping[str, Json]) -> None:
        """See KeptSearches."""
        self.jobs.remember(step, arguments, properties)

    def log_of(self, execution_id: str | None, step: str) -> Path:
        """See KeptSearches."""
        return self.home.step_log(execution_id or self.execution_id, step)
