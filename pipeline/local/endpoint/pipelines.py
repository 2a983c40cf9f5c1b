"""Pipelines and their versions: Create, Update, Describe, List, Delete. All of it is in the state folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pipeline.errors import DefinitionError
from pipeline.local.endpoint.names import execution_arn, pipeline_arn, pipeline_key
from pipeline.local.endpoint.pages import ordered, page, within
from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError, known_of, not_found, only_known
from pipeline.local.state import clock
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.resources import Resources
from pipeline.spec.parsing import parse_definition

PIPELINE, VERSION = "pipeline", "pipeline-version"
_KEPT = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
_LONGEST_DEFINITION = 1 << 20


class Pipelines:
    """The operations on pipelines, each under its own name. Usable from several threads."""

    def __init__(self, aws: LocalAws, resources: Resources) -> None:
        self._aws = aws
        self._resources = resources
        self._lock = threading.RLock()
        self._pipelines = resources.all(PIPELINE)
        self._versions = resources.all(VERSION)
        # Told of a pipeline that is about to be deleted; raises ServiceError when it may not be.
        self.before_deleting: Callable[[str], None] = lambda key: None

    def find(self, name_or_arn: str) -> dict[str, Any]:
        """What is kept of a pipeline. Raises ServiceError when there is none of that name or ARN."""
        key = pipeline_key(name_or_arn)
        if key not in self._pipelines:
            raise not_found(f"Pipeline '{pipeline_arn(key)}'")
        return self._pipelines[key]

    def version(self, found: Request, number: int | None = None, alias: str | None = None) -> dict[str, Any]:
        """A version of the pipeline; the latest, unless a number or an alias is given.

        Raises:
            ServiceError: it has no such version.
        """
        key = pipeline_key(found["PipelineName"])
        if number is not None and alias is not None:
            raise ServiceError(
                VALIDATION, "Only one of PipelineVersionId and PipelineVersionAlias can be given."
            )
        if alias is not None:
            for each in self._of(key):
                if alias in each.get("PipelineVersionAliases", ()):
                    return each
            raise not_found(f"Version '{alias}' of pipeline '{pipeline_arn(key)}'")
        number = number or found["LatestVersion"]
        if f"{key}/{number}" not in self._versions:
            raise not_found(f"Version {number} of pipeline '{pipeline_arn(key)}'")
        return self._versions[f"{key}/{number}"]

    def aliases(self, key: str, number: int) -> list[str]:
        """The aliases that a version has now."""
        return list(self._versions.get(f"{key}/{number}", {}).get("PipelineVersionAliases", ()))

    def create_pipeline(self, request: Request) -> Request:
        """CreatePipeline."""
        key = pipeline_key(request["PipelineName"])
        definition = self._definition(request)
        with self._lock:
            known = self._pipelines.get(key)
            if known is not None:
                if known["ClientRequestToken"] == request["ClientRequestToken"]:
                    return {"PipelineArn": pipeline_arn(key)}
                # Clients that upsert look for these words.
                raise ServiceError(
                    VALIDATION,
                    "Pipeline names must be unique within an AWS account and region. Pipeline with name "
                    f"({request['PipelineName']}) already exists.",
                )
            now = clock.now()
            made = {name: request[name] for name in _KEPT if name in request}
            made |= {
                "PipelineName": request["PipelineName"],
                "ClientRequestToken": request["ClientRequestToken"],
                "CreationTime": now,
                "LastModifiedTime": now,
            }
            self._keep_version(key, made, definition, request)
        return {"PipelineArn": pipeline_arn(key)}

    def update_pipeline(self, request: Request) -> Request:
        """UpdatePipeline: a new version, as every update makes one."""
        with self._lock:
            found = self.find(request["PipelineName"])
            key = pipeline_key(found["PipelineName"])
            definition = self._definition(request, otherwise=self.version(found)["PipelineDefinition"])
            changed = {**found, **{name: request[name] for name in _KEPT if name in request}}
            changed["LastModifiedTime"] = clock.now()
            number = self._keep_version(key, changed, definition, request)
        return {"PipelineArn": pipeline_arn(key), "PipelineVersionId": number}

    def describe_pipeline(self, request: Request) -> Request:
        """DescribePipeline."""
        found = self.find(request["PipelineName"])
        version = self.version(found, request.get("PipelineVersionId"), request.get("PipelineVersionAlias"))
        return only_known(
            "DescribePipeline",
            {
                **found,
                **version,
                "CreationTime": found["CreationTime"],
                "PipelineArn": pipeline_arn(pipeline_key(found["PipelineName"])),
                "PipelineStatus": "Active",
                "CreatedBy": {},
                "LastModifiedBy": {},
            },
        )

    def list_pipelines(self, request: Request) -> Request:
        """ListPipelines."""
        prefix = request.get("PipelineNamePrefix", "").lower()
        found = [each for key, each in self._pipelines.items() if key.startswith(prefix)]
        found = within(found, request, {"Created": lambda each: each["CreationTime"]})
        by = "PipelineName" if request.get("SortBy") == "Name" else "CreationTime"
        items, more = page(ordered(found, lambda each: each[by], request), request)
        summaries = [
            known_of(
                "PipelineSummary",
                {
                    **each,
                    "PipelineArn": pipeline_arn(pipeline_key(each["PipelineName"])),
                    "LastExecutionTime": each.get("LastRunTime"),
                },
            )
            for each in items
        ]
        return {"PipelineSummaries": summaries, **more}

    def delete_pipeline(self, request: Request) -> Request:
        """DeletePipeline, with its versions and executions."""
        with self._lock:
            key = pipeline_key(self.find(request["PipelineName"])["PipelineName"])
            self.before_deleting(key)
            versions = [name for name in self._versions if name.rpartition("/")[0] == key]
            self._resources.delete((PIPELINE, key), *((VERSION, name) for name in versions))
            self._pipelines = {name: each for name, each in self._pipelines.items() if name != key}
            self._versions = {name: each for name, each in self._versions.items() if name not in versions}
        return {"PipelineArn": pipeline_arn(key)}

    def list_pipeline_versions(self, request: Request) -> Request:
        """ListPipelineVersions."""
        key = pipeline_key(self.find(request["PipelineName"])["PipelineName"])
        found = within(self._of(key), request, {"Created": lambda each: each["CreationTime"]})
        items, more = page(ordered(found, lambda each: each["PipelineVersionId"], request), request)
        summaries = [
            known_of("PipelineVersionSummary", {**each, "PipelineArn": pipeline_arn(key)}) for each in items
        ]
        return {"PipelineVersionSummaries": summaries, **more}

    def update_pipeline_version(self, request: Request) -> Request:
        """UpdatePipelineVersion: its display name, its description and its aliases."""
        with self._lock:
            found = self.find(request["PipelineArn"])
            key = pipeline_key(found["PipelineName"])
            version = dict(self.version(found, request["PipelineVersionId"]))
            for name in ("PipelineVersionDisplayName", "PipelineVersionDescription"):
                if name in request:
                    version[name] = request[name]
            operations = request.get("PipelineVersionAliasOperations") or {}
            gone = set(operations.get("Remove") or ())
            aliases = [each for each in version.get("PipelineVersionAliases", ()) if each not in gone]
            version["PipelineVersionAliases"] = list(
                dict.fromkeys([*aliases, *(operations.get("Add") or ())])
            )
            self._write(self._moved_aliases(key, version))
        return {"PipelineArn": pipeline_arn(key), "PipelineVersionId": version["PipelineVersionId"]}

    def note_run(self, key: str, number: int, execution_id: str) -> list[tuple[str, str, dict[str, Any]]]:
        """What to write down of a pipeline, one of whose versions is about to run; call `noted` when it is."""
        found = {**self._pipelines[key], "LastRunTime": clock.now()}
        name = f"{key}/{number}"
        version = {
            **self._versions[name],
            "LastExecutionPipelineExecutionArn": execution_arn(key, execution_id),
        }
        return [(PIPELINE, key, found), (VERSION, name, version)]

    def noted(self, written: list[tuple[str, str, dict[str, Any]]]) -> None:
        """Take over what was written down."""
        with self._lock:
            for kind, name, record in written:
                if kind == PIPELINE and name in self._pipelines:
                    self._pipelines = {**self._pipelines, name: record}
                elif kind == VERSION and name in self._versions:
                    self._versions = {**self._versions, name: record}

    def _of(self, key: str) -> list[dict[str, Any]]:
        return [each for name, each in self._versions.items() if name.rpartition("/")[0] == key]

    def _keep_version(self, key: str, changed: dict[str, Any], definition: str, request: Request) -> int:
        """Write the pipeline as it is `changed`, with a new version of it; returns that one's number."""
        number = int(changed.get("LatestVersion", 0)) + 1
        version = {
            "PipelineVersionId": number,
            "PipelineDefinition": definition,
            "CreationTime": changed["LastModifiedTime"],
            "PipelineVersionAliases": list(request.get("PipelineVersionAliases") or ()),
        }
        changed = {**changed, "LatestVersion": number}
        self._write([(PIPELINE, key, changed), *self._moved_aliases(key, version)])
        return number

    def _moved_aliases(self, key: str, version: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
        """The version, and those that lose an alias to it: each stands for one version."""
        own = set(version["PipelineVersionAliases"])
        losers = [
            {
                **each,
                "PipelineVersionAliases": [
                    name for name in each["PipelineVersionAliases"] if name not in own
                ],
            }
            for each in self._of(key)
            if each["PipelineVersionId"] != version["PipelineVersionId"]
            and own & set(each["PipelineVersionAliases"])
        ]
        return [(VERSION, f"{key}/{each['PipelineVersionId']}", each) for each in (version, *losers)]

    def _write(self, resources: list[tuple[str, str, dict[str, Any]]]) -> None:
        self._resources.put(*resources)
        # Readers take no lock: what they have found stays as it is.
        for kind, name, record in resources:
            if kind == PIPELINE:
                self._pipelines = {**self._pipelines, name: record}
            else:
                self._versions = {**self._versions, name: record}

    def _definition(self, request: Request, otherwise: str | None = None) -> str:
        """The text of the definition that the request brings, checked; `otherwise` if it brings none."""
        text: str | None = request.get("PipelineDefinition")
        place = request.get("PipelineDefinitionS3Location")
        if text is not None and place is not None:
            raise ServiceError(
                VALIDATION, "Only one of PipelineDefinition and PipelineDefinitionS3Location can be given."
            )
        if place is not None:
            text = self._read(place)
        if text is None:
            if otherwise is None:
                raise ServiceError(
                    VALIDATION, "One of PipelineDefinition and PipelineDefinitionS3Location must be given."
                )
            return otherwise
        try:
            parse_definition(text)
        except DefinitionError as error:
            raise ServiceError(VALIDATION, str(error)) from None
        return text

    def _read(self, place: Request) -> str:
        uri = f"s3://{place['Bucket']}/{place['ObjectKey']}"
        self._aws.save_objects()
        stored = self._aws.objects.find(place["Bucket"], place["ObjectKey"])
        if stored is None or self._aws.objects.damage(stored) is not None:
            raise ServiceError(VALIDATION, f"There is no object {uri} to read the pipeline definition from.")
        if stored.size > _LONGEST_DEFINITION:
            raise ServiceError(
                VALIDATION, f"The definition {uri} is longer than {_LONGEST_DEFINITION} bytes."
            )
        try:
            return self._aws.objects.path(stored).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ServiceError(VALIDATION, f"The definition {uri} is not UTF-8.") from None
