"""Writes runs into MLflow so that writing them again adds nothing. Used by the publisher's process alone.

What is there already is told by tags: a run is found by its execution and step, its metrics and files are known
by their digests. Parameters and points are only ever added, as MLflow cannot change them; tags say what is so now.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from pipeline.tracking.patience import Patience
from pipeline.tracking.runs import Artifact, Batch, DeletedError, Point, Run

T = TypeVar("T")

EXECUTION, STEP = "fashion.execution", "fashion.step"
# Digests of what was published of a run: of all its points, and of each file.
_PUBLISHED, _POINTS = "fashion.published", "points"
_DIGEST_LETTERS = 16
_PARENT = "mlflow.parentRunId"
# Which of its pages MLflow shows first.
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
# What MLflow takes: of a name, of a value, and in one request.
_NAME, _PARAM, _TAG = 250, 6000, 5000
_METRICS, _PARAMS, _TAGS = 1000, 100, 100


class Ledger:
    """The runs at one place. `artifacts`: the URI below which a new experiment keeps files; None: as the server
    says."""

    def __init__(self, client: MlflowClient, patience: Patience, artifacts: str | None = None) -> None:
        self._client = client
        self._patience = patience
        self._artifacts = artifacts
        self._experiments: dict[str, str] = {}
        self._known: dict[tuple[str, str], dict[str, _Known]] = {}

    def publish(self, batch: Batch) -> None:
        """Writes what is not there yet. Raises what MLflow raises, NoAnswerError and DeletedError."""
        experiment = self._experiment(batch.experiment)
        key = experiment, batch.execution
        known = self._known.setdefault(key, {})
        if any(run.step not in known for run in batch.runs):
            # Another process may have made it since.
            found = self._runs(experiment, batch.execution)
            self._known[key] = known = {**found, **known}
        for run in batch.runs:
            if run.step not in known:
                parent = known[""].id if run.step else None
                known[run.step] = self._create(experiment, batch.execution, run, parent)
            self._write(known[run.step], run)

    def _call(self, function: Callable[..., T], *args: Any, long: bool = False, **named: Any) -> T:
        return self._patience.call(lambda: function(*args, **named), long=long)

    def _experiment(self, name: str) -> str:
        """The id of the experiment of that name, made if need be."""
        if name not in self._experiments:
            found = self._call(self._client.get_experiment_by_name, name)
            if found is not None and found.lifecycle_stage != "active":
                raise DeletedError(
                    f"the experiment {name} was deleted there. Restore it: mlflow experiments restore "
                    f"--experiment-id {found.experiment_id}"
                )
            self._experiments[name] = (
                self._call(
                    self._client.create_experiment,
                    name,
                    artifact_location=self._artifacts,
                    tags=_EXPERIMENT_TAGS,
                )
                if found is None
                else found.experiment_id
            )
        return self._experiments[name]

    def _runs(self, experiment: str, execution: str) -> dict[str, _Known]:
        """The runs of the execution that are there, by step."""
        found: dict[str, _Known] = {}
        token = None
        while True:
            page = self._call(
                self._client.search_runs,
                [experiment],
                filter_string=f"tags.`{EXECUTION}` = '{execution}'",
                page_token=token,
            )
            found |= {each.data.tags.get(STEP, ""): _Known(each) for each in page}
            if not (token := page.token):
                return found

    def _create(self, experiment: str, execution: str, run: Run, parent: str | None) -> _Known:
        tags = {EXECUTION: execution}
        if parent is not None:
            tags |= {STEP: run.step, _PARENT: parent}
        made = self._call(
            self._client.create_run,
            experiment,
            start_time=_milliseconds(run.started_at),
            tags=tags,
            run_name=run.name,
        )
        return _Known(made, new=True)

    def _write(self, known: _Known, run: Run) -> None:
        first = {name: value for name, value in run.first_tags.items() if name not in known.tags}
        tags = {name[:_NAME]: value[:_TAG] for name, value in {**run.tags, **first}.items()}
        params = {_parameter_name(name): value[:_PARAM] for name, value in run.params.items()}
        self._add(
            known,
            [],
            {name: value for name, value in params.items() if name not in known.params},
            {name: value for name, value in tags.items() if known.tags.get(name) != value},
        )
        self._add_points(known, run.points)
        for artifact in run.artifacts:
            self._add_file(known, artifact)
        self._set_status(known, run)

    def _add(
        self, known: _Known, points: Sequence[Point], params: dict[str, str], tags: dict[str, str]
    ) -> None:
        """Adds all of it, in as many requests as that takes."""
        for metrics in _parts(points, _METRICS - _PARAMS - _TAGS):
            sent = [Metric(each.key, each.value, each.time, each.step) for each in metrics]
            self._call(self._client.log_batch, known.id, metrics=sent)
        for some in _parts(list(params.items()), _PARAMS):
            self._call(self._client.log_batch, known.id, params=[Param(*each) for each in some])
            known.params.update(some)
        for some in _parts(list(tags.items()), _TAGS):
            self._call(self._client.log_batch, known.id, tags=[RunTag(*each) for each in some])
            known.tags.update(some)

    def _add_points(self, known: _Known, points: tuple[Point, ...]) -> None:
        digest = _digest(repr(points).encode())
        if not points or known.published.get(_POINTS) == digest:
            return
        for key in {each.key for each in points} - known.points.keys():
            history = [] if known.new else self._call(self._client.get_metric_history, known.id, key)
            known.points[key] = {(each.step, repr(float(each.value))) for each in history}
        missing = [each for each in points if (each.step, repr(each.value)) not in known.points[each.key]]
        self._add(known, missing, {}, known.with_published(_POINTS, digest))
        for each in missing:
            known.points[each.key].add((each.step, repr(each.value)))

    def _add_file(self, known: _Known, artifact: Artifact) -> None:
        text = (
            Path(artifact.path).read_bytes() if artifact.path is not None else (artifact.text or "").encode()
        )
        digest = _digest(text)
        if known.published.get(artifact.name) == digest:
            return
        if artifact.path is not None:
            self._call(self._client.log_artifact, known.id, artifact.path, long=True)
        else:
            self._call(self._client.log_text, known.id, artifact.text or "", artifact.name, long=True)
        self._add(known, [], {}, known.with_published(artifact.name, digest))

    def _set_status(self, known: _Known, run: Run) -> None:
        ended_at = None if run.ended_at is None else _milliseconds(run.ended_at)
        if run.status == "RUNNING":
            if known.status != run.status:  # It is resumed.
                self._call(self._client.update_run, known.id, status=run.status)
        elif (known.status, known.ended_at) != (run.status, ended_at):
            self._call(self._client.set_terminated, known.id, run.status, ended_at)
        known.status, known.ended_at = run.status, ended_at


class _Known:
    """What is known of a run that is there."""

    def __init__(self, run: Any, new: bool = False) -> None:
        self.id: str = run.info.run_id
        self.status: str = run.info.status
        self.ended_at: int | None = run.info.end_time
        self.new = new
        self.tags: dict[str, str] = dict(run.data.tags)
        self.params: dict[str, str] = dict(run.data.params)
        # By key the (step, value) of each point.
        self.points: dict[str, set[tuple[int, str]]] = {}

    @property
    def published(self) -> dict[str, str]:
        """The digests of what is there already; none where somebody has changed that tag."""
        try:
            found = json.loads(self.tags.get(_PUBLISHED, "{}"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def with_published(self, name: str, digest: str) -> dict[str, str]:
        """The tag that says so, too."""
        return {_PUBLISHED: json.dumps({**self.published, name: digest})}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LETTERS]


def _parameter_name(name: str) -> str:
    """`name` with what MLflow does not take replaced: hyperparameters may be called anything."""
    return re.sub(r"[^\w. :-]|^\.+$", "_", name)[:_NAME]


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
