"""What is published: runs of MLflow as plain values, and the line that carries them to the publisher."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

# MLflow's own words for how a run is.
RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


class DeletedError(Exception):
    """An experiment lies in MLflow's bin, where nothing can be added to it."""


@dataclass(frozen=True)
class Point:
    """One value of a metric: at `step` (an epoch), at `time` (milliseconds since the epoch)."""

    key: str
    value: float
    time: int
    step: int


@dataclass(frozen=True)
class Artifact:
    """A file of a run, by its name: a copy of the file at `path`, or what `text` says."""

    name: str
    path: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Run:
    """One run. `step` is the pipeline's step that it is of, "" for the run of the whole execution.

    Times are seconds since the epoch. `first_tags` are set when the run has none of that name, and stay.
    """

    step: str
    name: str
    status: RunStatus
    started_at: float
    ended_at: float | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    first_tags: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Runs of one execution, that of the execution first where it is among them, and the experiment they go to."""

    experiment: str
    execution: str
    runs: tuple[Run, ...]

    def line(self) -> str:
        """The batch as one line of JSON."""
        return json.dumps(asdict(self))


def read_batch(document: Mapping[str, Any]) -> Batch:
    """The batch that `line` wrote."""
    return Batch(document["experiment"], document["execution"], tuple(map(_read_run, document["runs"])))


def _read_run(document: Mapping[str, Any]) -> Run:
    points = tuple(Point(**each) for each in document["points"])
    artifacts = tuple(Artifact(**each) for each in document["artifacts"])
    return Run(**{**document, "points": points, "artifacts": artifacts})


def newest_by_step(runs: Iterable[Run]) -> dict[str, Run]:
    """Of each step the last run, that of the execution first."""
    found = {run.step: run for run in runs}
    return {step: found[step] for step in sorted(found, key=bool)}
