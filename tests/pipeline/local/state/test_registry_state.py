from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StateError
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

CONTAINER = {
    "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/tf:2.20",
    "ModelDataUrl": "s3://bucket/model.tar.gz",
}
SPECIFICATION = {
    "Containers": [CONTAINER],
    "SupportedContentTypes": ["application/json"],
    "SupportedResponseMIMETypes": ["application/json"],
}
METRICS = {
    "ModelQuality": {
        "Statistics": {"ContentType": "application/json", "S3Uri": "s3://bucket/evaluation.json"}
    }
}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package"


def register(client: Any, group: str, **more: Any) -> str:
    arn: str = client.create_model_package(
        ModelPackageGroupName=group,
        ModelPackageDescription="cnn-3x3",
        InferenceSpecification=SPECIFICATION,
        ModelMetrics=METRICS,
        **{"ModelApprovalStatus": "PendingManualApproval"} | more,
    )["ModelPackageArn"]
    return arn


def described(client: Any, arn: str) -> dict[str, Any]:
    package: dict[str, Any] = client.describe_model_package(ModelPackageName=arn)
    for name in ("ResponseMetadata", "CreationTime", "LastModifiedTime", "LastModifiedBy"):
        package.pop(name, None)
    return package


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The SageMaker client of a server that tests with groups of their own share."""
    home = Home.open(tmp_path_factory.mktemp("state"))
    with Store(home) as store, LocalAws(home, store) as aws:
        yield aws.client("sagemaker")


def test_the_registry_survives_the_server_with_arns_versions_approval_and_metadata(
    home: Home, server: Any
) -> None:
    server.create_model_package_group(ModelPackageGroupName="Fashion", ModelPackageGroupDescription="clothes")
    server.create_model_package_group(ModelPackageGroupName="Empty")
    arns = [
        register(server, "Fashion", CustomerMetadataProperties={"candidate": "cnn-3x3", "seed": "0"}),
        register(server, "Fashion", ModelApprovalStatus="Rejected"),
        register(server, "Fashion"),
    ]
    alone = server.create_model_package(ModelPackageName="alone", InferenceSpecification=SPECIFICATION)
    assert arns == [f"{ARN}/fashion/{version}" for version in (1, 2, 3)]
    with Store(home) as store:
        first = RegistryState(store)
        first.persist(server)
        approval = {"ModelApprovalStatus": "Approved", "ApprovalDescription": "good"}
        server.update_model_package(ModelPackageArn=arns[2], **approval)
        first.persist(server)
        before = {arn: described(server, arn) for arn in (*arns, alone["ModelPackageArn"])}
        created = server.describe_model_package(ModelPackageName=arns[0])["CreationTime"]

        with LocalAws(home, store) as aws:
            client = aws.client("sagemaker")
            assert {arn: described(client, arn) for arn in before} == before
            assert before[arns[2]].items() >= approval.items()
            groups = client.list_model_package_groups()["ModelPackageGroupSummaryList"]
            descriptions = {
                group["ModelPackageGroupName"]: group.get("ModelPackageGroupDescription") for group in groups
            }
            assert descriptions.items() >= {"Fashion": "clothes", "Empty": None}.items()
            assert register(client, "Fashion") == f"{ARN}/fashion/4"
            client.update_model_package(ModelPackageArn=arns[0], ModelApprovalStatus="Rejected")
            aws.persist_registry()

        saved = {package["ModelPackageArn"]: package for package in RegistryState(store).packages()}
    assert [arn for arn in saved if "fashion" in arn or "alone" in arn] == [*before, f"{ARN}/fashion/4"]
    assert saved[arns[0]]["ModelApprovalStatus"] == "Rejected"
    assert datetime.fromisoformat(saved[arns[0]]["CreationTime"]) == created


def test_approving_keeps_the_metadata_on_disk_and_in_the_server(home: Home, server: Any) -> None:
    server.create_model_package_group(ModelPackageGroupName="approving")
    metadata = {"candidate": "cnn-3x3", "execution": "e1"}
    arn = register(server, "approving", CustomerMetadataProperties=metadata)
    with Store(home) as store:
        registry = RegistryState(store)
        registry.persist(server)
        for status in ("Approved", "Rejected", "Approved"):
            server.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
            registry.persist(server)

            saved = {package["ModelPackageArn"]: package for package in registry.packages()}[arn]
            assert (saved["ModelApprovalStatus"], saved["CustomerMetadataProperties"]) == (status, metadata)
            shown = described(server, arn)
            assert (shown["ModelApprovalStatus"], shown["CustomerMetadataProperties"]) == (status, metadata)


def test_saving_twice_changes_nothing(home: Home, server: Any) -> None:
    server.create_model_package_group(ModelPackageGroupName="twice")
    register(server, "twice", CustomerMetadataProperties={"a": "b"})
    with Store(home) as store:
        registry = RegistryState(store)
        registry.persist(server)
        first = (registry.groups(), registry.packages())
        with store.database.transaction() as connection:
            changes = connection.total_changes
        registry.persist(server)
        with store.database.transaction() as connection:
            assert connection.total_changes == changes
        assert (registry.groups(), registry.packages()) == first


def test_saved_packages_are_not_replaced_by_a_server_that_never_got_them(home: Home, server: Any) -> None:
    server.create_model_package_group(ModelPackageGroupName="fresh")
    register(server, "fresh")
    with Store(home) as store:
        RegistryState(store).persist(server)
        with store.database.transaction() as connection:
            connection.execute(
                "UPDATE packages SET record = replace(record, 'package/fresh/1', 'package/fresh/9')"
            )
            connection.execute("UPDATE packages SET crc = checksum(arn, record)")
        before = RegistryState(store).packages()
        with pytest.raises(RuntimeError, match=r"which the server lacks: .*fresh/9"):
            RegistryState(store).persist(server)
        assert RegistryState(store).packages() == before


def test_a_record_with_a_missing_version_is_refused_rather_than_renumbered(home: Home, server: Any) -> None:
    server.create_model_package_group(ModelPackageGroupName="gap")
    register(server, "gap")
    second = register(server, "gap")
    with Store(home) as store:
        RegistryState(store).persist(server)
        with store.database.transaction() as connection:
            connection.execute("DELETE FROM packages WHERE arn != ?", (second,))
            connection.execute("UPDATE packages SET record = replace(record, '\"gap\"', '\"other-gap\"')")
            connection.execute(
                "UPDATE package_groups SET record = replace(record, '\"gap\"', '\"other-gap\"')"
            )
            connection.execute("DELETE FROM package_groups WHERE name != 'gap'")
            connection.execute("UPDATE packages SET crc = checksum(arn, record)")
            connection.execute("UPDATE package_groups SET crc = checksum(name, record)")
        with pytest.raises(
            StateError, match=rf"{second} back .*: it became {ARN}/other-gap/1.*lacks an earlier version"
        ):
            RegistryState(store).restore(server)
