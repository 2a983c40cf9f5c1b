"""Step caching with SageMaker's semantics: the results of jobs, by what decided them.

As documented ("Caching pipeline steps", "Default cache key attributes by pipeline step type"): only successful runs
of the same step of the same pipeline count, the most recent one within ExpireAfter; outputs, resources and role are
not compared. What is added here: the Python that jobs run with, which locally stands for the container's image, and
a check that everything the earlier job wrote is still on disk as it was.
"""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.local.state import clock
from pipeline.local.state.decisions import Decisions, Verdict
from pipeline.local.state.journal import line_of
from pipeline.local.state.objects import Objects, StoredObject, dump_objects, load_objects
from pipeline.local.state.schema import checksum, is_sound
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.spec.definition import Json, Step
from pipeline.spec.durations import parse_duration
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.tuning import definitions_in

# What a key_document lists, in this order.
KEY_PARTS = ("pipeline", "step", "type", "attributes", "image")


@dataclass(frozen=True)
class CachedResult:
    """What a job left behind: its Describe response, in the execution that ran it, at `recorded_at` (epoch)."""

    execution_id: str
    recorded_at: float
    properties: Mapping[str, Json]
    outputs: tuple[StoredObject, ...]


@dataclass(frozen=True)
class Miss:
    """There is no result to reuse; `reason` says why one that there is cannot be, None where there is none."""

    reason: str | None = None
    verdict: Verdict = "no result"


def cache_attributes(step_type: str) -> tuple[str, ...] | None:
    """The arguments that decide the result of a step of this type; None: its results are not reused."""
    return STEP_TYPES[step_type].cache_attributes


def key_document(pipeline: str, step: Step, arguments: Mapping[str, Json], image: str | None = None) -> str:
    """What decides the result of a step whose arguments are resolved, as JSON: a list of KEY_PARTS.

    `step.type` is one that is cached. `image` stands for the container's image; None: local_image().
    """
    # An attribute that is left out, null or empty asks for the same job.
    compared = cache_attributes(step.type) or ()
    names = arguments if "*" in compared else compared
    if step.part_of is not None:
        # Where a Tuning step's trainings leave their models is part of how they are referred to.
        names = (*names, "OutputDataConfig")
    attributes = {name: arguments[name] for name in names if arguments.get(name)}
    document = [pipeline, step.name, step.type, attributes, local_image() if image is None else image]
    return json.dumps(document, sort_keys=True)


@lru_cache(maxsize=1)
def local_image() -> str:
    """Which Python the jobs run with: its version, and the names and versions of all installed packages."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    packages = sorted(path.name for folder in folders for path in Path(folder).glob("*.dist-info"))
    return "\n".join([sys.version, *packages])


class StepCache:
    """The results that the state folder remembers. Usable from several threads; needs no server."""

    def __init__(self, home: Home, store: Store) -> None:
        self._objects = Objects(home, store)
        self.decisions = Decisions(store)
        self._database = store.database
        self._journal = store.journal

    def record(self, key: str, execution_id: str, properties: Mapping[str, Json]) -> None:
        """Remember that the job of `key` succeeded, with what it wrote, which must be in the store by now.

        In one transaction: a crash leaves the earlier result or this one. Raises StateError when the file fails.
        """
        outputs = [stored for uri in output_folders(properties) for stored in self._objects.under(uri)]
        row = (
            key,
            execution_id,
            clock.now(),
            json.dumps(properties),
            dump_objects(outputs),
        )
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?, ?, ?)", (*row, checksum(*row))
            )
            self._journal.add([line_of("cache", *row)])

    def find(self, key: str, expire_after: str | None) -> CachedResult | Miss:
        """The latest result of `key`, if it is not older than `expire_after` and all it wrote is intact.

        Reads everything it wrote. Raises StateError when the state database fails.
        """
        rows = self._database.rows(
            "SELECT key, execution, recorded_at, properties, outputs, crc FROM cache WHERE key = ?", (key,)
        )
        if not rows:
            return Miss()
        if not is_sound(rows[0]):
            return Miss("the record of an earlier result is damaged", "damaged")
        _, execution_id, recorded_at, properties, outputs, _ = rows[0]
        # A clock that was set back makes nothing old.
        if expire_after is not None and clock.now() - recorded_at > parse_duration(expire_after):
            return Miss(
                f"the result of execution {execution_id} is older than ExpireAfter={expire_after}", "expired"
            )
        result = CachedResult(
            execution_id,
            recorded_at,
            json.loads(properties),
            load_objects(outputs),
        )
        fault = self._objects.change(result.outputs)
        if fault is not None:
            return Miss(f"what execution {execution_id} wrote has changed: {fault}", "changed on disk")
        return result


def output_folders(properties: Mapping[str, Json]) -> list[str]:
    """The S3 prefixes that a job wrote to, by its Describe response, each with a slash at its end."""
    outputs = (properties.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
    folders = [f"{output['S3Output']['S3Uri'].rstrip('/')}/" for output in outputs]
    artifacts = (properties.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
    if artifacts:
        # <S3OutputPath>/<job>/output/ holds model.tar.gz, or model/, and output.tar.gz.
        folders.append(artifacts.rstrip("/").rpartition("/")[0] + "/")
    transformed = (properties.get("TransformOutput") or {}).get("S3OutputPath")
    if transformed:
        folders.append(f"{transformed.rstrip('/')}/")
    return [*folders, *_folders_of_trials(properties)]


def _folders_of_trials(properties: Mapping[str, Json]) -> Iterator[str]:
    """Where the trainings of a Tuning step that completed left their models."""
    places = {
        definition.get("DefinitionName"): definition["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        for _, definition in definitions_in(properties)
    }
    for summary in properties.get("TrainingJobSummaries") or ():
        if summary["TrainingJobStatus"] == "Completed":
            place = places[summary.get("TrainingJobDefinitionName")]
            yield f"{place}/{summary['TrainingJobName']}/output/"
