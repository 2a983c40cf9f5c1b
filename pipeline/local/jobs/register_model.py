"""Runs a RegisterModel step: its arguments are a CreateModelPackage request, for the local Model Registry."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from pipeline.local.jobs.service_call import ServiceCall, call_errors, require_model_data
from pipeline.local.state.registry_state import plain
from pipeline.spec.definition import Json

# Two steps at once could create the same group twice.
_one_at_a_time = threading.Lock()


def register_model(call: ServiceCall) -> dict[str, Json]:
    """Register the next version of the group that the request names; returns the package's Describe response.

    As in the service a group that does not exist is created, and the package says which execution generated it.
    A step that was interrupted after the call finds the version it made, instead of making another.

    Raises:
        StepFailed: the model data do not exist, or the request is not accepted.
        StateError: the registry cannot be saved.
    """
    request = _request(call)
    require_model_data(call, (request.get("InferenceSpecification") or {}).get("Containers") or ())
    group = request["ModelPackageGroupName"]
    client = call.aws.client("sagemaker")
    with _one_at_a_time, call_errors(f"Registering a model in the group {group}"):
        if not _group_exists(client, group):
            client.create_model_package_group(ModelPackageGroupName=group)
            call.log.say(f"created the model package group {group}")
        arn = _registered_before(client, request) if call.again else None
        if arn is None:
            arn = client.create_model_package(**request)["ModelPackageArn"]
        described = plain(client.describe_model_package(ModelPackageName=arn))
        call.aws.persist_registry()
    call.log.say(f"registered {arn} ({described.get('ModelApprovalStatus')}); its image is not run")
    if forgotten := sorted(request.keys() - described.keys()):
        call.log.say(f"the local registry does not keep {', '.join(forgotten)}")
    return {**request, **described}


def _request(call: ServiceCall) -> dict[str, Json]:
    """The request with what the service fills in."""
    given = call.request
    properties = given.get("MetadataProperties") or {}
    if call.execution_arn:
        properties = {"GeneratedBy": call.execution_arn, **properties}
    return {
        "ModelApprovalStatus": "PendingManualApproval",
        **given,
        # The service takes an ARN too, which ends with the name.
        "ModelPackageGroupName": given["ModelPackageGroupName"].rpartition("/")[2],
        **({"MetadataProperties": properties} if properties else {}),
    }


def _group_exists(client: Any, name: str) -> bool:
    pages = client.get_paginator("list_model_package_groups").paginate(NameContains=name)
    return any(
        group["ModelPackageGroupName"] == name
        for page in pages
        for group in page["ModelPackageGroupSummaryList"]
    )


def _registered_before(client: Any, request: Mapping[str, Json]) -> str | None:
    """The package that this very request of this execution made; None when it made none."""
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=request["ModelPackageGroupName"]
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            arn: str = summary["ModelPackageArn"]
            described = plain(client.describe_model_package(ModelPackageName=arn))
            # Approval may have changed since; what the registry does not keep cannot be compared.
            same = request.keys() & described.keys() - {"ModelApprovalStatus"}
            if all(described[key] == request[key] for key in same):
                return arn
    return None
