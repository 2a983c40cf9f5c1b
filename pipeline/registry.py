"""The Model Registry of a target: lists the packages of a group, and approves or rejects one.

The same boto3 calls serve SageMaker and the local stand-in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import RegistryError, UnknownVersion, UsageError

STAGES = (STAGING, PRODUCTION) = ("staging", "production")
REJECTED = "Rejected"
LONGEST_NOTE = 1024
"""API reference, ModelLifeCycle: StageDescription."""


@dataclass(frozen=True)
class Package:
    """One version of a model package group. `metadata` is what the evaluation step recorded (all texts).

    `model_data` is the S3 URI of the model, "" when the package names none. `archived`: it is one .tar.gz;
    otherwise it is the files below that URI as they are (API reference, S3ModelDataSource). `instance_types` are
    those that it was registered to be served on; none: any. `baseline` is the S3 URI of what the monitor
    compares with. `life_cycle` is its stage, that stage's status and a description, as far as they were set (API
    reference, ModelLifeCycle).
    """

    version: int
    arn: str
    approval: str
    model_data: str
    image: str
    metrics: str | None
    metadata: Mapping[str, str]
    archived: bool = True
    instance_types: tuple[str, ...] = ()
    baseline: str | None = None
    life_cycle: Mapping[str, str] = field(default_factory=dict)

    @property
    def stage(self) -> str:
        """Where it has been promoted to, in small letters; "" when nowhere, or when it was rejected since."""
        if "Rejected" in (self.approval, self.life_cycle.get("StageStatus")):
            return ""
        return self.life_cycle.get("Stage", "").lower()

    @property
    def report(self) -> str | None:
        """Where the report of the execution that registered it lies; None for a package from elsewhere."""
        return self.metadata.get("report")

    def as_json(self) -> dict[str, Any]:
        """The package as plain JSON values."""
        return {
            "version": self.version,
            "model_package_arn": self.arn,
            "model_approval_status": self.approval,
            "model_data_url": self.model_data,
            "model_data_is_archive": self.archived,
            "image": self.image,
            "model_quality_statistics": self.metrics,
            "drift_baseline": self.baseline,
            "report": self.report,
            "model_life_cycle": dict(self.life_cycle),
            "metadata": dict(self.metadata),
        }


class Registry:
    """The packages of one group. `client` is a boto3 SageMaker client."""

    def __init__(self, client: Any, group: str) -> None:
        self.client = client
        self.group = group

    def packages(self) -> list[Package]:
        """Every version, newest first; empty when the group does not exist."""
        # Here and not at the top: who lists a registry that is on disk needs no client.
        from botocore.exceptions import ClientError

        try:
            pages = self.client.get_paginator("list_model_packages").paginate(
                ModelPackageGroupName=self.group
            )
            arns = [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]]
        except ClientError as error:
            if "does not exist" in str(error) or "not found" in str(error).lower():
                return []
            raise
        return sorted((self._describe(arn) for arn in arns), key=lambda package: -package.version)

    def newest_approved(self) -> Package | None:
        """The approved version with the highest number; None when none is approved."""
        return newest_approved(self.packages())

    def package(self, version: int) -> Package:
        """The package of that version; raises UnknownVersion when there is none."""
        return find_package(self.packages(), version, self.group)

    def set_approval(self, version: int, status: str) -> Package:
        """Sets the approval status ("Approved" or "Rejected") and returns the package as it was before.

        What is rejected leaves its stage: approved again, it has to be promoted again.
        """
        package = self.package(version)
        more = {"ModelLifeCycle": withdrawn(package)} if status == REJECTED and package.stage else {}
        self.client.update_model_package(ModelPackageArn=package.arn, ModelApprovalStatus=status, **more)
        return package

    def promote(self, version: int, stage: str, note: str) -> Package:
        """Sets the version's stage and returns the package as it was before.

        Raises:
            UnknownVersion: there is no such version.
            RegistryError: it may not be promoted there yet.
        """
        package = self.package(version)
        self.client.update_model_package(
            ModelPackageArn=package.arn, ModelLifeCycle=promotion(package, stage, note)
        )
        return package

    def _describe(self, arn: str) -> Package:
        return package_of(self.client.describe_model_package(ModelPackageName=arn))


def promotion(package: Package, stage: str, note: str) -> dict[str, str]:
    """The ModelLifeCycle of a package that is promoted to a stage.

    Raises:
        RegistryError: it is not approved, or is to skip staging.
        UsageError: the note is too long, or not one line.
    """
    doing = f"Could not promote version {package.version} to {stage}"
    approve = f"python -m pipeline registry approve {package.version}"
    if package.approval != "Approved":
        raise RegistryError(f"{doing}: it is {package.approval}. Approve it first: {approve}")
    if stage == PRODUCTION and package.stage not in STAGES:
        raise RegistryError(
            f"{doing}: it has not been in staging. Promote it there first: python -m pipeline registry promote "
            f"{package.version} --to staging"
        )
    if len(note) > LONGEST_NOTE or not note.isprintable():
        raise UsageError(f"{doing}: a note is one line of at most {LONGEST_NOTE} characters.")
    described = {"StageDescription": note} if note else {}
    return {"Stage": stage.capitalize(), "StageStatus": "Approved", **described}


def withdrawn(package: Package) -> dict[str, str]:
    """The ModelLifeCycle of a package that is rejected: SageMaker knows no way to take a stage away."""
    return {**package.life_cycle, "StageStatus": REJECTED}


def newest_approved(packages: Iterable[Package]) -> Package | None:
    """The first of `packages`, which are newest first, that is approved; None when none is."""
    return next((package for package in packages if package.approval == "Approved"), None)


def packages_of_group(described: Iterable[Mapping[str, Any]], group: str) -> list[Package]:
    """The packages of the group among those that DescribeModelPackage responses tell of, newest first."""
    of_group = (package_of(each) for each in described if each.get("ModelPackageGroupName") == group)
    return sorted(of_group, key=lambda package: -package.version)


def package_of(described: Mapping[str, Any]) -> Package:
    """The package that a DescribeModelPackage response tells of."""
    inference: Mapping[str, Any] = described.get("InferenceSpecification", {})
    container: Mapping[str, Any] = next(iter(inference.get("Containers", [])), {})
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    quality = described.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
    baseline = described.get("DriftCheckBaselines", {}).get("ModelDataQuality", {}).get("Statistics", {})
    return Package(
        version=described["ModelPackageVersion"],
        arn=described["ModelPackageArn"],
        approval=described["ModelApprovalStatus"],
        model_data=container.get("ModelDataUrl") or source.get("S3Uri", ""),
        image=container.get("Image", ""),
        metrics=quality.get("S3Uri"),
        metadata=described.get("CustomerMetadataProperties", {}),
        archived="ModelDataUrl" in container or source.get("CompressionType") != "None",
        instance_types=tuple(inference.get("SupportedRealtimeInferenceInstanceTypes", ())),
        baseline=baseline.get("S3Uri"),
        life_cycle=described.get("ModelLifeCycle", {}),
    )


def choose_package(packages: Sequence[Package], version: int | None, group: str) -> Package:
    """The package of that `version`; without one the newest approved, or else the newest that is not rejected.

    `packages` are all of the group's, newest first. Raises RegistryError when there is none to choose, and
    UnknownVersion when there is none of that number.
    """
    if version is not None:
        return find_package(packages, version, group)
    for approvals in (("Approved",), ("PendingManualApproval",)):
        for package in packages:
            if package.approval in approvals:
                return package
    have = "; ".join(f"{package.version} is {package.approval}" for package in packages) or "no versions"
    raise RegistryError(
        f"The model package group {group} has no version that is not rejected ({have}). A run whose winner passes "
        "the gate adds one: python -m pipeline run"
    )


def find_package(packages: Sequence[Package], version: int, group: str) -> Package:
    """The package of that version; raises UnknownVersion when there is none."""
    for package in packages:
        if package.version == version:
            return package
    if not packages:
        raise UnknownVersion(
            f"The model package group {group} has no version {version}, nor any other. A run whose winner passes "
            "the gate adds one: python -m pipeline run"
        )
    have = ", ".join(str(package.version) for package in packages)
    raise UnknownVersion(
        f"The model package group {group} has no version {version}, only {have}. List them with: python -m "
        "pipeline registry list"
    )
