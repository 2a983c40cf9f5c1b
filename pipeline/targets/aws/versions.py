"""The versions of the pipeline, which SageMaker keeps: each definition that it was given, in order.

EventBridge's rules, and whoever names none, start the newest one. Going back to an earlier one is therefore giving
SageMaker its definition again, which makes it the newest. An alias names one version, and is unique in a pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from pipeline.errors import UsageError
from pipeline.targets.aws.aws_errors import is_forbidden, translate_errors
from pipeline.targets.aws.plan import Job

# API reference: StoppingCondition.
_LONGEST = 86400


@dataclass(frozen=True)
class Version:
    """One version. `name` and `about` say of which commit it is, where it was told; `execution` is its last one."""

    number: int
    created: datetime
    name: str = ""
    about: str = ""
    aliases: tuple[str, ...] = ()
    execution: str = ""

    def __str__(self) -> str:
        return f"version {self.number}" + (f" ({self.name})" if self.name else "")


@dataclass(frozen=True)
class Label:
    """What a version is called, and where it comes from."""

    name: str
    about: str


class Versions:
    """The versions of the pipeline called `pipeline`, in an account."""

    def __init__(self, client: Any, pipeline: str) -> None:
        self.client = client
        self.pipeline = pipeline

    def all(self) -> list[Version]:
        """All of them, the newest first.

        Raises:
            CredentialsError, AwsError: SageMaker refuses, or there is no such pipeline.
        """
        asked: dict[str, Any] = {"PipelineName": self.pipeline, "SortOrder": "Descending"}
        found: list[dict[str, Any]] = []
        with translate_errors(f"Listing the versions of the pipeline {self.pipeline}"):
            while True:
                page = self.client.list_pipeline_versions(**asked)
                found += page["PipelineVersionSummaries"]
                if not page.get("NextToken"):
                    break
                asked["NextToken"] = page["NextToken"]
        versions = [
            Version(
                each["PipelineVersionId"],
                each["CreationTime"],
                each.get("PipelineVersionDisplayName", ""),
                each.get("PipelineVersionDescription", ""),
                tuple(each.get("PipelineVersionAliases", ())),
                each.get("LastExecutionPipelineExecutionArn", "").rpartition("/")[2],
            )
            for each in found
        ]
        return sorted(versions, key=lambda version: -version.number)

    def find(self, wanted: str) -> Version:
        """The version with that number or alias. Raises UsageError when there is none."""
        versions = self.all()
        for version in versions:
            if wanted in (str(version.number), *version.aliases):
                return version
        aliases = sorted(alias for version in versions for alias in version.aliases)
        numbers = ", ".join(str(version.number) for version in versions[:5])
        raise UsageError(
            f"The pipeline {self.pipeline} has no version {wanted}. Its newest are {numbers}; "
            f"aliases: {', '.join(aliases) or 'none'}. List them with: python -m pipeline versions"
        )

    def definition(self, version: Version) -> str:
        """The definition of a version."""
        with translate_errors(f"Reading {version} of the pipeline {self.pipeline}"):
            described = self.client.describe_pipeline(
                PipelineName=self.pipeline, PipelineVersionId=version.number
            )
        return str(described["PipelineDefinition"])

    def name(self, alias: str, version: Version) -> None:
        """Has the alias name this version and no other."""
        if alias in version.aliases:
            return
        with translate_errors(f"Naming {version} of the pipeline {self.pipeline} {alias}"):
            arn = self.client.describe_pipeline(PipelineName=self.pipeline)["PipelineArn"]
            for other in self.all():
                if alias in other.aliases:  # SageMaker takes it only once it is free
                    self._change(arn, other.number, {"Remove": [alias]})
            self._change(arn, version.number, {"Add": [alias]})

    def _change(self, arn: str, number: int, operations: Mapping[str, Sequence[str]]) -> None:
        self.client.update_pipeline_version(
            PipelineArn=arn, PipelineVersionId=number, PipelineVersionAliasOperations=operations
        )


def label_version(client: Any, answer: Mapping[str, Any], label: Label) -> None:
    """Names the version that CreatePipeline or UpdatePipeline has made; nothing where that is not allowed.

    The stack may be an older one; a version without a name runs as well.
    """
    try:
        client.update_pipeline_version(
            PipelineArn=answer["PipelineArn"],
            PipelineVersionId=answer.get("PipelineVersionId", 1),  # CreatePipeline tells none: the first
            PipelineVersionDisplayName=label.name,
            PipelineVersionDescription=label.about,
        )
    except ClientError as error:
        if not is_forbidden(error):
            raise


def jobs_of(definition: str, values: Mapping[str, object]) -> tuple[Job, ...]:
    """The jobs that a definition runs with these values of its parameters: for what it costs at most."""
    document = json.loads(definition)
    known = {each["Name"]: each.get("DefaultValue") for each in document.get("Parameters") or ()} | dict(
        values
    )

    def value(node: Any, default: Any = None) -> Any:
        if isinstance(node, dict):
            return known.get(str(node.get("Get", "")).removeprefix("Parameters."), default)
        return default if node is None else node

    def training(step: str, given: Mapping[str, Any]) -> Job:
        machines, stop = given.get("ResourceConfig", {}), given.get("StoppingCondition", {})
        preferred = machines.get("InstancePreferences") or [machines]
        kinds = [str(value(each.get("InstanceType"))) for each in preferred]
        return Job(
            step,
            "Training",
            kinds[0],
            int(value(machines.get("InstanceCount"), 1)),
            int(value(stop.get("MaxRuntimeInSeconds"), _LONGEST)),
            bool(value(given.get("EnableManagedSpotTraining"), False)),
            int(value(machines.get("KeepAlivePeriodInSeconds"), 0)),
            others=tuple(kinds[1:]),
        )

    def jobs(steps: Sequence[Mapping[str, Any]]) -> Iterator[Job]:
        for step in steps:
            name, given = step["Name"], step.get("Arguments") or {}
            if step["Type"] == "Condition":
                yield from jobs([*(given.get("IfSteps") or ()), *(given.get("ElseSteps") or ())])
            elif step["Type"] == "Processing":
                machines = given["ProcessingResources"]["ClusterConfig"]
                longest = value(given.get("StoppingCondition", {}).get("MaxRuntimeInSeconds"), _LONGEST)
                kind = str(value(machines.get("InstanceType")))
                yield Job(
                    name, "Processing", kind, int(value(machines.get("InstanceCount"), 1)), int(longest)
                )
            elif step["Type"] == "Training":
                yield training(name, given)
            elif step["Type"] == "Tuning":
                limits = given["HyperParameterTuningJobConfig"]["ResourceLimits"]
                one = training(name, given["TrainingJobDefinition"])
                count = int(value(limits.get("MaxNumberOfTrainingJobs"), 1))
                at_once = int(value(limits.get("MaxParallelTrainingJobs"), 1))
                yield Job(**{**vars(one), "count": count, "at_once": at_once})

    return tuple(jobs(document["Steps"]))
