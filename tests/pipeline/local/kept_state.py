"""A state folder with executions, objects and models, made without running anything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.state.cache import StepCache
from pipeline.local.state.decisions import Decisions
from pipeline.local.state.objects import Objects, new_entry
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

GROUP = "fashion-mnist"
ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package"
DEFINITION = '{"Version": "2020-12-01", "Steps": []}'


def execution(number: int) -> ExecutionRecord:
    """The execution of that number, with a failed step."""
    steps = (
        StepRecord("NormalizeData", "Processing", "Succeeded", 10.0, 12.5, properties={"A": {"b": [1]}}),
        StepRecord("Train-baseline-0", "Training", "Failed", 12.5, 13.0, failure_reason="“größer”"),
        StepRecord("QualityGate", "Condition"),
    )
    return ExecutionRecord(
        f"exec{number:08d}",
        "fashion",
        "local",
        "Failed",
        {"Epochs": 3},
        1000.0,
        1014.0,
        "why",
        steps,
    )


def package(version: int) -> dict[str, Any]:
    """What DescribeModelPackage says of that version."""
    return {
        "ModelPackageName": GROUP,
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": version,
        "ModelPackageArn": f"{ARN}/{GROUP}/{version}",
        "ModelApprovalStatus": "PendingManualApproval",
        "CreationTime": f"2026-01-0{version}T00:00:00+00:00",
        "InferenceSpecification": {
            "Containers": [{"Image": "image", "ModelDataUrl": f"s3://bucket/{version}/model.tar.gz"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "CustomerMetadataProperties": {"candidate": "cnn-3x3", "test_accuracy": "0.92"},
    }


class FakeRegistry:
    """The calls of a SageMaker client that RegistryState.persist makes."""

    def __init__(self, packages: list[dict[str, Any]]) -> None:
        self._packages = {each["ModelPackageArn"]: each for each in packages}

    def get_paginator(self, operation: str) -> FakePages:
        """The groups or packages, on one page."""
        if operation == "list_model_package_groups":
            return FakePages({"ModelPackageGroupSummaryList": [{"ModelPackageGroupName": GROUP}]})
        return FakePages({"ModelPackageSummaryList": list(self._packages.values())})

    def describe_model_package_group(self, ModelPackageGroupName: str) -> dict[str, Any]:  # noqa: N803
        """The group."""
        return {
            "ModelPackageGroupName": ModelPackageGroupName,
            "ModelPackageGroupArn": f"{ARN}-group/{GROUP}",
        }

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        """The package of that ARN."""
        return self._packages[ModelPackageName]


class FakePages:
    """A paginator with one page."""

    def __init__(self, page: dict[str, Any]) -> None:
        self._page = page

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        """The page."""
        return [self._page]


def make_state(home: Home, executions: int = 3, packages: int = 3) -> None:
    """Fill the state folder; execution number 1 has run further since it was first saved."""
    with Store(home) as store:
        for number in range(executions):
            record = execution(number)
            store.save_execution(replace(record, status="Executing", ended_at=None), DEFINITION)
            store.save_execution(record, DEFINITION)
        objects = Objects(home, store)
        for version in range(1, packages + 1):
            objects.put("bucket", f"{version}/model.tar.gz", [f"model {version}".encode()])
        content = objects.contents.write([b"described"], "s3://bucket/described")
        details = {"metadata": {"name": "“größer”"}}
        objects.record(
            [replace(new_entry("bucket", "described", content), details=details)], buckets={"empty": None}
        )
        objects.put("bucket", "gone", [b"x"])
        objects.forget("bucket", ["gone"])
        StepCache(home, store).record("k" * 64, "exec00000000", {"Name": "job"})
        decisions = Decisions(store)
        decisions.note("exec00000000", "job", '["p", "job"]', "no result")
        decisions.note("exec00000001", "job", '["p", "job"]', "reused", "exec00000000")
        RegistryState(store).persist(FakeRegistry([package(each) for each in range(1, packages + 1)]))


def state_of(home: Home) -> dict[str, Any]:
    """What the state folder says, to compare."""
    with Store(home) as store:
        records = store.executions()
        return {
            "executions": records,
            "definitions": {store.definition_text(record.execution_id) for record in records},
            "objects": Objects(home, store).under("s3://bucket/"),
            "buckets": Objects(home, store).buckets(),
            "entries": Objects(home, store).entries("bucket"),
            "packages": RegistryState(store).packages(),
            "groups": RegistryState(store).groups(),
            "cache": json.loads(json.dumps(store.database.rows("SELECT * FROM cache"))),
            "keys": store.database.rows("SELECT * FROM keys"),
            "decisions": store.database.rows("SELECT * FROM decisions"),
        }
