"""What the local Model Registry remembers between runs: groups and packages as the Describe calls show them.

Moto forgets everything when it ends, forgets a package's metadata when its approval changes, and dates what is put
back as of today; the state folder's record is the one that counts.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import UTC, datetime
from typing import Any

from pipeline.errors import StateError
from pipeline.local.state.journal import line_of
from pipeline.local.state.schema import checksum, is_sound
from pipeline.local.state.store import Store
from pipeline.printable import printable

_UNCHECKED: Record = {"ValidationStatuses": [], "ImageScanStatuses": []}
_NOT_THE_PACKAGES_OWN = ("ResponseMetadata",)
# What UpdateModelPackage changes; Moto sets to nothing whichever of them a call leaves out.
_UPDATABLE = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties")
Record = dict[str, Any]


class RegistryState:
    """The saved groups and packages."""

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self._journal = store.journal
        self._lock = threading.Lock()

    def groups(self) -> list[Record]:
        """The saved groups, as DescribeModelPackageGroup shows them (times are ISO 8601 texts), by name.

        Raises:
            StateError: one of them cannot be read.
        """
        faults: list[str] = []
        records = self._records("SELECT name, record, crc FROM package_groups ORDER BY name", faults)
        return _whole(records, faults)

    def packages(self) -> list[Record]:
        """The saved packages, as DescribeModelPackage shows them (times are ISO 8601 texts), oldest first.

        Raises:
            StateError: one of them cannot be read.
        """
        faults: list[str] = []
        return _whole(self.readable_packages(faults), faults)

    def readable_packages(self, faults: list[str]) -> list[Record]:
        """As `packages`, without those that cannot be read, for each of which a sentence is added to `faults`."""
        return self._records("SELECT arn, record, crc FROM packages ORDER BY number", faults)

    def _records(self, sql: str, faults: list[str]) -> list[Record]:
        records = []
        try:
            with self._database.snapshot() as connection:
                for row in connection.execute(sql):
                    if is_sound(row):
                        records.append(json.loads(row[1]))
                    else:
                        faults.append(
                            f"{printable(str(row[0]))} cannot be read from {self._database.path}: its record is "
                            f"not what was written. {self._database.remedy}"
                        )
        except StateError as error:
            faults.append(str(error))
        return records

    def restore(self, client: Any) -> None:
        """Create the saved groups and packages in the server of `client` (SageMaker), which has none yet.

        Raises:
            StateError: the server gave a package another ARN than it had.
        """
        for group in self.groups():
            client.create_model_package_group(**_accepted(client, "CreateModelPackageGroup", group))
        for package in self.packages():
            self._restore_package(client, package)

    def persist(self, client: Any) -> list[tuple[Record | None, Record]]:
        """Write new groups and packages of the server of `client`, and what was updated, into the record.

        Returns each package that is new, or was updated, behind its earlier record.

        Raises:
            StateError: the disk is full, or the database fails.
            RuntimeError: the server lacks saved packages, so that versions begin at 1 again.
        """
        with self._lock:
            saved = {package["ModelPackageArn"]: package for package in self.packages()}
            arns = _package_arns(client)
            if lacking := sorted(saved.keys() - set(arns)):
                raise RuntimeError(
                    f"persist() would replace saved packages, which the server lacks: {lacking}"
                )
            known = {group["ModelPackageGroupName"] for group in self.groups()}
            new = {name: _describe_group(client, name) for name in _group_names(client) if name not in known}
            packages = [_describe_package(client, arn) for arn in arns]
            packages.sort(
                key=lambda package: (package["CreationTime"], package.get("ModelPackageVersion", 0))
            )
            records = [
                _merged(saved.get(package["ModelPackageArn"]), package)
                for package in packages
                if _differ(package, saved.get(package["ModelPackageArn"], {}))
            ]
            with self._database.transaction() as connection:
                connection.executemany(
                    "INSERT OR IGNORE INTO package_groups VALUES (?, ?, ?)",
                    [_row(name, group) for name, group in new.items()],
                )
                self._journal.add(line_of("group", name, group) for name, group in new.items())
                self._write(connection, records)
            for record in records:
                if record["ModelPackageArn"] in saved:
                    # Tells the server what it forgot.
                    _update(client, record)
        return [(saved.get(record["ModelPackageArn"]), record) for record in records]

    def set_life_cycle(self, arn: str, life_cycle: Record) -> None:
        """Write a saved package's stage into the record; Moto knows none.

        Raises:
            StateError: there is no such package, it cannot be read, or the database fails.
        """
        with self._lock:
            saved = {package["ModelPackageArn"]: package for package in self.packages()}
            if arn not in saved:
                raise StateError(f"The local model registry has no {printable(arn)}.")
            self.write([saved[arn] | {"ModelLifeCycle": dict(life_cycle)}])

    def write(self, records: list[Record]) -> None:
        """Write packages into the record, as `packages` gives them. Raises StateError when the database fails."""
        with self._database.transaction() as connection:
            self._write(connection, records)

    def _write(self, connection: sqlite3.Connection, records: list[Record]) -> None:
        connection.executemany(
            "INSERT INTO packages (arn, record, crc) VALUES (?, ?, ?)"
            " ON CONFLICT (arn) DO UPDATE SET record = excluded.record, crc = excluded.crc",
            [_row(record["ModelPackageArn"], record) for record in records],
        )
        self._journal.add(line_of("package", each["ModelPackageArn"], each) for each in records)

    def life_cycle(self, arn: str) -> Record | None:
        """The stage of a saved package; None when none was set. Raises StateError when it cannot be read."""
        records = (each for each in self.packages() if each["ModelPackageArn"] == arn)
        return next((each.get("ModelLifeCycle") for each in records), None)

    def _restore_package(self, client: Any, package: Record) -> None:
        request = _accepted(client, "CreateModelPackage", package)
        arn = client.create_model_package(**request)["ModelPackageArn"]
        if arn != package["ModelPackageArn"]:
            raise StateError(
                f"Could not put {package['ModelPackageArn']} back into the local registry: it became {arn}. "
                "The state database lacks an earlier version of that group; restore it from a copy, or set "
                "FASHION_HOME to another folder."
            )
        if "ApprovalDescription" in package:
            # The one thing that can be set only afterwards.
            _update(client, package)


def _whole(records: list[Record], faults: list[str]) -> list[Record]:
    if faults:
        raise StateError(
            "Could not read the local model registry whole, so its versions cannot be numbered:\n"
            + "\n".join(f"  {fault}" for fault in faults)
        )
    return records


def _row(name: str, record: Record) -> tuple[str, str, int]:
    """The columns of a group or package in its table."""
    text = json.dumps(record)
    return name, text, checksum(name, text)


def _differ(one: Record, other: Record) -> bool:
    """Whether two descriptions of a package differ in what can be updated, or are of two packages."""
    return any(one.get(name) != other.get(name) for name in ("ModelPackageArn", *_UPDATABLE))


def _merged(saved: Record | None, now: Record) -> Record:
    """The new record of a package: of one that is saved, only what can be updated changes."""
    if saved is None:
        return now
    updated = {name: now[name] for name in (*_UPDATABLE, "LastModifiedTime") if name in now}
    return saved | updated


def _update(client: Any, package: Record) -> None:
    """Set all that can be updated at once, since Moto forgets the rest."""
    updates = {name: package[name] for name in _UPDATABLE if name in package}
    client.update_model_package(ModelPackageArn=package["ModelPackageArn"], **updates)


def _accepted(client: Any, operation: str, described: Record) -> Record:
    """The part of a Describe response that the Create call takes."""
    members = client.meta.service_model.operation_model(operation).input_shape.members
    return {name: value for name, value in described.items() if name in members}


def _group_names(client: Any) -> list[str]:
    pages = client.get_paginator("list_model_package_groups").paginate()
    return [
        group["ModelPackageGroupName"] for page in pages for group in page["ModelPackageGroupSummaryList"]
    ]


def _package_arns(client: Any) -> list[str]:
    pages = client.get_paginator("list_model_packages").paginate(ModelPackageType="Both")
    return [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]


def _describe_group(client: Any, name: str) -> Record:
    return plain(client.describe_model_package_group(ModelPackageGroupName=name))


def _describe_package(client: Any, arn: str) -> Record:
    return plain(client.describe_model_package(ModelPackageName=arn))


def plain(described: Record) -> Record:
    """A Describe response as JSON values: times are ISO 8601 texts."""
    own = {name: value for name, value in described.items() if name not in _NOT_THE_PACKAGES_OWN}
    plain: Record = json.loads(json.dumps(unchecked(own), default=_iso))
    return plain


def unchecked(described: Record) -> Record:
    """A Describe response of moto's, which says of each package that it was validated and scanned; here none is."""
    details = "ModelPackageStatusDetails"
    return described | ({details: dict(_UNCHECKED)} if details in described else {})


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"a Describe response can hold JSON values only, not {value!r}")
